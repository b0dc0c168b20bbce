//! Pure choice of a server from a view of the servers.
