// node-postgres and postgres.js: LISTEN and NOTIFY, settings that last, advisory locks, statements prepared by SQL.
'use strict'

const { Client } = require('pg')
const postgres = require('postgres')

const COPY = process.env.COPY || ''
const CHANNEL = 'bell' + COPY
const KEY = 9000 + Number(COPY || 0)
const say = (...words) => console.log(words.map((word) => JSON.stringify(word)).join(' '))

// so many notifications of a client
function heard(client, count) {
  return new Promise((resolve) => {
    const notes = []
    const take = (note) => {
      notes.push([note.channel.replace(CHANNEL, ''), note.payload])
      if (notes.length === count) {
        client.off('notification', take)
        resolve(notes)
      }
    }
    client.on('notification', take)
  })
}

async function listening() {
  const [listener, teller] = [new Client(), new Client()]
  await listener.connect()
  await teller.connect()
  await listener.query(`listen ${CHANNEL}`)
  await listener.query(`listen ${CHANNEL}_b`)
  const four = heard(listener, 4)
  for (let k = 0; k < 3; k++) await teller.query(`notify ${CHANNEL}, 'number ${k}'`)
  await teller.query('select pg_notify($1, $2)', [CHANNEL + '_b', 'täxt'])
  say(await four)
  await listener.query(`unlisten ${CHANNEL}`)
  const one = heard(listener, 1)
  await teller.query(`notify ${CHANNEL}, 'to nobody'`)
  await teller.query(`notify ${CHANNEL}_b, 'still'`)
  say(await one, (await listener.query('select 1 as after')).rows)
  await listener.end()
  await teller.end()
}

async function settings() {
  const client = new Client({ options: '-c my.started=yes -c search_path=public,pg_catalog', lock_timeout: 4321 })
  await client.connect()
  const show = async (name) => (await client.query(`show ${name}`)).rows[0][name.toLowerCase()] ?? (await client.query(`show ${name}`)).rows[0]
  await client.query("set statement_timeout = '51s'; set time zone 'Asia/Tokyo'")
  await client.query("select set_config('my.tenant', $1, false)", ['a'])
  for (const name of ['statement_timeout', 'lock_timeout', 'search_path', 'my.tenant', 'my.started']) say(name, await show(name))
  await client.query('begin')
  await client.query("set lock_timeout = '1s'")
  await client.query('rollback')
  say(await show('lock_timeout'))
  await client.query('prepare plus as select $1::int + 1 as n')
  say((await client.query('execute plus(1)')).rows, (await client.query('execute plus(2)')).rows)
  await client.query('deallocate plus')
  say((await client.query('select pg_try_advisory_lock($1) as got', [KEY])).rows)
  say((await client.query('select pg_advisory_unlock($1) as freed', [KEY])).rows)
  await client.query('reset all')
  say(await show('lock_timeout'), await show('statement_timeout'))
  await client.end()
}

async function subscriptions() {
  const sql = postgres({ max: 2 })
  const notes = []
  let enough
  const done = new Promise((resolve) => { enough = resolve })
  const { unlisten } = await sql.listen(CHANNEL + '_c', (payload) => {
    notes.push(payload)
    if (notes.length === 5) enough()
  })
  for (let k = 0; k < 5; k++) await sql.notify(CHANNEL + '_c', `number ${k}`)
  await done
  say(notes)
  await unlisten()
  await sql`select set_config('my.tenant', ${'b'}, false)`
  await sql.reserve().then(async (kept) => {
    await kept`set lock_timeout = '5s'`
    say(await kept`show lock_timeout`)
    kept.release()
  })
  await sql.end()
}

async function main() {
  await listening()
  await settings()
  await subscriptions()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
