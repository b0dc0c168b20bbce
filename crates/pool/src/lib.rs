//! Server connections: open, lend, clean, close.
