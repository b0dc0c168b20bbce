-- As pgbench -S at scale 10, but each client has set something of its own before its first SELECT.
\if :own = 0
\set own :client_id + 60000
SELECT set_config('lock_timeout', CAST(:own AS text), false);
\endif
\set aid random(1, 1000000)
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
