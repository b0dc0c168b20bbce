//! What pgweir says of itself at log-in, so that a driver or a person can tell that it is there.
//!
//! Two ParameterStatus of names that no server has, told once: drivers keep what they do not know, and libpq gives
//! it back (`PQparameterStatus`). `listen.announce` turns them off.

use bytes::BytesMut;
use config::PoolMode;
use wire::backend::params;

/// The release that serves the client.
const VERSION: &[u8] = env!("CARGO_PKG_VERSION").as_bytes();

/// Adds both parameters to the greeting of a client.
///
/// # Errors
/// None: there is no zero byte in these texts.
pub fn write(out: &mut BytesMut, mode: PoolMode) -> Result<(), wire::Error> {
    params::write(out, b"pgweir_version", VERSION)?;
    params::write(out, b"pgweir_pool_mode", mode.as_str().as_bytes())
}
