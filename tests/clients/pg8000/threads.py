"""pg8000: eight threads that use the unnamed statement across Sync, 200 times each; every result must be right."""

import os
import threading

import pg8000.native

RIGHT = []


def connect():
    return pg8000.native.Connection(
        os.environ["PGUSER"],
        host=os.environ["PGHOST"],
        port=int(os.environ["PGPORT"]),
        database=os.environ["PGDATABASE"],
        password=os.environ["PGPASSWORD"],
    )


def work(number):
    right = 0
    conn = connect()
    for k in range(200):
        rows = conn.run(f"select cast(:x as int) + {number}", x=k)
        right += rows == [[k + number]]
    conn.close()
    RIGHT.append(right)


def main():
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(RIGHT), "of", 1600)


main()
