//! Messages of a client, built by hand: plain functions to bytes, correct unless the caller wants otherwise.
//!
//! Written apart from the `wire` crate on purpose, so that a mistake there does not hide itself here.

/// A message: tag, length, body.
#[must_use]
pub fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(untagged(body));
    bytes
}

/// A start-up packet: length, body.
#[must_use]
pub fn untagged(body: &[u8]) -> Vec<u8> {
    let mut bytes = length(body.len() + 4).to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// StartupMessage of protocol 3.`minor`.
#[must_use]
pub fn startup(minor: u16, params: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 3_u16.to_be_bytes().to_vec();
    body.extend(minor.to_be_bytes());
    for (name, value) in params {
        cstr(&mut body, name);
        cstr(&mut body, value);
    }
    body.push(0);
    untagged(&body)
}

/// SSLRequest.
#[must_use]
pub fn ssl_request() -> Vec<u8> {
    untagged(&80_877_103_u32.to_be_bytes())
}

/// GSSENCRequest.
#[must_use]
pub fn gssenc_request() -> Vec<u8> {
    untagged(&80_877_104_u32.to_be_bytes())
}

/// CancelRequest.
#[must_use]
pub fn cancel_request(pid: u32, secret: &[u8]) -> Vec<u8> {
    let mut body = 80_877_102_u32.to_be_bytes().to_vec();
    body.extend(pid.to_be_bytes());
    body.extend_from_slice(secret);
    untagged(&body)
}

/// PasswordMessage.
#[must_use]
pub fn password(password: &str) -> Vec<u8> {
    frame(b'p', &one_cstr(password))
}

/// SASLInitialResponse.
#[must_use]
pub fn sasl_initial(mechanism: &str, data: &[u8]) -> Vec<u8> {
    let mut body = one_cstr(mechanism);
    body.extend(length(data.len()));
    body.extend_from_slice(data);
    frame(b'p', &body)
}

/// SASLResponse.
#[must_use]
pub fn sasl_response(data: &[u8]) -> Vec<u8> {
    frame(b'p', data)
}

/// Query.
#[must_use]
pub fn query(sql: &str) -> Vec<u8> {
    frame(b'Q', &one_cstr(sql))
}

/// Parse, with the types of the parameters (by OID; may be fewer than there are).
#[must_use]
pub fn parse(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = one_cstr(name);
    cstr(&mut body, sql);
    body.extend(count(types.len()));
    for oid in types {
        body.extend(oid.to_be_bytes());
    }
    frame(b'P', &body)
}

/// Bind with text parameters and text results.
#[must_use]
pub fn bind(portal: &str, statement: &str, values: &[Option<&[u8]>]) -> Vec<u8> {
    bind_formats(portal, statement, &[], values, &[])
}

/// Bind with formats (0 text, 1 binary) for the parameters and the results.
#[must_use]
pub fn bind_formats(
    portal: &str,
    statement: &str,
    formats: &[i16],
    values: &[Option<&[u8]>],
    results: &[i16],
) -> Vec<u8> {
    let mut body = one_cstr(portal);
    cstr(&mut body, statement);
    list(&mut body, formats);
    body.extend(count(values.len()));
    for value in values {
        match value {
            Some(bytes) => {
                body.extend(length(bytes.len()));
                body.extend_from_slice(bytes);
            }
            None => body.extend((-1_i32).to_be_bytes()),
        }
    }
    list(&mut body, results);
    frame(b'B', &body)
}

/// Describe of a statement.
#[must_use]
pub fn describe_statement(name: &str) -> Vec<u8> {
    kind_and_name(b'D', b'S', name)
}

/// Describe of a portal.
#[must_use]
pub fn describe_portal(name: &str) -> Vec<u8> {
    kind_and_name(b'D', b'P', name)
}

/// Close of a statement.
#[must_use]
pub fn close_statement(name: &str) -> Vec<u8> {
    kind_and_name(b'C', b'S', name)
}

/// Close of a portal.
#[must_use]
pub fn close_portal(name: &str) -> Vec<u8> {
    kind_and_name(b'C', b'P', name)
}

/// Execute; 0 rows means all.
#[must_use]
pub fn execute(portal: &str, max_rows: i32) -> Vec<u8> {
    let mut body = one_cstr(portal);
    body.extend(max_rows.to_be_bytes());
    frame(b'E', &body)
}

/// Sync.
#[must_use]
pub fn sync() -> Vec<u8> {
    frame(b'S', &[])
}

/// Flush.
#[must_use]
pub fn flush() -> Vec<u8> {
    frame(b'H', &[])
}

/// Terminate.
#[must_use]
pub fn terminate() -> Vec<u8> {
    frame(b'X', &[])
}

/// CopyData.
#[must_use]
pub fn copy_data(bytes: &[u8]) -> Vec<u8> {
    frame(b'd', bytes)
}

/// CopyDone.
#[must_use]
pub fn copy_done() -> Vec<u8> {
    frame(b'c', &[])
}

/// CopyFail.
#[must_use]
pub fn copy_fail(reason: &str) -> Vec<u8> {
    frame(b'f', &one_cstr(reason))
}

/// FunctionCall with text arguments and a text result.
#[must_use]
pub fn function_call(oid: u32, arguments: &[&[u8]]) -> Vec<u8> {
    let mut body = oid.to_be_bytes().to_vec();
    body.extend(count(0));
    body.extend(count(arguments.len()));
    for argument in arguments {
        body.extend(length(argument.len()));
        body.extend_from_slice(argument);
    }
    body.extend(count(0));
    frame(b'F', &body)
}

/// Appends a text and its terminator.
pub(crate) fn cstr(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
    body.push(0);
}

fn one_cstr(text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    cstr(&mut body, text);
    body
}

fn kind_and_name(tag: u8, kind: u8, name: &str) -> Vec<u8> {
    let mut body = vec![kind];
    cstr(&mut body, name);
    frame(tag, &body)
}

fn list(body: &mut Vec<u8>, formats: &[i16]) {
    body.extend(count(formats.len()));
    for format in formats {
        body.extend(format.to_be_bytes());
    }
}

/// A count of parameters: 16 bits, unsigned in practice.
fn count(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes()
}

/// A length: 31 bits; a test cannot hold more.
fn length(n: usize) -> [u8; 4] {
    i32::try_from(n).unwrap_or(i32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_counts_itself_but_not_the_tag() {
        assert_eq!(query("x"), b"Q\0\0\0\x06x\0");
        assert_eq!(sync(), b"S\0\0\0\x04");
        assert_eq!(startup(2, &[("user", "a")]), b"\0\0\0\x10\0\x03\0\x02user\0a\0\0");
    }
}
