-- psql: what a person or a script types; the harness gives it -v table=…
\pset pager off
\echo :SERVER_VERSION_NUM
create table :table (id int primary key, name text, price numeric);
insert into :table select g, 'row ' || g, g / 4.0 from generate_series(1, 1000) g;
select count(*), sum(price) from :table;
\d :table
\copy :table from pstdin with (format csv)
2001,"first, quoted",1.5
2002,second,
\.
\copy (select * from :table where id > 999 order by id) to pstdout with (format csv, header)
copy :table from stdin;
3001	third	3.5
3002	fourth	\N
\.
copy (select * from :table where id > 3000 order by id) to stdout;
copy :table from stdin;
not a number	x	1
\.
select 1 as a \; select 2 as b, 3 as c \; select 'last' as d;
select 1 \; select 1/0 \; select 'never';
\echo :ERROR :SQLSTATE
begin;
update :table set price = 0 where id = 1;
savepoint s;
select no_such_column from :table;
select 'refused';
rollback to s;
select price from :table where id = 1;
rollback;
select price from :table where id = 1;
begin; select 1 \; commit \; select 2;
select 1 \; begin \; select 2;
select 'inside';
commit;
begin;
declare walker cursor for select id from :table order by id;
fetch 3 from walker;
move 500 in walker;
fetch 2 from walker;
close walker;
commit;
\set FETCH_COUNT 100
select sum(id) over (order by id) as running from :table where id <= 350 order by id desc limit 210;
\unset FETCH_COUNT
select id, name from :table order by id limit 3 \gdesc
select format('select %s as generated', g) from generate_series(1, 3) g \gexec
select id as one_id, name as one_name from :table where id = 7 \gset
\echo :one_id :one_name
select 'wide', repeat('x', 300000) is not null, length(repeat('y', 5000000));
\t on
\a
select repeat('z', 100000);
\a
\t off
do $$ begin raise notice 'a notice'; raise warning 'a warning'; end $$;
do $$ begin raise exception 'an error' using detail = 'a detail', hint = 'a hint', errcode = 'P0042'; end $$;
\echo :SQLSTATE :LAST_ERROR_MESSAGE
\errverbose
explain (costs off) select * from :table where id = 1;
vacuum :table;
analyze :table;
begin isolation level serializable read only;
show transaction_isolation;
delete from :table;
rollback;
-- an empty statement
;
table :table limit 1;
values (1, 'a'), (2, 'b');
\encoding
select current_user, current_database();
\c
select 'after connecting again';
drop table :table;
