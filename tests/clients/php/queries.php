<?php
// PDO (prepared at the server; "emulated": bound on its side), then the functions of the pgsql extension.
$table = 'wares' . (getenv('COPY') ?: '');

function say(...$words) {
    echo implode(' ', array_map('json_encode', $words)), "\n";
}

function attempt(callable $work) {
    try {
        $work();
        say('no error');
    } catch (PDOException $error) {
        say($error->errorInfo[0]);
    }
}

function connect(array $options = []) {
    $dsn = sprintf('pgsql:host=%s;port=%s;dbname=%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'));
    return new PDO($dsn, getenv('PGUSER'), getenv('PGPASSWORD'), $options + [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_EMULATE_PREPARES => ($GLOBALS['argv'][1] ?? '') === 'emulated',
    ]);
}

function results($db, $table) {
    for ($k = 0; $k < 20; $k++) {
        // freed at the end of each round: DEALLOCATE of the statement's name
        $statement = $db->prepare('select ?::int + 1 as n, ?::text as t');
        $statement->execute([$k, "täxt '$k'"]);
        say($statement->fetch(PDO::FETCH_ASSOC), $statement->columnCount());
    }
    $insert = $db->prepare("insert into $table values (:id, :name)");
    for ($k = 0; $k < 50; $k++) {
        $insert->execute(['id' => $k, 'name' => "ware $k"]);
    }
    say($insert->rowCount());
    $select = $db->prepare("select name from $table where id between ? and ? order by id");
    foreach ([[3, 5], [40, 60]] as $range) {
        $select->execute($range);
        say($select->fetchAll(PDO::FETCH_COLUMN));
    }
    say($db->query('select 1 as a')->fetchAll(PDO::FETCH_NUM), $db->exec("update $table set name = upper(name) where id < 3"));
    say($db->query("select true, null, 1.5::float8, 'x'::bytea is null")->fetch(PDO::FETCH_NUM));
}

function errors($db, $table) {
    for ($turn = 0; $turn < 2; $turn++) {
        attempt(fn() => $db->query('select 1/0'));
        attempt(fn() => $db->prepare('select 1 / ?::int')->execute([0]));
        attempt(fn() => $db->prepare('select * from no_such_table where a = ?')->execute([1]));
        attempt(fn() => $db->prepare("insert into $table values (?, ?)")->execute([1, 'twice']));
    }
    say($db->query('select 2')->fetchColumn());
}

function transactions($db, $table) {
    foreach ([true, false] as $keep) {
        $db->beginTransaction();
        for ($k = 0; $k < 5; $k++) {
            $update = $db->prepare("update $table set name = name || ? where id = ?");
            $update->execute(['!', $k]);
            $update = null; // DEALLOCATE inside the transaction
        }
        $db->exec('savepoint s');
        attempt(fn() => $db->prepare('select 1 / ?::int')->execute([0]));
        $db->exec('rollback to savepoint s');
        say($db->inTransaction());
        $keep ? $db->commit() : $db->rollBack();
    }
    say($db->query("select string_agg(name, ',' order by id) from $table where id < 6")->fetchColumn());
    $db->beginTransaction();
    $cursor = $db->prepare("select id from $table order by id", [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
    $cursor->execute();
    say($cursor->fetchColumn(), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_ABS, 7), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_PRIOR));
    $cursor = null;
    $db->commit();
}

function copies($db, $table) {
    $lines = array_map(fn($k) => "$k\tcopied $k", range(100, 400));
    say($db->pgsqlCopyFromArray($table, $lines));
    say(array_slice($db->pgsqlCopyToArray("(select * from $table where id > 397 order by id)"), 0, 5));
    attempt(fn() => $db->pgsqlCopyFromArray($table, ["x\ty"]));
}

function functions($table) {
    $conn = pg_connect(sprintf("host=%s port=%s dbname=%s user=%s password='%s'", getenv('PGHOST'), getenv('PGPORT'),
        getenv('PGDATABASE'), getenv('PGUSER'), addcslashes(getenv('PGPASSWORD'), "'\\")));
    say(pg_fetch_all(pg_query_params($conn, 'select $1::int * 2 as n', [21])));
    pg_prepare($conn, 'mine', "select name from $table where id = \$1");
    foreach ([1, 2, 3] as $k) {
        say(pg_fetch_result(pg_execute($conn, 'mine', [$k]), 0, 0));
    }
    say(pg_fetch_all(pg_query($conn, "select 1; select 2 as two")));
    pg_send_query($conn, 'select 1 as a; select 2 as b');
    while ($result = pg_get_result($conn)) {
        say(pg_fetch_all($result));
    }
    say(@pg_query($conn, 'select 1/0') === false, pg_transaction_status($conn));
    say(pg_copy_to($conn, "(select id from $table where id < 3 order by id)"));
    pg_query($conn, "do $$ begin raise notice 'said'; end $$");
    say(pg_last_notice($conn));
    pg_close($conn);
}

$db = connect();
$db->exec("drop table if exists $table");
$db->exec("create table $table (id int primary key, name text)");
foreach (['results', 'errors', 'transactions', 'copies'] as $part) {
    say($part);
    $part($db, $table);
}
// what a framework does that keeps its connection open between requests
$kept = connect([PDO::ATTR_PERSISTENT => true]);
say($kept->query("select count(*) from $table")->fetchColumn());
functions($table);
$db->exec("drop table $table");
