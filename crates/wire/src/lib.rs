//! The PostgreSQL protocol as values: no I/O, no clock, no runtime.
