//! How many clients may be there: of the proxy, of a database, of a user.

use testkit::proxy::Server;
use testkit::{Client, Postgres, Proxy, wait};

use crate::scene::{PGWEIR, server_error};

fn came_in(proxy: &Proxy, user: &str, database: &str) -> Result<Client, (String, String)> {
    let opened = proxy.connect().user(user).database(database).password("secret").try_open();
    opened.map_err(|error| {
        let error = server_error::<()>(Err(error));
        assert_eq!(error.code(), "53300", "{error}");
        assert!(!error.field(b'H').is_empty(), "a hint: {error}");
        (error.message().to_owned(), error.field(b'D').to_owned())
    })
}

#[test]
fn limits_on_clients_count_over_all_pools_of_what_they_are_for() {
    let postgres = Postgres::start();
    let server = || Server::from(&postgres).key("dbname", "\"postgres\"").login("postgres", "unused");
    let users = ["one", "two", "three"].map(|name| {
        let limit = if name == "one" { "max_clients = 2" } else { "" };
        format!("[[user]]\nname = \"{name}\"\npassword = \"secret\"\n{limit}\n")
    });
    let proxy = Proxy::builder(PGWEIR)
        .auth("plain")
        .database("small", server().key("pool", "{ max_clients = 3 }"))
        .database("large", server())
        .set("pool.max_clients", "6")
        .toml(&users.concat())
        .start();
    let mut inside = vec![came_in(&proxy, "one", "small").unwrap(), came_in(&proxy, "one", "large").unwrap()];
    for database in ["small", "large"] {
        let (message, detail) = came_in(&proxy, "one", database).unwrap_err();
        assert_eq!(message, "too many connections for role \"one\"");
        assert!(detail.contains("2 clients are there, the limit is 2"), "{detail}");
    }
    inside.push(came_in(&proxy, "two", "small").unwrap());
    inside.push(came_in(&proxy, "three", "small").unwrap());
    let (message, detail) = came_in(&proxy, "two", "small").unwrap_err();
    assert_eq!(message, "too many connections for database \"small\"");
    assert!(detail.contains("3 clients are there, the limit is 3"), "{detail}");
    inside.push(came_in(&proxy, "two", "large").unwrap());
    inside.push(came_in(&proxy, "two", "large").unwrap());
    let (message, _) = came_in(&proxy, "two", "large").unwrap_err();
    assert_eq!(message, "sorry, too many clients already");
    // a place is free again when somebody leaves, and those who were refused have taken none
    drop(inside.remove(0));
    wait::until(wait::PATIENCE, "a place for one", || came_in(&proxy, "one", "small").is_ok());
    for client in &mut inside {
        assert_eq!(client.rows("SELECT 1"), "1");
    }
}
