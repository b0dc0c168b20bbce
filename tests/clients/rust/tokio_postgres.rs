//! tokio-postgres: statements prepared and dropped, pipelined futures, portals, COPY, cancelling.

use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use crate::stage::{NAME, PASSWORD, Place};

/// Runs everything with a table of its own; what it has seen.
pub(super) async fn program(place: Place, copy: usize) -> String {
    let mut config = Config::new();
    config.host("127.0.0.1").port(place.port()).user(NAME).dbname(NAME).password(PASSWORD);
    let (mut client, connection) = config.connect(NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let table = format!("parts{copy}");
    client.batch_execute(&format!("create table {table} (id int primary key, name text)")).await.unwrap();
    let mut said = String::new();
    results(&client, &mut said).await;
    errors(&client, &table, &mut said).await;
    transactions(&mut client, &table, &mut said).await;
    copies(&client, &table, &mut said).await;
    cancelled(&client, &mut said).await;
    client.batch_execute(&format!("drop table {table}")).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
    said
}

fn code(error: &Error) -> String {
    error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned())
}

async fn results(client: &Client, said: &mut String) {
    for k in 0..10_i32 {
        let row = client.query_one("select $1::int * 2, $2::text", &[&k, &"täxt"]).await.unwrap();
        let _ = writeln!(said, "{} {}", row.get::<_, i32>(0), row.get::<_, &str>(1));
    }
    let statements = join_all(
        (0..20).map(|k| async move { client.prepare(&format!("select $1::int + {k}")).await.unwrap() }),
    )
    .await;
    for turn in 0..5_i32 {
        let params: [&(dyn ToSql + Sync); 1] = [&turn];
        let rows = try_join_all(statements.iter().map(|statement| client.query_one(statement, &params)))
            .await
            .unwrap();
        let sums: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        let _ = writeln!(said, "{sums:?}");
    }
    drop(statements); // each is closed at the server
    let typed = client.prepare_typed("select $1", &[Type::INT8]).await.unwrap();
    let _ = writeln!(said, "{:?} {:?}", typed.params(), typed.columns()[0].type_());
    let rows = client.query_typed("select $1 + 1", &[(&5_i32, Type::INT4)]).await.unwrap();
    let _ = writeln!(said, "{}", rows[0].get::<_, i32>(0));
    for message in
        client.simple_query("select 1 as a; select 'x'; create temp table t () on commit drop").await.unwrap()
    {
        match message {
            SimpleQueryMessage::Row(row) => writeln!(said, "row {:?}", row.get(0)).unwrap(),
            SimpleQueryMessage::CommandComplete(count) => writeln!(said, "complete {count}").unwrap(),
            SimpleQueryMessage::RowDescription(columns) => {
                writeln!(said, "columns {}", columns.len()).unwrap();
            }
            _ => said.push_str("something new\n"),
        }
    }
}

async fn errors(client: &Client, table: &str, said: &mut String) {
    client
        .execute(&format!("insert into {table} select g, 'part ' || g from generate_series(1, 500) g"), &[])
        .await
        .unwrap();
    let twice = format!("insert into {table} values ($1, 'twice')");
    for sql in
        ["select 1 / $1::int", "select * from no_such_table where id = $1", "selekt $1", twice.as_str()]
    {
        for turn in 0..2_i32 {
            let error =
                client.query(sql, &[&turn]).await.map(|rows| rows.len()).map_err(|error| code(&error));
            let _ = writeln!(said, "{error:?}");
        }
    }
    // one of many under way fails, and no other is touched
    let one = client.prepare("select 12 / $1::int").await.unwrap();
    let divisors: Vec<i32> = vec![1, 2, 0, 3, 0, 4];
    let answers = join_all(divisors.iter().map(|by| {
        let one = &one;
        async move { client.query_one(one, &[by]).await }
    }));
    for answer in answers.await {
        let _ = writeln!(said, "{:?}", answer.map(|row| row.get::<_, i32>(0)).map_err(|error| code(&error)));
    }
}

