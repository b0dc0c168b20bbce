//! Messages of a server, built by hand: what a scripted server answers, correct unless its test wants otherwise.

use crate::messages::{cstr, frame};

/// AuthenticationOk.
#[must_use]
pub fn auth_ok() -> Vec<u8> {
    auth(0, &[])
}

/// AuthenticationCleartextPassword.
#[must_use]
pub fn auth_password() -> Vec<u8> {
    auth(3, &[])
}

/// AuthenticationMD5Password.
#[must_use]
pub fn auth_md5(salt: [u8; 4]) -> Vec<u8> {
    auth(5, &salt)
}

/// AuthenticationSASL with these mechanisms.
#[must_use]
pub fn auth_sasl(mechanisms: &[&str]) -> Vec<u8> {
    let mut list = Vec::new();
    for mechanism in mechanisms {
        cstr(&mut list, mechanism);
    }
    list.push(0);
    auth(10, &list)
}

/// Any authentication request.
#[must_use]
pub fn auth(kind: u32, rest: &[u8]) -> Vec<u8> {
    frame(b'R', &[kind.to_be_bytes().as_slice(), rest].concat())
}

/// ParameterStatus.
#[must_use]
pub fn parameter_status(name: &str, value: &str) -> Vec<u8> {
    frame(b'S', &texts(&[name, value]))
}

/// BackendKeyData.
#[must_use]
pub fn backend_key_data(pid: u32, secret: &[u8]) -> Vec<u8> {
    frame(b'K', &[pid.to_be_bytes().as_slice(), secret].concat())
}

/// NegotiateProtocolVersion.
#[must_use]
pub fn negotiate(minor: u32, options: &[&str]) -> Vec<u8> {
    let count = u32::try_from(options.len()).unwrap_or(u32::MAX);
    let mut body = [minor.to_be_bytes(), count.to_be_bytes()].concat();
    body.extend(texts(options));
    frame(b'v', &body)
}

/// ReadyForQuery with status `I`, `T` or `E`.
#[must_use]
pub fn ready(status: u8) -> Vec<u8> {
    frame(b'Z', &[status])
}

/// ErrorResponse of this severity.
#[must_use]
pub fn error(severity: &str, code: &str, message: &str) -> Vec<u8> {
    fields(b'E', severity, code, message)
}

/// NoticeResponse.
#[must_use]
pub fn notice(message: &str) -> Vec<u8> {
    fields(b'N', "NOTICE", "00000", message)
}

/// CommandComplete.
#[must_use]
pub fn complete(tag: &str) -> Vec<u8> {
    frame(b'C', &texts(&[tag]))
}

/// RowDescription of text columns.
#[must_use]
pub fn row_description(names: &[&str]) -> Vec<u8> {
    let mut body = count(names.len());
    for name in names {
        cstr(&mut body, name);
        // no table, no column number, type text (25), any length, no modifier, text format
        body.extend([0_u32.to_be_bytes().as_slice(), &[0; 2], &25_u32.to_be_bytes(), &[0xff; 2]].concat());
        body.extend([0xff, 0xff, 0xff, 0xff, 0, 0]);
    }
    frame(b'T', &body)
}

/// DataRow of text values.
#[must_use]
pub fn data_row(values: &[Option<&str>]) -> Vec<u8> {
    let mut body = count(values.len());
    for value in values {
        let length = value.map_or(-1, |text| i32::try_from(text.len()).unwrap_or(i32::MAX));
        body.extend(length.to_be_bytes());
        body.extend(value.unwrap_or_default().as_bytes());
    }
    frame(b'D', &body)
}

/// The whole answer to a simple query with one row of one column.
#[must_use]
pub fn one_row(value: &str) -> Vec<u8> {
    [row_description(&["x"]), data_row(&[Some(value)]), complete("SELECT 1"), ready(b'I')].concat()
}

/// NotificationResponse.
#[must_use]
pub fn notification(pid: u32, channel: &str, payload: &str) -> Vec<u8> {
    let mut body = pid.to_be_bytes().to_vec();
    body.extend(texts(&[channel, payload]));
    frame(b'A', &body)
}

/// ParseComplete.
#[must_use]
pub fn parse_complete() -> Vec<u8> {
    frame(b'1', &[])
}

/// BindComplete.
#[must_use]
pub fn bind_complete() -> Vec<u8> {
    frame(b'2', &[])
}

/// CloseComplete.
#[must_use]
pub fn close_complete() -> Vec<u8> {
    frame(b'3', &[])
}

/// NoData.
#[must_use]
pub fn no_data() -> Vec<u8> {
    frame(b'n', &[])
}

fn fields(tag: u8, severity: &str, code: &str, message: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, text) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', message)] {
        body.push(field);
        cstr(&mut body, text);
    }
    body.push(0);
    frame(tag, &body)
}

fn texts(texts: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for text in texts {
        cstr(&mut body, text);
    }
    body
}

fn count(n: usize) -> Vec<u8> {
    u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes().to_vec()
}
