#!/bin/sh
# psql's other ways to run statements: from arguments, all in one message, all in one transaction, from a pipe
psql() { command "$PSQL" -X "$@" 2>&1; echo "exit $?"; }
psql -c 'select 1; select 2' -c 'select 3'
psql -1 -c 'create table once (a int)' -c 'insert into once values (1) returning a'
psql -At -c 'begin; insert into once values (2); rollback' -c 'select count(*) from once'
psql -1 -v ON_ERROR_STOP=1 -c 'insert into once values (3)' -c 'select 1/0'
echo 'select count(*) from once; copy once to stdout' | psql -At
echo 'insert into once values (4); select no_such_column; insert into once values (5)' | psql -v ON_ERROR_STOP=1
psql -c ''
psql -c 'copy once from stdin' < /dev/null
psql -d no_such_database -c 'select 1' > /dev/null
psql -c 'drop table once'
