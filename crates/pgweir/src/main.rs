//! The program `pgweir`: reads its arguments and does what they say.

mod assemble;
mod balance;
mod census;
mod classify;
mod cli;
mod closer;
mod console;
mod control;
mod doctor;
mod figures;
mod http;
mod idlers;
mod ledger;
mod lifecycle;
mod monitor;
mod names;
mod reload;
mod signals;
mod tend;
mod web;
mod workers;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::main()
}
