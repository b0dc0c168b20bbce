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

/// What is asked; whoever understands SQL finds it out when a rule wants to know.
pub trait Statement {
    /// Its text.
    fn text(&self) -> &[u8];
    /// The tables in it as they are written, with or without their schemas.
    fn tables(&self) -> Vec<String>;
    /// Its digest.
    fn digest(&self) -> u64;
}

/// The target of the first rule that fits; none if none does.
#[must_use]
pub fn target(rules: &[RouteRule], caller: Caller<'_>, statement: &impl Statement) -> Option<Target> {
    rules.iter().find(|rule| fits(rule, caller, statement)).map(|rule| rule.target)
}

fn fits(rule: &RouteRule, caller: Caller<'_>, statement: &impl Statement) -> bool {
    let is = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
    is(&rule.user, caller.user)
        && is(&rule.database, caller.database)
        && is(&rule.application_name, caller.application)
        && rule.statement.as_ref().is_none_or(|pattern| pattern.is_in(statement.text()))
        && rule.digest.is_none_or(|digest| digest == statement.digest())
        && rule
            .table
            .as_ref()
            .is_none_or(|table| statement.tables().iter().any(|named| is_same(table, named)))
}

/// Whether two names may be of one table: where only one has a schema, the other may be found in it.
fn is_same(one: &str, other: &str) -> bool {
    let parts = |name: &str| match name.rsplit_once('.') {
        Some((schema, table)) => (Some(schema.to_owned()), table.to_owned()),
        None => (None, name.to_owned()),
    };
    let ((schema, table), (other_schema, other_table)) = (parts(one), parts(other));
    table == other_table && (schema.is_none() || other_schema.is_none() || schema == other_schema)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use config::Config;

    use super::*;

    const CALLER: Caller<'_> = Caller { user: "ann", database: "app", application: "psql" };

    /// A statement of which everything is known: the text, whose last word is its table.
    struct Said<'a>(&'a str);

    impl Statement for Said<'_> {
        fn text(&self) -> &[u8] {
            self.0.as_bytes()
        }

        fn tables(&self) -> Vec<String> {
            self.0.split(' ').next_back().map(str::to_owned).into_iter().collect()
        }

        fn digest(&self) -> u64 {
            0xff
        }
    }

    fn of(rules: &str, sql: &str) -> Option<Target> {
        let file = format!(
            "[listen]\naddress = \"127.0.0.1:1\"\n[auth]\nmethod = \"trust\"\n[[database]]\nname = \"app\"\n\
             [[database.server]]\nhost = \"127.0.0.1\"\n{rules}"
        );
        let config = Config::parse(&file, Path::new("a.toml"), &|_| None).unwrap();
        target(&config.servers.route.rules, CALLER, &Said(sql))
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
    fn a_table_is_the_same_with_and_without_its_schema() {
        let rule = |table: &str| format!("[[route.rule]]\ntable = \"{table}\"\ntarget = \"primary\"\n");
        for (table, sql, fits) in [
            ("jobs", "SELECT 1 FROM jobs", true),
            ("jobs", "SELECT 1 FROM public.jobs", true),
            ("public.jobs", "SELECT 1 FROM jobs", true),
            ("public.jobs", "SELECT 1 FROM public.jobs", true),
            ("public.jobs", "SELECT 1 FROM other.jobs", false),
            ("jobs", "SELECT 1 FROM old_jobs", false),
        ] {
            assert_eq!(of(&rule(table), sql).is_some(), fits, "{table} {sql}");
        }
    }

    #[test]
    fn a_digest_fits_its_statements_only() {
        let rule = |digest: &str| format!("[[route.rule]]\ndigest = \"{digest}\"\ntarget = \"primary\"\n");
        assert_eq!(of(&rule("00000000000000ff"), "SELECT 1"), Some(Target::Primary));
        assert_eq!(of(&rule("00000000000000fe"), "SELECT 1"), None);
    }
}
