//! Errors of the server that speak of a prepared statement by the name it has there.

use bytes::{BufMut, BytesMut};
use pool::prepared::PREFIX;

use crate::names::Names;

/// The whole ErrorResponse with the client's names in it: the one `spoken` of if that is known, else the one that
/// stands for the statement. `None` if no name of ours is in it.
pub(crate) fn error(body: &[u8], spoken: Option<&[u8]>, names: &Names) -> Option<BytesMut> {
    let prefix = PREFIX.as_bytes();
    let mut at = find(body, prefix)?;
    let (mut text, mut rest) = (Vec::with_capacity(body.len()), body);
    loop {
        let (before, name) = rest.split_at_checked(at)?;
        let digits = name.iter().skip(prefix.len()).take_while(|b| b.is_ascii_digit()).count();
        let (name, after) = name.split_at_checked(prefix.len() + digits)?;
        text.extend_from_slice(before);
        let known = spoken.or_else(|| names.by_server_name(name).map(|known| &known[..]));
        text.extend_from_slice(known.unwrap_or(name));
        rest = after;
        match find(rest, prefix) {
            Some(next) => at = next,
            None => break,
        }
    }
    text.extend_from_slice(rest);
    let length = u32::try_from(text.len()).ok()?.checked_add(4)?;
    let mut out = BytesMut::with_capacity(text.len() + 5);
    out.put_u8(b'E');
    out.put_u32(length);
    out.put_slice(&text);
    Some(out)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_errors_pass_untouched() {
        assert_eq!(error(b"SERROR\0C26000\0Mno such thing\0\0", None, &Names::default()), None);
    }

    #[test]
    fn a_name_of_ours_that_the_client_does_not_know_stays() {
        let body = b"SERROR\0Mprepared statement \"__pgweir_12\" already exists\0\0";
        let told = error(body, None, &Names::default()).unwrap();
        assert_eq!(&told[5..], body);
    }
}
