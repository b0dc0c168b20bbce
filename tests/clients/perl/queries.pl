# DBD::Pg: prepared at the server from the first use, transactions, COPY, cancelling, its own pings.
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:pg_types :async);

binmode STDOUT, ':utf8';
my $table = 'parcels' . ($ENV{COPY} // '');
my $db = connect_to();

sub connect_to {
    return DBI->connect("dbi:Pg:host=$ENV{PGHOST};port=$ENV{PGPORT};dbname=$ENV{PGDATABASE}", $ENV{PGUSER}, $ENV{PGPASSWORD},
        { RaiseError => 1, PrintError => 0, PrintWarn => 0, AutoCommit => 1, pg_enable_utf8 => 1, @_ });
}

sub say_all { print join(' ', map { defined $_ ? (ref $_ ? join(',', map { $_ // 'null' } @$_) : $_) : 'null' } @_), "\n" }

sub attempt {
    my ($work) = @_;
    say_all(eval { $work->(); 'no error' } // $db->state);
}

sub results {
    for my $k (0 .. 19) {
        # prepared under a name, which DEALLOCATE frees at the end of the round
        my $statement = $db->prepare('select ?::int + 1, ?::text', { pg_prepare_now => $k % 2 });
        $statement->execute($k, "täxt '$k'");
        say_all(@{ $statement->fetchrow_arrayref });
        $statement->finish;
    }
    my $insert = $db->prepare("insert into $table values (?, ?)");
    $insert->execute($_, "parcel $_") for 0 .. 49;
    say_all($insert->rows);
    say_all(@{ $db->selectcol_arrayref("select name from $table where id between ? and ? order by id", undef, 3, 6) });
    say_all($db->do("update $table set name = upper(name) where id < ?", undef, 3), $db->do('select 1'));
    my $bytes = $db->prepare('select length(?)');
    $bytes->bind_param(1, "\0\1\2", { pg_type => PG_BYTEA });
    $bytes->execute;
    say_all($bytes->fetchrow_array);
    $db->do('select 1; select 2');
    say_all($db->ping, $db->pg_ping, $db->{pg_server_version} > 90000);
}

sub errors {
    for (1 .. 2) {
        attempt(sub { $db->do('select 1/0') });
        attempt(sub { $db->selectall_arrayref('select 1 / ?::int', undef, 0) });
        attempt(sub { $db->selectall_arrayref('select * from no_such_table where a = ?', undef, 0) });
        attempt(sub { $db->do("insert into $table values (?, ?)", undef, 1, 'twice') });
    }
    say_all($db->selectrow_array('select ?::int', undef, 2));
}

sub transactions {
    for my $keep (1, 0) {
        $db->begin_work;
        for my $k (0 .. 4) {
            my $update = $db->prepare("update $table set name = name || ? where id = ?");
            $update->execute('!', $k);
        }
        $db->pg_savepoint('s');
        attempt(sub { $db->selectall_arrayref('select 1 / ?::int', undef, 0) });
        say_all($db->ping);
        $db->pg_rollback_to('s');
        $keep ? $db->commit : $db->rollback;
    }
    say_all($db->selectrow_array("select string_agg(name, ',' order by id) from $table where id < 6"));
    my $own = connect_to(AutoCommit => 0);
    $own->do("delete from $table where id > 3");
    $own->rollback;
    say_all($own->selectrow_array("select count(*) from $table"));
    $own->rollback;
    $own->disconnect;
}

sub copies {
    $db->do("copy $table from stdin");
    $db->pg_putcopydata("$_\tcopied $_\n") for 100 .. 400;
    $db->pg_putcopyend;
    $db->do("copy (select * from $table where id > 397 order by id) to stdout");
    my $line;
    print $line while $db->pg_getcopydata($line) >= 0;
    $db->do("copy $table from stdin");
    $db->pg_putcopydata("x\ty\n");
    attempt(sub { $db->pg_putcopyend });
    say_all($db->selectrow_array("select count(*) from $table"));
}

sub asynchronous {
    $db->do('select pg_sleep(60)', { pg_async => PG_ASYNC });
    select(undef, undef, undef, 0.3); # a cancel that overtakes the query hits nothing, as with any server
    my $cancelled = $db->pg_cancel;
    say_all('cancelled', $cancelled ? 1 : 0);
    my $statement = $db->prepare('select ?::int * 2', { pg_async => PG_ASYNC });
    $statement->execute(21);
    $statement->pg_result;
    say_all($statement->fetchrow_array);
}

$db->do("set client_min_messages = warning; drop table if exists $table; reset client_min_messages");
$db->do("create table $table (id int primary key, name text)");
for my $part ([ results => \&results ], [ errors => \&errors ], [ transactions => \&transactions ], [ copies => \&copies ],
    [ asynchronous => \&asynchronous ])
{
    say_all($part->[0]);
    $part->[1]->();
}
say_all($db->primary_key(undef, 'public', $table));
$db->do("drop table $table");
$db->disconnect;
