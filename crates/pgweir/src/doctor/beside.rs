//! What is asked besides servers: exporters of machines.

use std::io::Write;

use config::Database;

use super::sheet::{Finding, Sheet};
use crate::monitor;

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
    }
}
