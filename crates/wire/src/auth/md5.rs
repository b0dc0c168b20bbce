//! MD5 passwords: what is stored, and the answer to a salt.

use std::fmt;

use md5::{Digest, Md5};

use super::crypto::equal;

/// Before every MD5 password, stored or sent.
const PREFIX: &str = "md5";

/// A stored MD5 password: 32 lower-case hexadecimal digits, without the `md5` before them.
#[derive(Clone, Copy)]
pub struct Md5Secret([u8; 32]);

impl Md5Secret {
    /// Reads the stored form, `md5` and 32 lower-case hexadecimal digits; anything else is none.
    pub fn parse(stored: &str) -> Option<Self> {
        let digits: [u8; 32] = stored.strip_prefix(PREFIX)?.as_bytes().try_into().ok()?;
        let hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        digits.iter().all(hex).then_some(Self(digits))
    }

    /// The stored form.
    pub fn stored(&self) -> String {
        with_prefix(self.0)
    }
}

impl PartialEq for Md5Secret {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0, &other.0)
    }
}

impl Eq for Md5Secret {}

impl fmt::Debug for Md5Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5Secret(…)")
    }
}

/// What is stored for a user's password; the user's name is its salt.
pub fn hash(user: &str, password: &[u8]) -> Md5Secret {
    Md5Secret(hex(&[password, user.as_bytes()]))
}

/// What a client answers to the server's salt.
pub fn response(secret: &Md5Secret, salt: [u8; 4]) -> String {
    with_prefix(hex(&[&secret.0, &salt]))
}

/// Whether this is the right answer to our salt.
pub fn verify(secret: &Md5Secret, salt: [u8; 4], answer: &[u8]) -> bool {
    equal(response(secret, salt).as_bytes(), answer)
}

fn hex(parts: &[&[u8]]) -> [u8; 32] {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part);
    }
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(md5.finalize()) {
        for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        }
    }
    digits
}

fn with_prefix(digits: [u8; 32]) -> String {
    PREFIX.chars().chain(digits.map(char::from)).collect()
}

#[cfg(test)]
mod tests {
    use postgres_protocol::authentication::md5_hash;

    use super::*;

    #[test]
    fn the_stored_form_is_postgresqls() {
        // select 'md5' || md5('secret' || 'bob')
        let secret = hash("bob", b"secret");
        assert_eq!(secret.stored(), "md521f3163f8f86fa10bdefbfbd502a8f06");
        assert_eq!(Md5Secret::parse(&secret.stored()), Some(secret));
    }

    #[test]
    fn an_answer_is_the_one_another_implementation_gives() {
        for (user, password, salt) in
            [("bob", "secret", [1, 2, 3, 4]), ("", "", [0; 4]), ("é", "ü", [255; 4])]
        {
            let secret = hash(user, password.as_bytes());
            let answer = response(&secret, salt);
            assert_eq!(answer, md5_hash(user.as_bytes(), password.as_bytes(), salt));
            assert!(verify(&secret, salt, answer.as_bytes()));
            assert!(!verify(&secret, [9; 4], answer.as_bytes()));
            assert!(!verify(&hash("other", password.as_bytes()), salt, answer.as_bytes()));
        }
    }

    #[test]
    fn a_wrong_answer_of_any_shape_is_refused() {
        let secret = hash("bob", b"secret");
        let upper = response(&secret, [7; 4]).to_uppercase();
        for answer in [&b""[..], b"md5", b"secret", secret.stored().as_bytes(), upper.as_bytes(), &[0xff; 35]]
        {
            assert!(!verify(&secret, [7; 4], answer), "{answer:?}");
        }
    }

    #[test]
    fn what_only_begins_like_a_stored_form_is_none() {
        let good = "md50123456789abcdef0123456789abcdef";
        assert!(Md5Secret::parse(good).is_some());
        let upper = good.replace('a', "A");
        for text in ["md5", "", &good[..34], &format!("{good}0"), &upper, &good.replace("md5", "MD5")] {
            assert_eq!(Md5Secret::parse(text), None, "{text}");
        }
    }
}
