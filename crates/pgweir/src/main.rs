//! The program `pgweir`.
fn main() {}
