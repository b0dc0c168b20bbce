-- something of everything pg_dump writes
create type mood as enum ('sad', 'happy');
create domain short as text check (length(value) < 40);
create sequence shelf_number start 100;
create table author (id int primary key, name short not null, mood mood default 'sad');
create table book (
    id int generated always as identity primary key,
    author int references author,
    title text,
    shelf int default nextval('shelf_number'),
    notes jsonb,
    cover bytea,
    tags text[]
);
create index book_title on book (lower(title)) where title is not null;
create view happy_books as select title from book join author on author.id = book.author where mood = 'happy';
create function shout(text) returns text language sql immutable as $$ select upper($1) || '!' $$;
create table log (at date, line text) partition by range (at);
create table log_2024 partition of log for values from ('2024-01-01') to ('2025-01-01');
create function noted() returns trigger language plpgsql as $$ begin new.title := trim(new.title); return new; end $$;
create trigger note before insert on book for each row execute function noted();
insert into author select g, 'author ' || g, case when g % 2 = 0 then 'happy' else 'sad' end::mood from generate_series(1, 20) g;
insert into book (author, title, notes, cover, tags)
    select g % 20 + 1, ' a "title" with \ and tab ' || chr(9) || g, jsonb_build_object('n', g), decode(md5(g::text), 'hex'),
        array[g::text, null, 'x,y'] from generate_series(1, 500) g;
insert into log select date '2024-01-01' + g, 'line ' || g from generate_series(0, 300) g;
comment on table book is 'what is read';
