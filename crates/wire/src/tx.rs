//! `TxStatus`: the transaction state that ReadyForQuery reports.

use crate::Error;

/// Whether the server is inside a transaction block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TxStatus {
    /// No transaction block is open.
    Idle = b'I',
    /// A transaction block is open.
    InTransaction = b'T',
    /// A transaction block is open and failed: everything up to its end is refused.
    Failed = b'E',
}

impl TxStatus {
    /// The byte that stands for this status on the wire.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }
}

impl TryFrom<u8> for TxStatus {
    type Error = Error;

    fn try_from(byte: u8) -> Result<Self, Error> {
        match byte {
            b'I' => Ok(Self::Idle),
            b'T' => Ok(Self::InTransaction),
            b'E' => Ok(Self::Failed),
            got => Err(Error::Unexpected { expected: "transaction status I, T or E", got }),
        }
    }
}

impl From<TxStatus> for u8 {
    fn from(status: TxStatus) -> Self {
        status.byte()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_bytes_are_a_status() {
        for byte in 0..=u8::MAX {
            match TxStatus::try_from(byte) {
                Ok(status) => assert_eq!(status.byte(), byte),
                Err(error) => {
                    assert!(!b"ITE".contains(&byte));
                    assert!(matches!(error, Error::Unexpected { got, .. } if got == byte));
                }
            }
        }
    }
}
