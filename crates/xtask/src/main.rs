//! Chores of a checkout.
fn main() {}
