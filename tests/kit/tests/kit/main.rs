//! The kit tried on itself: what it starts runs, what it cuts is cut, and nothing stays behind.

mod cluster;
mod drivers;
mod postgres;
mod proxy;
mod redis;
mod scripted;
mod tap;
mod tls;
