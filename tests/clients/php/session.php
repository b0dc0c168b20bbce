<?php
// PDO and pgsql: settings that last, LISTEN and NOTIFY, advisory locks, a persistent connection's reset.
$copy = getenv('COPY') ?: '';
$channel = "mail$copy";
$key = 11000 + (int) $copy;

function say(...$words) {
    echo implode(' ', array_map('json_encode', $words)), "\n";
}

$dsn = sprintf('pgsql:host=%s;port=%s;dbname=%s;options=\'-c my.started=yes\'', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'));
$db = new PDO($dsn, getenv('PGUSER'), getenv('PGPASSWORD'), [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
// Laravel and Doctrine at connect
$db->prepare("set time zone 'Europe/Paris'")->execute();
$db->prepare('set search_path to "public", "pg_catalog"')->execute();
$db->exec("set session characteristics as transaction isolation level repeatable read");
for ($k = 0; $k < 10; $k++) {
    $one = $db->prepare("select current_setting('TimeZone'), current_setting('search_path'), current_setting('transaction_isolation'), ?::int");
    $one->execute([$k]);
    say($one->fetch(PDO::FETCH_NUM));
}
say($db->query('show my.started')->fetchColumn());
$lock = $db->prepare('select pg_try_advisory_lock(?)');
$lock->execute([$key]);
say($lock->fetchColumn());
$db->beginTransaction();
$db->exec("create temp table scratch on commit drop as select 1 as a");
say($db->query('select a from scratch')->fetchColumn());
$db->commit();
say($db->query("select pg_advisory_unlock($key)")->fetchColumn());
$db->exec("listen $channel");
$teller = new PDO($dsn, getenv('PGUSER'), getenv('PGPASSWORD'));
foreach (['a', 'b'] as $text) {
    $teller->exec("notify $channel, '$text'");
}
foreach (['a', 'b'] as $text) {
    say($db->pgsqlGetNotify(PDO::FETCH_ASSOC, 60000)['payload']);
}
$db->exec("unlisten $channel");
$db->exec('reset all');
say($db->query('show transaction_isolation')->fetchColumn());
