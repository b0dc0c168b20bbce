// postgres.js: its pipelining, without prepared statements (first argument: "unprepared"), cursors, begin, COPY.
'use strict'

const postgres = require('postgres')

const TABLE = 'songs' + (process.env.COPY || '')
const say = (...words) => console.log(words.map((word) => JSON.stringify(word)).join(' '))
const heard = []
const options = {
  onnotice: (notice) => heard.push([notice.severity, notice.message]),
  prepare: process.argv[2] !== 'unprepared',
}

async function attempt(query) {
  try {
    await query
    say('no error')
  } catch (error) {
    say(error.code, error.severity)
  }
}

async function results(sql) {
  for (let k = 0; k < 10; k++) say(await sql`select ${k}::int + 1 as n`)
  say(await sql`select ${'täxt'}::text t, ${Buffer.from([0, 255])}::bytea b, ${sql.json({ a: [1] })} j, ${[1, 2]}::int[] l`)
  say(await sql.unsafe('select 1 as a; select 2 as b'))
  say(await sql`select 1 as a`.describe().then((d) => d.columns.map((column) => [column.name, column.type])))
  const rows = Array.from({ length: 300 }, (_, k) => ({ id: k, name: `song ${k}` }))
  say((await sql`insert into ${sql(TABLE)} ${sql(rows)}`).count)
  say(await sql`select * from ${sql(TABLE)} where id in ${sql([3, 4, 5])} order by id`)
}

async function pipelined(sql) {
  const many = await Promise.all(Array.from({ length: 150 }, (_, k) => sql`select ${k}::int * 2 as n`))
  say(many.map(([row]) => row.n))
  const different = await Promise.all(Array.from({ length: 60 }, (_, k) => sql.unsafe(`select $1::int + ${k} as n`, [k], { prepare: options.prepare })))
  say(different.map(([row]) => row.n))
  const mixed = await Promise.allSettled([
    sql`select 1 as a`, sql`select 1 / ${0}::int as a`, sql`select 2 as a`, sql`selekt`.simple(), sql`select 3 as a`.simple(),
    sql`select ${'x'}::text a`, sql`select no_such_column`, sql`select 4 as a`,
  ])
  say(mixed.map((one) => one.status === 'fulfilled' ? one.value[0] : one.reason.code))
}

async function errors(sql) {
  await attempt(sql`select 1 / ${0}::int`)
  await attempt(sql`select * from no_such_table where id = ${1}`)
  await attempt(sql`insert into ${sql(TABLE)} values (${1}, 'twice')`)
  await attempt(sql`selekt`)
  say(await sql`select ${'fine'}::text f`)
}

async function transactions(sql) {
  say(await sql.begin(async (sql) => {
    await sql`update ${sql(TABLE)} set name = 'first' where id = ${1}`
    await attempt(sql.savepoint(async (sql) => {
      await sql`delete from ${sql(TABLE)}`
      await sql`select 1 / ${0}::int`
    }))
    return sql`select count(*)::int n, min(name) from ${sql(TABLE)}`
  }))
  await attempt(sql.begin(async (sql) => {
    await sql`delete from ${sql(TABLE)}`
    await sql`select no_such_column`
  }))
  say(await sql.begin('read only', (sql) => [sql`select 1 as a`, sql`select ${2}::int as b`]))
  const both = await Promise.all(Array.from({ length: 40 }, (_, k) => sql.begin(async (sql) => {
    const [{ n }] = await sql`select ${k}::int as n`
    await sql`update ${sql(TABLE)} set name = ${'new ' + k} where id = ${k}`
    return n
  })))
  say(both)
  say(await sql`select count(*)::int n from ${sql(TABLE)} where name like 'new %'`)
}

async function cursors(sql) {
  let sum = 0
  await sql`select id from ${sql(TABLE)} order by id`.cursor(70, (rows) => {
    sum = rows.reduce((total, row) => total + row.id, sum)
  })
  say('cursor', sum)
  let blocks = 0
  for await (const rows of sql`select generate_series(1, 1000) g`.cursor(10)) {
    blocks += 1
    if (rows[0].g > 40) break
  }
  say('left early', blocks)
  await sql`select generate_series(1, 100) g`.cursor(10, () => sql.CLOSE)
  await attempt(sql`select 10 / (5 - g) from generate_series(1, 9) g`.cursor(2, () => undefined))
  let seen = 0
  await sql`select generate_series(1, 500) g`.forEach(() => { seen += 1 })
  say(seen, await sql`select 1 as after`)
}

async function copies(sql) {
  const writable = await sql`copy ${sql(TABLE)} from stdin`.writable()
  for (let k = 1000; k < 1500; k++) writable.write(`${k}\tcopied ${k}\n`)
  await new Promise((resolve, reject) => writable.on('error', reject).on('finish', resolve).end())
  const readable = await sql`copy (select * from ${sql(TABLE)} where id >= 1495 order by id) to stdout`.readable()
  const chunks = []
  for await (const chunk of readable) chunks.push(chunk)
  say(Buffer.concat(chunks).toString())
  say(await sql`select count(*)::int n from ${sql(TABLE)}`)
}

async function cancelled(sql) {
  const query = sql`select pg_sleep(60)`
  const done = attempt(query)
  setTimeout(() => query.cancel(), 300)
  await done
  say(await sql`select 2 as after`)
}

async function main() {
  const sql = postgres({ max: 1, ...options })
  await sql`drop table if exists ${sql(TABLE)}`
  await sql`create table ${sql(TABLE)} (id int primary key, name text)`
  for (const part of [results, pipelined, errors, transactions, cursors, copies, cancelled]) {
    say(part.name)
    await part(sql)
  }
  heard.length = 0
  await sql`do $$ begin raise notice 'said'; end $$`
  say(heard)
  const many = postgres({ max: 10, ...options })
  const right = await Promise.all(Array.from({ length: 500 }, (_, k) => many`select ${k}::int + 1 as n`))
  say('over ten connections', right.filter(([row], k) => row.n === k + 1).length)
  await many.end()
  await sql`drop table ${sql(TABLE)}`
  await sql.end()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
