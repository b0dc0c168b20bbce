//! What a replica says that cannot run what the primary can.
//!
//! The message is in the server's language; the code and the place in its source are not.

use bytes::{BufMut, BytesMut};
use wire::backend::error::Fields;
use wire::sqlstate::SqlState;

/// Why a replica has not run a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It cannot: texts of this shape are for the primary.
    Never,
    /// It was in the way of what it had to replay, or is not there any more, or does not have yet what the text speaks
    /// of: another time it may well run it.
    Now,
}

/// Routines of PostgreSQL's that refuse what cannot be done while a server is recovering, with codes that have other
/// uses too.
const ROUTINES: [&[u8]; 8] = [
    b"get_relation_info",
    b"GetSerializableTransactionSnapshot",
    b"GetNewTransactionId",
    b"AssignTransactionId",
    b"LockAcquireExtended",
    b"XLogBeginInsert",
    b"XLogInsertRecord",
    b"PreventCommandDuringRecovery",
];

/// Whether this error means that the request has to be run on the primary.
pub(crate) fn refusal(body: &[u8]) -> Option<Refusal> {
    let fields = Fields::new(body);
    let code = fields.sqlstate()?;
    match &code {
        b"25006" => Some(Refusal::Never),
        b"0A000" | b"55000" | b"XX000" => {
            let routine = fields.get(b'R').is_some_and(|routine| ROUTINES.contains(&routine));
            let speaks = |word: &[u8]| body.windows(word.len()).any(|text| text == word);
            (routine || speaks(b"recovery") || speaks(b"standby")).then_some(Refusal::Never)
        }
        // a conflict with what is replayed
        b"40001" | b"40P01" => Some(Refusal::Now),
        // it goes away, or came back only now
        b"57P01" | b"57P02" | b"57P03" => Some(Refusal::Now),
        // tables, columns, functions, types and schemas that the primary may have by now
        b"42P01" | b"42703" | b"42883" | b"42704" | b"3F000" => Some(Refusal::Now),
        _ => None,
    }
}

/// What a client is told that may write elsewhere.
const HINT: &str =
    "This server only reads. Use a database whose target is \"split\" or \"primary\", or SET pgweir.target.";

/// The whole error with that hint, if it says that a replica does not write.
pub(crate) fn hinted(body: &[u8]) -> Option<BytesMut> {
    let fields = Fields::new(body);
    let read_only = SqlState::READ_ONLY_SQL_TRANSACTION.is(&fields.sqlstate()?);
    if !read_only || fields.get(b'H').is_some() {
        return None;
    }
    let text = body.strip_suffix(b"\0")?;
    let mut out = BytesMut::new();
    out.put_u8(b'E');
    out.put_u32(u32::try_from(body.len() + HINT.len() + 2 + 4).ok()?);
    out.put_slice(text);
    out.put_u8(b'H');
    out.put_slice(HINT.as_bytes());
    out.put_slice(b"\0\0");
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_added_to_what_is_read_only_and_to_nothing_else() {
        let body = b"SERROR\0C25006\0Mcannot execute INSERT in a read-only transaction\0\0";
        let told = hinted(body).unwrap();
        let length = u32::from_be_bytes([told[1], told[2], told[3], told[4]]);
        assert_eq!(usize::try_from(length).unwrap() + 1, told.len());
        let fields = Fields::new(&told[5..]);
        assert_eq!(fields.get(b'H'), Some(HINT.as_bytes()));
        assert_eq!(fields.sqlstate(), Some(*b"25006"));
        assert_eq!(hinted(b"SERROR\0C22012\0Mx\0\0"), None);
        assert_eq!(hinted(b"SERROR\0C25006\0Mx\0Hy\0\0"), None);
    }

    #[test]
    fn what_speaks_of_recovery_is_for_the_primary() {
        let bodies: [(&[u8], Option<Refusal>); 8] = [
            (b"SERROR\0C25006\0Mx\0\0", Some(Refusal::Never)),
            (b"SFEHLER\0C0A000\0Mauf Deutsch\0Rget_relation_info\0\0", Some(Refusal::Never)),
            (b"SERROR\0C0A000\0Mcannot do this during recovery\0Rx\0\0", Some(Refusal::Never)),
            (b"SERROR\0C0A000\0Mnot implemented\0Rx\0\0", None),
            (b"SERROR\0C40001\0Mcanceling statement due to conflict with recovery\0\0", Some(Refusal::Now)),
            (b"SFATAL\0C57P01\0Mx\0\0", Some(Refusal::Now)),
            (b"SERROR\0C22012\0Mdivision by zero\0\0", None),
            (b"", None),
        ];
        for (body, expected) in bodies {
            assert_eq!(refusal(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }
}
