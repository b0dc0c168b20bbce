//! What can go wrong in a SCRAM exchange, in PostgreSQL's words where it has them.

use std::fmt;

/// Why a SCRAM exchange ended. A wrong password is `Rejected`; all the rest is a peer that breaks the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScramError {
    /// The proof does not fit the stored secret: the password is wrong or the user does not exist.
    Rejected,
    /// A message does not have the form that RFC 5802 gives it.
    Malformed(&'static str),
    /// A message is longer than anything honest.
    TooLong {
        /// How long it is.
        len: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The peer asks for something that we do not offer: an extension, another identity.
    Unsupported(&'static str),
    /// The peer offers none of the mechanisms we know.
    NoMechanism,
    /// The client has chosen a mechanism that it was not offered.
    Mechanism,
    /// The client binds to something else than the server's certificate; the name it gave, cut short.
    BindingType(String),
    /// The client has not seen that channel binding was offered: somebody in between has changed the offer.
    Downgrade,
    /// The client binds to another certificate than the one it was shown: somebody stands in between.
    OtherEndPoint,
    /// Channel binding is required and cannot be had; why.
    NoBinding(&'static str),
    /// The nonce is not the one agreed on.
    NonceMismatch,
    /// The server asks for an iteration count outside what we are willing to compute.
    Iterations {
        /// What it asks for, as far as it is a number that fits.
        got: u64,
        /// The most we compute.
        limit: u32,
    },
    /// The server could not prove that it knows the password.
    ServerSignature,
    /// The server ended the exchange with its own `e=` value.
    ServerError(String),
    /// Keys learnt from a client do not fit the server's secret: it has another salt or iteration count.
    OtherSecret(Box<Mismatch>),
}

/// What a stored secret and the server's secret say of themselves, for the message to the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The salt of the keys we hold, in base64.
    pub our_salt: String,
    /// The iteration count of the keys we hold.
    pub our_iterations: u32,
    /// The salt the server sent, in base64.
    pub server_salt: String,
    /// The iteration count the server sent.
    pub server_iterations: u32,
}

impl fmt::Display for ScramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected => f.write_str("password authentication failed"),
            Self::Malformed(what) => write!(f, "malformed SCRAM message: {what}"),
            Self::TooLong { len, limit } => {
                write!(f, "malformed SCRAM message: {len} bytes, at most {limit} allowed")
            }
            Self::Unsupported(what) => write!(f, "SCRAM: {what} not supported"),
            Self::NoMechanism => {
                f.write_str("none of the server's SASL authentication mechanisms are supported")
            }
            Self::Mechanism => f.write_str("client selected an invalid SASL authentication mechanism"),
            Self::BindingType(name) => write!(f, "unsupported SCRAM channel-binding type \"{name}\""),
            Self::Downgrade => f.write_str("SCRAM channel binding negotiation error"),
            Self::OtherEndPoint => f.write_str("SCRAM channel binding check failed"),
            Self::NoBinding(why) => write!(f, "channel binding is required, but {why}"),
            Self::NonceMismatch => f.write_str("malformed SCRAM message: nonce does not match"),
            Self::Iterations { got, limit } => {
                write!(f, "invalid SCRAM iteration count: {got}, at least 1 and at most {limit} allowed")
            }
            Self::ServerSignature => f.write_str("incorrect server signature"),
            Self::ServerError(value) => write!(f, "error received from server in SCRAM exchange: {value}"),
            Self::OtherSecret(m) => write!(
                f,
                "stored SCRAM secret has salt {} and {} iterations, server uses salt {} and {} iterations",
                m.our_salt, m.our_iterations, m.server_salt, m.server_iterations
            ),
        }
    }
}

impl std::error::Error for ScramError {}
