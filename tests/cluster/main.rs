//! What pgweir promises about the protocol, shown with real servers: one file per promise.

#[cfg(test)]
mod access;
#[cfg(test)]
mod announce;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod auth_query;
#[cfg(test)]
mod bad_starts;
#[cfg(test)]
mod binds;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod caps;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod channel_binding;
#[cfg(test)]
mod client_limits;
#[cfg(test)]
mod console;
#[cfg(test)]
mod copy;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod described;
#[cfg(test)]
mod disconnect;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod failover_of_connections;
#[cfg(test)]
mod fairness;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod freshness;
#[cfg(test)]
mod hostile_client;
#[cfg(test)]
mod known_names;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod listen;
#[cfg(test)]
mod made_up;
#[cfg(test)]
mod names_of_servers;
#[cfg(test)]
mod outdated;
#[cfg(test)]
mod patroni;
#[cfg(test)]
mod pipeline;
#[cfg(test)]
mod pooling;
#[cfg(test)]
mod prepared;
#[cfg(test)]
mod promotion;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod replication;
#[cfg(test)]
mod resync;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sequences;
#[cfg(test)]
mod session_effects;
#[cfg(test)]
mod soak;
#[cfg(test)]
mod split;
#[cfg(test)]
mod state;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod workers;
