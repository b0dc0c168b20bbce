# ruby-pg: what Active Record sets at connect, LISTEN and NOTIFY, advisory locks around migrations.
require 'pg'

COPY = ENV['COPY'].to_s
CHANNEL = "cable#{COPY}"
KEY = 10_000 + COPY.to_i

conn = PG.connect(application_name: 'rails')
conn.exec('SET client_min_messages TO warning')
conn.exec('SET standard_conforming_strings = on')
conn.exec("SET intervalstyle = iso_8601")
conn.exec("SET SESSION timezone TO 'UTC'; SET statement_timeout TO '52s'")
20.times do |k|
  rows = conn.exec_params("select interval '90 minutes', current_setting('statement_timeout'), $1::int", [k])
  puts rows.values.inspect unless rows.values == [['PT1H30M', '52s', k.to_s]]
end
p conn.parameter_status('IntervalStyle'), conn.parameter_status('TimeZone'), conn.parameter_status('application_name')

2.times do
  p conn.exec_params('SELECT pg_try_advisory_lock($1)', [KEY]).values
  conn.transaction { conn.exec("create table if not exists migrated#{COPY} (version int)") }
  conn.transaction { conn.exec("insert into migrated#{COPY} values (1)") }
  p conn.exec_params('SELECT pg_advisory_unlock($1)', [KEY]).values
end
p conn.exec("select count(*) from migrated#{COPY}").values
conn.exec("drop table migrated#{COPY}")

teller = PG.connect
conn.exec("listen #{CHANNEL}")
3.times { |k| teller.exec("notify #{CHANNEL}, 'number #{k}'") }
3.times { conn.wait_for_notify(60) { |channel, _pid, payload| puts "#{channel.delete_prefix(CHANNEL)} #{payload}" } }
conn.exec("unlisten #{CHANNEL}")
teller.exec("notify #{CHANNEL}, 'to nobody'")
p conn.exec('select 1').values, conn.notifies

# what Active Record does to a statement whose result type has changed
conn.prepare('a1', 'select $1::int')
conn.exec('deallocate a1')
begin
  conn.exec_prepared('a1', [1])
rescue PG::Error => error
  puts error.result.error_field(PG::PG_DIAG_SQLSTATE)
end
conn.exec('DISCARD ALL')
p conn.exec('show statement_timeout').values
conn.close
