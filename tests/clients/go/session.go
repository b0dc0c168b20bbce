// lib/pq: its Listener, settings of a connection, golang-migrate's lock.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/lib/pq"
)

var copyName = os.Getenv("COPY")

var copyNumber, _ = strconv.Atoi(copyName)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func listening(db *sql.DB) {
	channel := "feed" + copyName
	told := make(chan pq.ListenerEventType, 10)
	listener := pq.NewListener("sslmode=disable", time.Second, time.Minute, func(event pq.ListenerEventType, err error) { told <- event })
	must(listener.Listen(channel))
	must(listener.Listen(channel + "_b"))
	for k := 0; k < 3; k++ {
		_, err := db.Exec("select pg_notify($1, $2)", channel, fmt.Sprint("number ", k))
		must(err)
	}
	_, err := db.Exec("notify " + channel + "_b, 'other'")
	must(err)
	for k := 0; k < 4; k++ {
		note := <-listener.Notify
		fmt.Println(note.Channel[len(channel):], note.Extra)
	}
	must(listener.Unlisten(channel))
	must(listener.Ping())
	must(listener.Close())
}

func settings(db *sql.DB) {
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	must(err)
	_, err = conn.ExecContext(ctx, "set statement_timeout = '53s'; set search_path = pg_catalog, public")
	must(err)
	var timeout, path, started string
	var locked bool
	must(conn.QueryRowContext(ctx, "select pg_try_advisory_lock($1)", 12000+copyNumber).Scan(&locked))
	for k := 0; k < 10; k++ {
		row := conn.QueryRowContext(ctx, "select current_setting('statement_timeout'), current_setting('search_path'), current_setting($1)", "my.started")
		must(row.Scan(&timeout, &path, &started))
	}
	fmt.Println(timeout, path, started)
	must(conn.QueryRowContext(ctx, "select pg_advisory_unlock($1)", 12000+copyNumber).Scan(&locked))
	fmt.Println(locked)
	must(conn.Close())
}

func main() {
	db, err := sql.Open("postgres", "sslmode=disable options='-c my.started=yes'")
	must(err)
	listening(db)
	settings(db)
	must(db.Close())
}
