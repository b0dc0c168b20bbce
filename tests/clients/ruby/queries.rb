# ruby-pg: what Active Record does with it (prepared a1, a2, …), transactions, COPY, pipeline, cancelling.
require 'pg'

TABLE = "tools#{ENV['COPY']}"
NAMES = Hash.new { |names, sql| names[sql] = "a#{names.size + 1}" }

def attempt(conn)
  yield
  puts 'no error'
rescue PG::Error => error
  puts "#{error.class} #{error.result&.error_field(PG::PG_DIAG_SQLSTATE)} #{conn.transaction_status}"
end

# Prepares once, by name, as Active Record does.
def prepared(conn, sql, params)
  unless NAMES.key?(sql)
    conn.prepare(NAMES[sql], sql)
  end
  conn.exec_prepared(NAMES[sql], params)
end

def results(conn)
  20.times { |k| p prepared(conn, "select $1::int + #{k % 4} as n, $2::text as t", [k, "täxt #{k}"]).to_a }
  p conn.exec_params('select $1::int, $2::bytea', [{ value: 7, type: 23 }, { value: "\0\1", format: 1 }]).values
  p conn.exec('select 1 as a; select 2 as b').to_a
  conn.send_query('select 1 as a; select 2 as b')
  while (result = conn.get_result)
    p result.to_a
  end
  60.times { |k| prepared(conn, "insert into #{TABLE} values ($1, $2)", [k, "tool #{k}"]) }
  p prepared(conn, "select count(*), max(name) from #{TABLE}", []).values
end

def errors(conn)
  2.times do
    attempt(conn) { conn.exec('select 1/0') }
    attempt(conn) { conn.exec_params('select 1 / $1::int', [0]) }
    attempt(conn) { conn.exec_params('select * from no_such_table where a = $1', [1]) }
    attempt(conn) { prepared(conn, "insert into #{TABLE} values ($1, $2)", [1, 'twice']) }
  end
  p conn.exec('select 2').getvalue(0, 0)
end

def transactions(conn)
  conn.transaction do
    prepared(conn, "update #{TABLE} set name = name || $1 where id < 3", ['!'])
    conn.exec('savepoint active_record_1')
    attempt(conn) { conn.exec("insert into #{TABLE} values (1, 'twice')") }
    conn.exec('rollback to savepoint active_record_1')
    conn.exec('release savepoint active_record_1')
  end
  attempt(conn) do
    conn.transaction do
      conn.exec("delete from #{TABLE}")
      conn.exec('select 1/0')
    end
  end
  p conn.exec("select string_agg(name, ',' order by id) from #{TABLE} where id < 5").values
  conn.transaction do
    conn.exec("declare walker cursor for select id from #{TABLE} order by id")
    p conn.exec('fetch 3 from walker').values, conn.exec('fetch 2 from walker').values
  end
end

def copies(conn)
  conn.copy_data("copy #{TABLE} from stdin") { 500.times { |k| conn.put_copy_data("#{k + 100}\tcopied #{k}\n") } }
  rows = []
  conn.copy_data("copy (select * from #{TABLE} where id > 597 order by id) to stdout") do
    while (row = conn.get_copy_data)
      rows << row
    end
  end
  p rows
  attempt(conn) { conn.copy_data("copy #{TABLE} from stdin") { conn.put_copy_data("x\ty\n") } }
  attempt(conn) { conn.copy_data("copy #{TABLE} from stdin") { raise PG::Error, 'given up' } }
  p conn.exec("select count(*) from #{TABLE}").values
end

def pipeline(conn)
  conn.enter_pipeline_mode
  20.times { |k| conn.send_query_params('select $1::int * 2', [k]) }
  conn.pipeline_sync
  conn.send_query_params('select 1 / $1::int', [0])
  conn.send_query_params('select 3', [])
  conn.pipeline_sync
  syncs = 0
  while syncs < 2
    result = conn.get_result
    next if result.nil?
    syncs += 1 if result.result_status == PG::PGRES_PIPELINE_SYNC
    puts "#{result.res_status(result.result_status)} #{result.values if result.result_status == PG::PGRES_TUPLES_OK}"
  end
  conn.exit_pipeline_mode
end

def streamed(conn)
  conn.send_query('select generate_series(1, 1000)')
  conn.set_single_row_mode
  sum = 0
  conn.get_result.stream_each_row { |row| sum += row[0].to_i }
  conn.get_result
  p sum
end

def cancelled(conn)
  conn.send_query('select pg_sleep(60)')
  # one that overtakes the query hits nothing, as with any server
  conn.cancel until conn.block(0.2)
  attempt(conn) { conn.get_last_result }
  p conn.exec('select 5').values
end

conn = PG.connect
conn.exec("drop table if exists #{TABLE}")
conn.exec("create table #{TABLE} (id int primary key, name text)")
heard = []
conn.set_notice_receiver { |result| heard << result.error_field(PG::PG_DIAG_MESSAGE_PRIMARY) }
%i[results errors transactions copies pipeline streamed cancelled].each do |part|
  puts part
  send(part, conn)
end
conn.exec("do $$ begin raise notice 'said'; end $$")
p heard
conn.exec("drop table #{TABLE}")
conn.close
