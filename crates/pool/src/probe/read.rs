//! What a server says of itself, from the row that it answers with.

use std::time::Duration;

use bytes::Bytes;
use wire::backend::row::DataRow;
use wire::lsn::Lsn;

/// The pages of the log, and what stands at the head of the first of a file, and of any other.
const PAGE: u64 = 8192;
const FILE_HEAD: u64 = 40;
const PAGE_HEAD: u64 = 24;

/// What a server has said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// It follows another server.
    pub in_recovery: bool,
    /// The number that all servers of a cluster share; none if we may not ask.
    pub system: Option<u64>,
    /// Grows with each promotion. None of a replica if we may not ask.
    pub timeline: Option<u32>,
    /// Where a primary writes, or what a replica has replayed, if anything.
    pub position: Option<Lsn>,
    /// What a replica has received or replayed, whichever is more.
    pub received: Option<Lsn>,
    /// A replica that is told not to replay.
    pub paused: bool,
    /// A replica that receives what it is to replay.
    pub receiving: bool,
    /// How long the answer took.
    pub took: Duration,
}

/// Reads the answer to how far the server has come: the outer one is none if it cannot be read, the inner one if the
/// server has come nowhere.
pub(super) fn position(row: &Bytes) -> Option<Option<Lsn>> {
    let row = DataRow::parse(row).ok()?;
    let mut values = row.values();
    let Some(at) = values.next()? else { return Some(None) };
    let at = text(at)?.parse().ok()?;
    match values.next() {
        Some(offset) => Some(Some(end_of_record(at, number(offset?)?))),
        None => Some(Some(at)),
    }
}

/// Reads the one row of the answer.
pub(super) fn said(row: &Bytes, took: Duration) -> Option<Said> {
    let row = DataRow::parse(row).ok()?;
    let mut values = row.values();
    let mut next = || values.next().flatten();
    let in_recovery = next()? == b"t";
    let position: Option<Lsn> =
        next().map(|at| text(at)?.parse().ok()).map_or(Some(None), |at| at.map(Some))?;
    let (offset, file) = (next().and_then(number), next().and_then(text));
    let (paused, receiver) = (next() == Some(b"t"), next());
    let receives = next().and_then(number);
    let received = next().and_then(text).and_then(|at| at.parse().ok());
    let system = next().and_then(text).and_then(|system| system.parse::<i64>().ok());
    let controlled = next().and_then(number);
    let timeline = if in_recovery {
        receives.max(controlled).and_then(|timeline| u32::try_from(timeline).ok())
    } else {
        Some(u32::from_str_radix(file?.get(..8)?, 16).ok()?)
    };
    Some(Said {
        in_recovery,
        system: system.map(i64::cast_unsigned),
        timeline,
        position: match offset {
            Some(offset) => position.map(|at| end_of_record(at, offset)),
            None => position,
        },
        received,
        paused,
        receiving: receiver == Some(b"streaming"),
        took,
    })
}

/// A primary says where it will write next; what comes first on a page is the page's own head, at which no replica
/// ever arrives. Where nothing stands behind that, the last record has ended in front of it.
fn end_of_record(at: Lsn, offset: u64) -> Lsn {
    let head = match offset {
        FILE_HEAD => FILE_HEAD,
        offset if offset % PAGE == PAGE_HEAD => PAGE_HEAD,
        _ => 0,
    };
    Lsn(at.0.saturating_sub(head))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn number(bytes: &[u8]) -> Option<u64> {
    text(bytes)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::*;
    use wire::backend::row;
    use wire::frame;

    use super::*;

    const TOOK: Duration = Duration::from_millis(1);

    fn row(values: &[Option<&str>]) -> Bytes {
        let values: Vec<_> = values.iter().map(|value| value.map(str::as_bytes)).collect();
        let mut out = BytesMut::new();
        row::write_row(&mut out, &values).unwrap();
        out.split_off(frame::HEADER).freeze()
    }

    fn read(values: &[Option<&str>]) -> Option<Said> {
        said(&row(values), TOOK)
    }

    #[test]
    fn a_primary_is_read() {
        let file = Some("0000000A0000000000000002");
        let row = [Some("f"), Some("0/2000100"), Some("256"), file, None, None, None, None, Some("-2"), None];
        let found = read(&row).unwrap();
        assert!(!found.in_recovery && !found.paused && !found.receiving);
        assert_eq!((found.timeline, found.position), (Some(10), Some(Lsn(0x200_0100))));
        assert_eq!((found.system, found.took), (Some(u64::MAX - 1), TOOK));
        // without the control file
        assert_eq!(read(&row[..8]).unwrap().system, None);
        assert_eq!(read(&[Some("f"), Some("0/2000100")]), None, "no file");
    }

    #[test]
    fn a_replica_is_read() {
        let row = |received, control| {
            let (system, streaming, at) = (Some("7"), Some("streaming"), Some("0/30"));
            let (replayed, paused) = (Some("0/28"), Some("t"));
            read(&[Some("t"), replayed, None, None, paused, streaming, received, at, system, control])
                .unwrap()
        };
        let found = row(Some("3"), Some("2"));
        assert!(found.in_recovery && found.paused && found.receiving);
        assert_eq!((found.timeline, found.position), (Some(3), Some(Lsn(0x28))));
        assert_eq!(found.received, Some(Lsn(0x30)));
        assert_eq!(row(None, Some("2")).timeline, Some(2));
        assert_eq!(row(None, None).timeline, None);
        let silent = read(&[Some("t"), None, None, None, Some("f"), None, None, None]).unwrap();
        assert_eq!((silent.position, silent.receiving, silent.timeline), (None, false, None));
    }

    #[test]
    fn a_position_is_read() {
        assert_eq!(position(&row(&[Some("0/28")])), Some(Some(Lsn(0x28))));
        assert_eq!(position(&row(&[None])), Some(None));
        assert_eq!(position(&row(&[Some("0/3000028"), Some("40")])), Some(Some(Lsn(0x300_0000))));
        assert_eq!(position(&row(&[Some("x")])), None);
        assert_eq!(position(&row(&[])), None);
    }

    #[test]
    fn the_head_of_a_page_is_not_waited_for() {
        for (at, offset, end) in [
            (0x300_0028, 0x28, 0x300_0000),
            (0x300_2018, 0x2018, 0x300_2000),
            (0x300_2028, 0x2028, 0x300_2028),
            (0x300_2020, 0x2020, 0x300_2020),
        ] {
            assert_eq!(end_of_record(Lsn(at), offset), Lsn(end), "{at:x}");
        }
    }

    proptest! {
        #[test]
        fn any_row_is_read_or_not(values in prop::collection::vec(prop::option::of("[tf]|[0-9A-F/]{0,12}|.{0,5}"), 0..13)) {
            let values: Vec<_> = values.iter().map(Option::as_deref).collect();
            let _ = read(&values);
        }

        #[test]
        fn any_bytes_are_read_or_not(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = said(&Bytes::from(bytes.clone()), TOOK);
            let _ = position(&Bytes::from(bytes));
        }
    }
}
