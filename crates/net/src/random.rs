//! Numbers nobody can guess, from the cryptographic source that TLS uses: cancel keys, salts, nonces.

use std::sync::OnceLock;

use rustls::crypto::SecureRandom;

static SOURCE: OnceLock<&'static dyn SecureRandom> = OnceLock::new();

/// The system has no random numbers to give; nothing secret can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomness;

impl std::fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the system's random source failed")
    }
}

impl std::error::Error for NoRandomness {}

/// So many random bytes.
///
/// # Errors
/// The source failed; going on with a guessable secret would be worse than going no further.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let source = SOURCE.get_or_init(|| rustls::crypto::aws_lc_rs::default_provider().secure_random);
    let mut bytes = [0; N];
    source.fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_used_and_nothing_repeats() {
        let mut seen = std::collections::HashSet::new();
        let (mut ones, mut all) = ([0u32; 64], 0);
        for _ in 0..4000 {
            let bytes: [u8; 8] = random().unwrap();
            assert!(seen.insert(bytes));
            let number = u64::from_be_bytes(bytes);
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += u32::from(number >> bit & 1 == 1);
            }
            all += 1;
        }
        // 2000 expected, standard deviation 32: ten of them are never seen by chance
        assert!(ones.iter().all(|n| (1680..2320).contains(n)), "{ones:?} of {all}");
    }
}
