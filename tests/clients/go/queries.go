// lib/pq through database/sql: its pool, the unnamed statement across Syncs, prepared statements, COPY, cancelling.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/lib/pq"
)

var table = "crates" + os.Getenv("COPY")

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func code(err error) string {
	var told *pq.Error
	if errors.As(err, &told) {
		return string(told.Code)
	}
	return fmt.Sprint(err)
}

func results(db *sql.DB) {
	for k := 0; k < 20; k++ {
		var n int
		var text string
		var bytes []byte
		must(db.QueryRow("select $1::int + 1, $2::text, $3::bytea", k, fmt.Sprintf("täxt '%d'", k), []byte{0, 255}).Scan(&n, &text, &bytes))
		fmt.Println(n, text, bytes)
	}
	insert, err := db.Prepare("insert into " + table + " values ($1, $2)")
	must(err)
	for k := 0; k < 60; k++ {
		_, err := insert.Exec(k, fmt.Sprint("crate ", k))
		must(err)
	}
	must(insert.Close())
	var names []string
	must(db.QueryRow("select array_agg(name order by id) from "+table+" where id = any($1)", pq.Array([]int{3, 4})).Scan(pq.Array(&names)))
	fmt.Println(names)
	rows, err := db.Query("select 1; select 2, 3")
	must(err)
	for more := true; more; more = rows.NextResultSet() {
		columns, err := rows.Columns()
		must(err)
		fmt.Println(len(columns))
		for rows.Next() {
		}
	}
	must(rows.Close())
}

func failures(db *sql.DB) {
	for turn := 0; turn < 2; turn++ {
		for _, query := range []string{"select 1 / $1::int", "select * from no_such_table where a = $1", "selekt $1",
			"insert into " + table + " values ($1, 'twice')"} {
			_, err := db.Exec(query, 0)
			fmt.Println(code(err))
		}
	}
	must(db.Ping())
}

func transactions(db *sql.DB) {
	for _, keep := range []bool{true, false} {
		tx, err := db.Begin()
		must(err)
		update, err := tx.Prepare("update " + table + " set name = name || $1 where id = $2")
		must(err)
		for k := 0; k < 5; k++ {
			_, err = update.Exec("!", k)
			must(err)
		}
		must(update.Close())
		_, err = tx.Exec("savepoint s")
		must(err)
		_, err = tx.Exec("select 1 / $1::int", 0)
		fmt.Println(code(err))
		_, err = tx.Exec("rollback to savepoint s")
		must(err)
		if keep {
			must(tx.Commit())
		} else {
			must(tx.Rollback())
		}
	}
	var names string
	must(db.QueryRow("select string_agg(name, ',' order by id) from " + table + " where id < 6").Scan(&names))
	fmt.Println(names)
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
	must(err)
	_, err = tx.Exec("delete from " + table)
	fmt.Println(code(err))
	must(tx.Rollback())
}

func copies(db *sql.DB) {
	tx, err := db.Begin()
	must(err)
	in, err := tx.Prepare(pq.CopyIn(table, "id", "name"))
	must(err)
	for k := 100; k < 600; k++ {
		_, err = in.Exec(k, fmt.Sprint("copied ", k))
		must(err)
	}
	_, err = in.Exec()
	must(err)
	must(in.Close())
	must(tx.Commit())
	var count int
	must(db.QueryRow("select count(*) from " + table).Scan(&count))
	fmt.Println(count)
	tx, err = db.Begin()
	must(err)
	in, err = tx.Prepare(pq.CopyIn(table, "id", "name"))
	must(err)
	_, err = in.Exec("no number", "x")
	must(err)
	_, err = in.Exec()
	fmt.Println(code(err))
	must(tx.Rollback())
}

func cancelled(db *sql.DB) {
	ctx, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer stop()
	_, err := db.ExecContext(ctx, "select pg_sleep(60)")
	fmt.Println(code(err))
	// the driver has given the connection up
	var after int
	for db.QueryRow("select 3").Scan(&after) != nil {
	}
	fmt.Println(after)
}

// Eight at a time over connections that go from one to the other.
func together(db *sql.DB) {
	var group sync.WaitGroup
	right := make([]int, 8)
	for number := range right {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			for k := 0; k < 100; k++ {
				var n int
				if db.QueryRow(fmt.Sprintf("select $1::int + %d", number), k).Scan(&n) == nil && n == k+number {
					right[number]++
				}
			}
		}(number)
	}
	group.Wait()
	fmt.Println(right)
}

func main() {
	options := "sslmode=disable"
	if len(os.Args) > 1 {
		options += " " + os.Args[1]
	}
	db, err := sql.Open("postgres", options)
	must(err)
	db.SetMaxOpenConns(8)
	_, err = db.Exec("drop table if exists " + table)
	must(err)
	_, err = db.Exec("create table " + table + " (id int primary key, name text)")
	must(err)
	for _, part := range []func(*sql.DB){results, failures, transactions, copies, cancelled, together} {
		fmt.Println("part")
		part(db)
	}
	_, err = db.Exec("drop table " + table)
	must(err)
	must(db.Close())
}
