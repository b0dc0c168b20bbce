// node-postgres: fifty clients with on('notification'), one that sends.
'use strict'

const { Client } = require('pg')

async function main() {
  const listeners = []
  for (let k = 0; k < 50; k++) {
    const client = new Client()
    await client.connect()
    const heard = []
    const over = new Promise((resolve) => {
      client.on('notification', ({ channel, payload }) => {
        heard.push([channel, payload])
        if (payload === 'end') resolve()
      })
    })
    await client.query('LISTEN news')
    await client.query(`LISTEN ${client.escapeIdentifier('Odd "one"')}`)
    listeners.push({ client, heard, over })
  }
  const sender = new Client()
  await sender.connect()
  for (let turn = 0; turn < 10; turn++) {
    await sender.query("select pg_notify('news', $1)", [String(turn)])
    await sender.query("BEGIN; NOTIFY news, 'in a transaction'; COMMIT")
    await sender.query("BEGIN; NOTIFY news, 'never'; ROLLBACK")
  }
  await sender.query("select pg_notify('Odd \"one\"', 'end')")
  for (const { client, heard, over } of listeners) {
    await over
    console.log(JSON.stringify(heard), JSON.stringify((await client.query('select 1 as one')).rows))
    await client.query('UNLISTEN *')
    await client.end()
  }
  await sender.end()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