async fn transactions(client: &mut Client, table: &str, said: &mut String) {
    let mut transaction = client.transaction().await.unwrap();
    let update = transaction.prepare(&format!("update {table} set name = $1 where id = $2")).await.unwrap();
    transaction.execute(&update, &[&"first", &1_i32]).await.unwrap();
    let inner = transaction.transaction().await.unwrap();
    inner.execute(&update, &[&"undone", &2_i32]).await.unwrap();
    let failed = inner.execute("select 1/0", &[]).await.unwrap_err();
    let _ = writeln!(said, "{}", code(&failed));
    inner.rollback().await.unwrap();
    let portal = transaction.bind(&format!("select id from {table} order by id"), &[]).await.unwrap();
    for rows in [3, 100, 0] {
        let got: Vec<i32> =
            transaction.query_portal(&portal, rows).await.unwrap().iter().map(|row| row.get(0)).collect();
        let _ = writeln!(said, "portal {} {:?} {:?}", got.len(), got.first(), got.last());
    }
    transaction.commit().await.unwrap();
    for keep in [true, false] {
        let transaction = client.transaction().await.unwrap();
        transaction
            .execute(&format!("update {table} set name = name || '!' where id < $1"), &[&4_i32])
            .await
            .unwrap();
        if keep {
            transaction.commit().await.unwrap();
        } // else it is rolled back when dropped
    }
    let rows =
        client.query(&format!("select name from {table} where id < 4 order by id"), &[]).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let _ = writeln!(said, "{names:?}");
    let stream = client.query_raw("select generate_series(1, $1::int)", [1000_i32]).await.unwrap();
    let sum = stream.try_fold(0, async |sum, row| Ok(sum + row.get::<_, i32>(0))).await.unwrap();
    let _ = writeln!(said, "{sum}");
}

async fn copies(client: &Client, table: &str, said: &mut String) {
    let mut sink = pin!(client.copy_in(&format!("copy {table} from stdin")).await.unwrap());
    for k in 1000..3000 {
        sink.send(bytes::Bytes::from(format!("{k}\tcopied {k}\n"))).await.unwrap();
    }
    let _ = writeln!(said, "{}", sink.finish().await.unwrap());
    {
        let mut given_up = pin!(client.copy_in(&format!("copy {table} from stdin")).await.unwrap());
        given_up.send(bytes::Bytes::from_static(b"9000\tgiven up\n")).await.unwrap();
    }
    let mut broken = pin!(client.copy_in(&format!("copy {table} from stdin")).await.unwrap());
    broken.send(bytes::Bytes::from_static(b"x\ty\n")).await.unwrap();
    let _ = writeln!(said, "{:?}", broken.finish().await.map_err(|error| code(&error)));
    let sql = format!("copy (select * from {table} where id >= 2998 order by id) to stdout");
    let out = client.copy_out(&sql).await.unwrap();
    let blocks: Vec<_> =
        out.map(|block| String::from_utf8_lossy(&block.unwrap()).into_owned()).collect().await;
    let _ = writeln!(said, "{:?}", blocks.concat());
    let count: i64 = client.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get(0);
    let _ = writeln!(said, "{count}");
}

async fn cancelled(client: &Client, said: &mut String) {
    let token = client.cancel_token();
    let sleeping = client.batch_execute("select pg_sleep(60)");
    let mut sleeping = pin!(sleeping);
    loop {
        // the first cancel may come before the query is under way
        tokio::select! {
            done = &mut sleeping => {
                let _ = writeln!(said, "{:?}", done.map_err(|error| code(&error)));
                break;
            }
            () = tokio::time::sleep(Duration::from_millis(100)) => token.cancel_query(NoTls).await.unwrap(),
        }
    }
    let row = client.query_one("select $1::int", &[&7_i32]).await.unwrap();
    let _ = writeln!(said, "{}", row.get::<_, i32>(0));
}
