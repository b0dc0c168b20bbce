//! Any bytes as a header of the PROXY protocol.

use crate::proxy::{MOST, parse};

/// A verdict, once reached, stays whatever comes behind, and needs no byte beyond the header.
pub fn proxy(data: &[u8]) {
    let whole = parse(data);
    if let Ok(Some(header)) = whole {
        assert!(header.length <= MOST && header.length <= data.len());
        assert_eq!(parse(data.get(..header.length).unwrap_or_default()), whole);
        assert_eq!(parse(data.get(..header.length.saturating_sub(1)).unwrap_or_default()), Ok(None));
    }
    for end in 0..data.len().min(MOST) {
        let part = parse(data.get(..end).unwrap_or_default());
        assert!(part == Ok(None) || part == whole, "{part:?} of {end} bytes, {whole:?} of all");
    }
    assert!(data.len() < MOST || whole != Ok(None), "no more than the limit is waited for");
}
