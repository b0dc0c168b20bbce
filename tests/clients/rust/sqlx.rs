//! sqlx: statements kept and not kept, its pool, transactions, streams, COPY.

use std::fmt::Write as _;

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, Column, Connection, Executor, PgConnection, Row, Statement};

use crate::stage::{NAME, PASSWORD, Place};

/// Runs everything with a table of its own; what it has seen.
pub(super) async fn program(place: Place, copy: usize) -> String {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(place.port())
        .username(NAME)
        .database(NAME)
        .password(PASSWORD)
        .ssl_mode(PgSslMode::Disable);
    let mut conn = PgConnection::connect_with(&options.clone().statement_cache_capacity(10)).await.unwrap();
    let table = format!("pages{copy}");
    run(&mut conn, format!("create table {table} (id int primary key, name text)")).await.unwrap();
    let mut said = String::new();
    results(&mut conn, &mut said).await;
    errors(&mut conn, &table, &mut said).await;
    transactions(&mut conn, &table, &mut said).await;
    copies(&mut conn, &table, &mut said).await;
    conn.ping().await.unwrap();
    run(&mut conn, format!("drop table {table}")).await.unwrap();
    conn.close().await.unwrap();
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
    pooled(&pool, &mut said).await;
    pool.close().await;
    said
}

async fn run(conn: &mut PgConnection, sql: String) -> Result<u64, sqlx::Error> {
    conn.execute(AssertSqlSafe(sql)).await.map(|done| done.rows_affected())
}

fn code(error: &sqlx::Error) -> String {
    let database = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    database.unwrap_or_else(|| error.to_string())
}

async fn results(conn: &mut PgConnection, said: &mut String) {
    for k in 0..10_i32 {
        let row = sqlx::query("select $1 * 2, $2::text, $3::bytea, null::int");
        let row = row.bind(k).bind("täxt").bind(vec![0_u8, 255]).fetch_one(&mut *conn).await.unwrap();
        let _ = writeln!(
            said,
            "{} {} {:?} {:?}",
            row.get::<i32, _>(0),
            row.get::<&str, _>(1),
            row.get::<&[u8], _>(2),
            row.get::<Option<i32>, _>(3)
        );
    }
    // more statements than it keeps, and statements that it does not keep
    for persistent in [true, false] {
        let mut sum = 0;
        for k in 0..90 {
            let sql = AssertSqlSafe(format!("select $1 + {}", k % 30));
            let query = sqlx::query_scalar::<_, i32>(sql).bind(k).persistent(persistent);
            sum += query.fetch_one(&mut *conn).await.unwrap();
        }
        let _ = writeln!(said, "{sum}");
    }
    let many = sqlx::raw_sql("select 1; select 2, 3; select 'x'").fetch_all(&mut *conn).await.unwrap();
    let _ = writeln!(said, "{:?}", many.iter().map(Row::len).collect::<Vec<_>>());
    let rows = sqlx::query("select g from generate_series(1, $1) g").bind(5000_i32).fetch(&mut *conn);
    let sum = rows.try_fold(0, async |sum, row| Ok(sum + row.get::<i32, _>(0))).await.unwrap();
    let _ = writeln!(said, "{sum}");
    // it asks for one row and leaves the others
    let first =
        sqlx::query_scalar::<_, i32>("select generate_series(1, 1000)").fetch_optional(&mut *conn).await;
    let _ = writeln!(said, "{:?}", first.unwrap());
    let prepared =
        conn.prepare(sqlx::SqlStr::from_static("select $1::int8 as n, 'x'::text as t")).await.unwrap();
    let _ = writeln!(said, "{:?}", prepared.columns().iter().map(Column::name).collect::<Vec<_>>());
}

async fn errors(conn: &mut PgConnection, table: &str, said: &mut String) {
    let fill = format!("insert into {table} select g, 'page ' || g from generate_series(1, 300) g");
    let _ = writeln!(said, "{}", run(conn, fill).await.unwrap());
    let twice = format!("insert into {table} values ($1, 'twice')");
    for sql in ["select 1 / $1", "select * from no_such_table where id = $1", "selekt $1", twice.as_str()] {
        for turn in 0..2_i32 {
            let done = sqlx::query(AssertSqlSafe(sql.to_owned())).bind(turn).execute(&mut *conn).await;
            let _ =
                writeln!(said, "{:?}", done.map(|done| done.rows_affected()).map_err(|error| code(&error)));
        }
    }
}

async fn transactions(conn: &mut PgConnection, table: &str, said: &mut String) {
    for keep in [true, false] {
        let mut outer = conn.begin().await.unwrap();
        run(&mut outer, format!("update {table} set name = name || '!' where id < 3")).await.unwrap();
        let mut inner = outer.begin().await.unwrap();
        run(&mut inner, format!("delete from {table}")).await.unwrap();
        let _ = writeln!(
            said,
            "{:?}",
            run(&mut inner, "select 1/0".to_owned()).await.map_err(|error| code(&error))
        );
        inner.rollback().await.unwrap();
        if keep {
            outer.commit().await.unwrap();
        } // else it is rolled back when dropped
    }
    let sql = AssertSqlSafe(format!(
        "select string_agg(name, ',' order by id), count(*) from {table} where id < 5"
    ));
    let row = sqlx::query(sql).fetch_one(&mut *conn).await.unwrap();
    let _ = writeln!(said, "{} {}", row.get::<&str, _>(0), row.get::<i64, _>(1));
}

async fn copies(conn: &mut PgConnection, table: &str, said: &mut String) {
    let sql = format!("copy {table} from stdin (format csv)");
    let mut copy = conn.copy_in_raw(&sql).await.unwrap();
    for k in 1000..1500 {
        copy.send(format!("{k},copied {k}\n").into_bytes()).await.unwrap();
    }
    let _ = writeln!(said, "{}", copy.finish().await.unwrap());
    let mut broken = conn.copy_in_raw(&sql).await.unwrap();
    broken.send(&b"x,y\n"[..]).await.unwrap();
    let _ = writeln!(said, "{:?}", broken.finish().await.map_err(|error| code(&error)));
    let sql = format!("copy (select * from {table} where id >= 1498 order by id) to stdout");
    let out = conn.copy_out_raw(&sql).await.unwrap();
    let blocks: Vec<_> = out.try_collect().await.unwrap();
    let _ = writeln!(said, "{:?}", String::from_utf8_lossy(&blocks.concat()));
}

async fn pooled(pool: &PgPool, said: &mut String) {
    let answers = join_all((0..200_i32).map(|k| async move {
        let mut transaction = pool.begin().await.unwrap();
        let sql = AssertSqlSafe(format!("select $1 + {}", k % 7));
        let sum: i32 = sqlx::query_scalar(sql).bind(k).fetch_one(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        sum == k + k % 7
    }));
    let _ = writeln!(said, "{}", answers.await.into_iter().filter(|&right| right).count());
}
