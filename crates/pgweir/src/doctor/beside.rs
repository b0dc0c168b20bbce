//! What is asked besides servers: exporters of machines, and Patroni.

use std::io::Write;
use std::time::Duration;

use config::Database;

use super::sheet::{Finding, Sheet};
use crate::monitor;
use crate::web::Page;

/// How long Patroni may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn examine(entry: &Database, sheet: &mut Sheet<impl Write>) {
    for server in &entry.servers {
        let place = format!("{}/{}", entry.name, server.shown_name());
        if let Some(url) = &server.node_exporter {
            let finding = match monitor::machine::try_once(url).await {
                Ok(()) => Finding::ok("its node_exporter tells how busy the machine is"),
                Err(why) => Finding::fail(
                    format!("its node_exporter does not tell how busy the machine is: {why}"),
                    "curl the URL in node_exporter from this machine",
                ),
            };
            sheet.note(&place, &finding);
        }
        if let Some(url) = &server.patroni {
            sheet.note(&place, &patroni(url).await);
        }
    }
}

async fn patroni(url: &str) -> Finding {
    let Some(page) = Page::parse(url) else {
        return Finding::fail("Patroni cannot be asked", "patroni = \"http://host:port\"");
    };
    match monitor::patroni::ask(&page, PATIENCE).await {
        Ok(opinion) => {
            let mut leaders = opinion.members.iter().filter(|mate| mate.role == "leader");
            match leaders.next() {
                Some(leader) => Finding::ok(format!(
                    "Patroni answers as \"{}\", the leader is \"{}\"",
                    opinion.name, leader.name
                )),
                None => Finding::warn(
                    format!("Patroni answers as \"{}\" and knows no leader", opinion.name),
                    "patronictl list",
                ),
            }
        }
        Err(why) => Finding::fail(
            format!("Patroni does not answer: {why}"),
            "restapi.listen of Patroni, and the firewall; curl the URL in patroni from this machine",
        ),
    }
}
