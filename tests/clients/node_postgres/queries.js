// node-postgres: plain, parametrised and named statements, transactions, pg-cursor, its pool, cancelling.
'use strict'

const { Client, Pool } = require('pg')
const Cursor = require('pg-cursor')

const TABLE = 'books' + (process.env.COPY || '')
const say = (...words) => console.log(words.map((word) => JSON.stringify(word)).join(' '))

async function attempt(client, query) {
  try {
    await client.query(query)
    say('no error', query)
  } catch (error) {
    say(error.code, error.severity)
  }
}

async function results(client) {
  for (let k = 0; k < 10; k++) say((await client.query('select $1::int + 1 as n', [k])).rows)
  const types = await client.query('select $1::text t, $2::bytea b, $3::json j, $4::int[] l, null n, now() > $5 later',
    ['täxt \u{1f418}', Buffer.from([0, 255]), { a: [1] }, [1, 2], new Date(0)])
  say(types.rows[0], types.fields.map((field) => [field.name, field.dataTypeID]))
  say((await client.query('select 1 as a; select 2 as b; select 3 as c')).map((result) => result.rows))
  say((await client.query({ text: 'select 1, 2', rowMode: 'array' })).rows)
  say((await client.query('')).rowCount)
}

async function named(client) {
  for (let k = 0; k < 30; k++) {
    const { rows } = await client.query({ name: `by-${k % 10}`, text: `select $1::int * ${k % 10} as n`, values: [k] })
    if (rows[0].n !== k * (k % 10)) say('wrong', k, rows)
  }
  // queued without waiting
  const many = await Promise.all(Array.from({ length: 50 }, (_, k) =>
    client.query({ name: `by-${k % 10}`, text: `select $1::int * ${k % 10} as n`, values: [k] })))
  say(many.map((result) => result.rows[0].n))
}

async function errors(client) {
  await attempt(client, 'select 1/0')
  await attempt(client, { text: 'select 1/$1::int', values: [0] })
  await attempt(client, { name: 'wrong', text: 'select no_such_column, $1::int', values: [0] })
  await attempt(client, { name: 'wrong', text: 'select no_such_column, $1::int', values: [0] })
  await attempt(client, { name: 'fails', text: 'select 1/$1::int', values: [0] })
  say((await client.query({ name: 'fails', text: 'select 1/$1::int', values: [1] })).rows)
  await attempt(client, 'selekt')
  const failing = ['select 1 as a', 'select 1/0', 'select 2 as a', 'select $1'].map((text) => client.query(text))
  say((await Promise.allSettled(failing)).map((one) => one.status === 'fulfilled' ? one.value.rows : one.reason.code))
}

async function transactions(client) {
  await client.query('begin')
  await client.query(`insert into ${TABLE} select g, 'book ' || g from generate_series(1, 300) g`)
  await client.query('savepoint s')
  await attempt(client, `insert into ${TABLE} values (1, 'twice')`)
  await attempt(client, 'select 1')
  await client.query('rollback to savepoint s')
  await client.query('commit')
  await client.query('begin')
  await client.query(`delete from ${TABLE} where id > $1`, [10])
  await client.query('rollback')
  say((await client.query(`select count(*)::int n from ${TABLE}`)).rows)
}

async function cursors(client) {
  const cursor = client.query(new Cursor(`select id from ${TABLE} where id <= $1 order by id`, [250]))
  let sum = 0
  for (let rows = await cursor.read(60); rows.length > 0; rows = await cursor.read(60)) {
    sum = rows.reduce((total, row) => total + row.id, sum)
  }
  await cursor.close()
  say('cursor', sum)
  const early = client.query(new Cursor('select generate_series(1, 1000) g'))
  say((await early.read(3)).map((row) => row.g))
  await early.close()
  say((await client.query('select 1 as after')).rows)
  const broken = client.query(new Cursor('select 10 / (5 - g) from generate_series(1, 9) g'))
  try {
    say((await broken.read(2)).length)
    say((await broken.read(20)).length)
  } catch (error) {
    say(error.code)
  }
  // without closing it: the server has dropped it with the error
  say((await client.query('select 2 as after')).rows)
}

async function cancelled() {
  const sleeper = new Client()
  await sleeper.connect()
  const query = { text: 'select pg_sleep(60)' }
  const slept = sleeper.query(query).catch((error) => error.code)
  const timer = setTimeout(() => {
    const messenger = new Client()
    messenger.cancel(sleeper, sleeper._activeQuery || sleeper.activeQuery)
  }, 300)
  say(await slept)
  clearTimeout(timer)
  say((await sleeper.query('select 3 as after')).rows)
  await sleeper.end()
}

async function pooled() {
  const pool = new Pool({ max: 8 })
  const one = async (k) => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      const { rows } = await client.query({ name: `p-${k % 5}`, text: `select $1::int + ${k % 5} as n`, values: [k] })
      await client.query('commit')
      return rows[0].n === k + (k % 5)
    } finally {
      client.release()
    }
  }
  const right = await Promise.all(Array.from({ length: 400 }, (_, k) => one(k)))
  say('pooled', right.filter(Boolean).length)
  await pool.end()
}

async function main() {
  const client = new Client({ statement_timeout: 50000 })
  const heard = []
  client.on('notice', (notice) => heard.push([notice.severity, notice.message]))
  await client.connect()
  await client.query(`drop table if exists ${TABLE}`)
  heard.length = 0
  await client.query(`create table ${TABLE} (id int primary key, name text)`)
  for (const part of [results, named, errors, transactions, cursors]) {
    say(part.name)
    await part(client)
  }
  await client.query("do $$ begin raise notice 'said'; end $$")
  say(heard)
  await cancelled()
  await pooled()
  await client.query(`drop table ${TABLE}`)
  await client.end()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
