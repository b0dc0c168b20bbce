//! Whether those get in on the server who are to use it, and whether `auth.query` finds somebody.

use std::io::Write;

use config::{Config, Database};
use pool::Directory;
use pool::lookup::{Answer, Line};
use pool::probe::Asker;

use super::server;
use super::sheet::{Finding, Sheet, identifier};

/// Of many users only the first ones are tried.
const MOST: usize = 20;

/// The user of the database, or those of the configuration whose passwords are known, on the server that takes writes.
pub(super) async fn examine(
    (config, directory): (&Config, &Directory),
    entry: &Database,
    (at, refused): (Option<usize>, Option<String>),
    sheet: &mut Sheet<impl Write>,
) {
    let Some((at, on)) = at.and_then(|at| Some((at, entry.servers.get(at)?))) else { return };
    let users: Vec<&str> = match &entry.user {
        Some(user) => vec![user],
        None => {
            let known = config.users.iter().filter(|user| user.password.is_some());
            known.map(|user| user.name.as_str()).collect()
        }
    };
    let place = format!("{}/{}", entry.name, on.shown_name());
    let patience = config.pool.with(&entry.pool).connect_timeout();
    for user in users.iter().take(MOST).filter(|user| refused.as_deref() != Some(user)) {
        let target = match directory.visitor(entry, user, at) {
            Ok(target) => target,
            Err(why) => {
                sheet.note(
                    &place,
                    &Finding::fail(format!("user \"{user}\" cannot log in: {why}"), "another password"),
                );
                continue;
            }
        };
        let finding = match Asker::default().facts(&target, directory.shared(), patience).await {
            Ok(_) => Finding::ok(format!("user \"{user}\" gets in to database \"{}\"", target.dbname)),
            Err(failed) => server::failed(&failed, on, user),
        };
        sheet.note(&place, &finding);
    }
    if users.len() > MOST {
        let left = users.len() - MOST;
        sheet.note(&entry.name, &Finding::ok(format!("{left} more users were not tried")));
    }
}

/// Whether users can be looked up.
pub(super) async fn lookups(directory: &Directory, sheet: &mut Sheet<impl Write>) {
    let source = match directory.source() {
        Ok(Some(source)) => source,
        Ok(None) => return,
        Err(why) => {
            sheet.note("auth.query", &Finding::fail(format!("it cannot be used: {why}"), "see [auth.query]"));
            return;
        }
    };
    let user = source.target.user.clone();
    let asked = async {
        let mut line = Line::open(&source, directory.shared()).await?;
        line.ask(&source, std::slice::from_ref(&user)).await
    };
    let fix = format!(
        "a function that \"{user}\" may call: GRANT EXECUTE ON FUNCTION … TO {}; (see access.md)",
        identifier(&user)
    );
    let finding = match asked.await.map(|answers| answers.into_iter().next()) {
        // what it is, is nobody's to know
        Ok(Some(Answer::Secret(..))) => {
            Finding::ok(format!("\"{user}\" finds users on {}", source.target.address()))
        }
        Ok(Some(Answer::Nobody(why))) => {
            Finding::warn(format!("the query runs, and says nothing of \"{user}\" itself: {why}"), fix)
        }
        Ok(None) => Finding::fail("the query has no answer", fix),
        Err(error) => Finding::fail(format!("the query does not work: {error}"), fix),
    };
    sheet.note("auth.query", &finding);
}
