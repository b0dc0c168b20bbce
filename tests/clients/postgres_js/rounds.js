// postgres.js over one connection: a hundred rounds of six queries at once, all answered, all right.
'use strict'

const postgres = require('postgres')

async function main() {
  const sql = postgres({ max: 1 })
  let right = 0
  for (let round = 0; round < 100; round++) {
    const answers = await Promise.all([
      sql`select ${round}::int as n`,
      sql`select ${round}::int + 1 as n`,
      sql`select ${String(round)}::text as n`,
      sql`select count(*)::int as n from generate_series(1, ${round}) g`,
      sql`select 5 as n`,
      sql`select ${round}::int * 2 as n`,
    ])
    const wanted = [round, round + 1, String(round), round, 5, round * 2]
    right += answers.filter(([row], k) => row.n === wanted[k]).length
  }
  console.log(right, 'of', 600)
  await sql.end()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
