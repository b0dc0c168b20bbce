# DBD::Pg: settings that last, LISTEN and NOTIFY, temporary tables, advisory locks.
use strict;
use warnings;
use DBI;

my $copy = $ENV{COPY} // '';
my $channel = "post$copy";
my $place = "dbi:Pg:host=$ENV{PGHOST};port=$ENV{PGPORT};dbname=$ENV{PGDATABASE}";
my @login = ($ENV{PGUSER}, $ENV{PGPASSWORD}, { RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => 1 });
my ($db, $teller) = map { DBI->connect($place, @login) } 1 .. 2;
$db->do("set statement_timeout = '54s'");
$db->do("select set_config('my.tenant', ?, false)", undef, "it's mine");
for my $k (1 .. 10) {
    print join(' ', $db->selectrow_array("select current_setting('statement_timeout'), current_setting('my.tenant'), ?::int", undef, $k)), "\n";
    $teller->do("select set_config('my.tenant', 'another', false)");
}
$db->do("listen $channel");
$teller->do("notify $channel, 'number $_'") for 1 .. 3;
my @heard;
while (@heard < 3) {
    my $note = $db->pg_notifies;
    if ($note) { push @heard, $note->[2] }
    else { $db->do('select pg_sleep(0.01)') }
}
print "@heard\n";
$db->do('unlisten *');
$db->do('create temp table scratch as select 1 as a');
print $db->selectrow_array('select a from scratch'), "\n";
$db->do('drop table scratch');
print $db->selectrow_array('select pg_try_advisory_lock(?)', undef, 13000 + ($copy || 0)), "\n";
print $db->selectrow_array('select pg_advisory_unlock(?)', undef, 13000 + ($copy || 0)), "\n";
$_->disconnect for $db, $teller;
