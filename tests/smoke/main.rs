//! pgweir against scripted servers: start-up, and peers on both sides that lie, stall and break off. No
//! outside program is needed.

#[cfg(test)]
mod cancel;
#[cfg(test)]
mod caps;
#[cfg(test)]
mod configuration;
#[cfg(test)]
mod hostile_client;
#[cfg(test)]
mod hostile_server;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod lengths;
#[cfg(test)]
mod listener;
#[cfg(test)]
mod login_to_server;
#[cfg(test)]
mod names;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod startup;
