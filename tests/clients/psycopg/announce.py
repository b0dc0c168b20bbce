# What libpq makes of parameters that no server has (PQparameterStatus).
import psycopg

with psycopg.connect("") as conn:
    print(conn.info.parameter_status("pgweir_version"), conn.info.parameter_status("pgweir_pool_mode"))
    print(conn.execute("select 1").fetchone())
