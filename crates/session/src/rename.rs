//! Errors of the server that speak of a prepared statement by the name it has there.

use bytes::{BufMut, BytesMut};
use pool::prepared::{Held, PREFIX};
use wire::backend::error::Fields;
use wire::sqlstate::SqlState;

use crate::error::REVALIDATE;
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

/// What an error of the server tells of the statements that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspect {
    /// One of those in use is out of date: the columns of its result are others now.
    Used,
    /// The one of this number is not there.
    Number(u64),
}

/// Whether an error means that a statement has to be prepared anew. The message is in the server's language; the code
/// and the place in its source are not.
pub(crate) fn suspect(body: &[u8]) -> Option<Suspect> {
    let fields = Fields::new(body);
    let code = fields.sqlstate()?;
    if SqlState::FEATURE_NOT_SUPPORTED.is(&code) {
        return (fields.get(b'R') == Some(REVALIDATE.as_bytes())).then_some(Suspect::Used);
    }
    if !SqlState::INVALID_SQL_STATEMENT_NAME.is(&code) {
        return None;
    }
    let (_, rest) = body.split_at_checked(find(body, PREFIX.as_bytes())? + PREFIX.len())?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok().map(Suspect::Number)
}

impl Suspect {
    /// Sees that it is prepared anew before its next use.
    pub(crate) fn note(self, held: &mut Held) {
        match self {
            Self::Used => held.outdate_used(),
            Self::Number(id) => held.outdate_here(id),
        }
    }
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

    #[test]
    fn only_what_says_that_a_statement_is_out_of_date_or_gone_is_suspect() {
        let outdated = b"SERROR\0C0A000\0Mder Plan hat sich ge\xe4ndert\0RRevalidateCachedQuery\0\0";
        assert_eq!(suspect(outdated), Some(Suspect::Used));
        let gone = b"SERROR\0C26000\0Mprepared statement \"__pgweir_12\" does not exist\0\0";
        assert_eq!(suspect(gone), Some(Suspect::Number(12)));
        let others: [&[u8]; 4] = [
            b"SERROR\0C0A000\0Mnot supported\0Rtransform\0\0",
            b"SERROR\0C26000\0Mprepared statement \"mine\" does not exist\0\0",
            b"SERROR\0C42P05\0Mprepared statement \"__pgweir_12\" already exists\0\0",
            b"",
        ];
        for other in others {
            assert_eq!(suspect(other), None);
        }
    }
}
