//! The hash map for keys that only their owner can choose: a client that makes its own names collide slows down
//! nobody but itself, so the hash may be a quick one.

use std::collections::HashMap;

/// A map with a quick hash.
pub type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
