# Short names for the chores of a checkout. Everything is done by `cargo xtask`; `just` is not needed for anything.

# what there is
default:
    @just --list

# everything running, to look at; Ctrl-C removes it
demo:
    cargo xtask demo

# the whole test suite, or the tests whose name contains FILTER
test *FILTER:
    cargo xtask test {{FILTER}}

# pgweir beside PgBouncer and a direct connection
bench *OPTIONS:
    cargo xtask bench {{OPTIONS}}

# write the documents that the code generates
generate:
    cargo xtask generate

# what the other commands would install first
setup:
    cargo xtask setup

# what has to hold before a change lands
ci:
    .ci/run
