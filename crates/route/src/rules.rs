//! Rules of the configuration: where what a client asks for goes.

use config::{RouteRule, Target};

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The user it logged in as.
    pub user: &'a str,
    /// The database it asked for.
    pub database: &'a str,
    /// Its `application_name`.
    pub application: &'a str,
}

/// The target of the first rule that fits; none if none does.
#[must_use]
pub fn target(rules: &[RouteRule], caller: Caller<'_>, sql: &[u8]) -> Option<Target> {
    rules.iter().find(|rule| fits(rule, caller, sql)).map(|rule| rule.target)
}

fn fits(rule: &RouteRule, caller: Caller<'_>, sql: &[u8]) -> bool {
    let is = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
    // nobody tells yet which tables a statement names, or what its digest is
    let known = rule.table.is_none() && rule.digest.is_none();
    known
        && is(&rule.user, caller.user)
        && is(&rule.database, caller.database)
        && is(&rule.application_name, caller.application)
        && rule.statement.as_ref().is_none_or(|pattern| pattern.is_in(sql))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use config::Config;

    use super::*;

    const CALLER: Caller<'_> = Caller { user: "ann", database: "app", application: "psql" };

    fn of(rules: &str, sql: &str) -> Option<Target> {
        let file = format!(
            "[listen]\naddress = \"127.0.0.1:1\"\n[auth]\nmethod = \"trust\"\n[[database]]\nname = \"app\"\n\
             [[database.server]]\nhost = \"127.0.0.1\"\n{rules}"
        );
        let config = Config::parse(&file, Path::new("a.toml"), &|_| None).unwrap();
        target(&config.servers.route.rules, CALLER, sql.as_bytes())
    }

    #[test]
    fn the_first_rule_of_which_everything_fits_decides() {
        let rules = "[[route.rule]]\nuser = \"bob\"\ntarget = \"primary\"\n\
                     [[route.rule]]\nuser = \"ann\"\nstatement = \"(?i)from jobs\"\ntarget = \"primary\"\n\
                     [[route.rule]]\ndatabase = \"app\"\napplication_name = \"psql\"\ntarget = \"replica\"\n";
        assert_eq!(of(rules, "SELECT 1 FROM JOBS"), Some(Target::Primary));
        assert_eq!(of(rules, "SELECT 1"), Some(Target::Replica));
        assert_eq!(of("", "SELECT 1"), None);
    }

    #[test]
    fn what_is_not_followed_yet_fits_nothing() {
        let rules = "[[route.rule]]\ntable = \"jobs\"\ntarget = \"primary\"\n\
                     [[route.rule]]\ndigest = \"0\"\ntarget = \"primary\"\n";
        assert_eq!(of(rules, "SELECT 1 FROM jobs"), None);
    }
}
