//! Sockets: bytes in, bytes out, TLS on both sides.
