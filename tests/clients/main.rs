//! Other people's clients and drivers through a transaction pool of two server connections.
//!
//! Each program prints what it has seen: results, types, errors, states. What it sees through pgweir must be,
//! byte for byte, what it sees when it talks to PostgreSQL directly. A runtime that is missing is told of in a
//! line `SKIPPED: …`.

#[cfg(test)]
mod split;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod transcript;

#[cfg(test)]
mod distribution;
#[cfg(test)]
mod jdbc;
#[cfg(test)]
mod listen;
#[cfg(test)]
mod listening;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod node;
#[cfg(test)]
mod orm;
#[cfg(test)]
mod pgbench;
#[cfg(test)]
mod psql;
#[cfg(test)]
mod python;
#[cfg(test)]
mod rust;
#[cfg(test)]
mod sessions;
