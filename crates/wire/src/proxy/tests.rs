//! Headers as senders make them, and those that are none.

use proptest::prelude::*;

use super::*;

fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([command, family]);
    bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

fn client(bytes: &[u8]) -> Option<String> {
    parse(bytes).unwrap().unwrap().client.map(|client| client.to_string())
}

#[test]
fn addresses_of_every_family() {
    let v4 = header(0x21, 0x11, &[10, 1, 2, 3, 10, 0, 0, 9, 0xd4, 0x31, 0x19, 0x20]);
    assert_eq!(client(&v4).as_deref(), Some("10.1.2.3:54321"));
    let mut body = [0; 36];
    (body[0], body[1], body[15], body[32], body[33]) = (0xfd, 0, 7, 1, 2);
    assert_eq!(client(&header(0x21, 0x21, &body)).as_deref(), Some("[fd00::7]:258"));
    body[..16].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4]);
    assert_eq!(client(&header(0x21, 0x21, &body)).as_deref(), Some("1.2.3.4:258"));
    assert_eq!(client(&header(0x21, 0x31, &[b'x'; 216])), None, "a socket of another machine's");
    assert_eq!(client(&header(0x21, 0x00, &[])), None);
    assert_eq!(client(&header(0x20, 0x00, &[])), None, "a health check");
    assert_eq!(client(&header(0x20, 0x11, &[1; 12])), None, "the sender speaks for itself");
}

#[test]
fn what_stands_behind_the_addresses_is_passed_over() {
    let mut body = vec![10, 1, 2, 3, 10, 0, 0, 9, 0, 1, 0, 2];
    body.extend([0x20, 0, 5, 1, 0, 0, 0, 0, 0xEA, 0, 3, b'v', b'p', b'c']);
    let mut bytes = header(0x21, 0x11, &body);
    let length = bytes.len();
    bytes.extend(b"\0\0\0\x08\x04\xd2\x16\x2f");
    let found = parse(&bytes).unwrap().unwrap();
    assert_eq!((found.length, found.client), (length, Some("10.1.2.3:1".parse().unwrap())));
}

#[test]
fn what_is_no_header_is_seen_at_once() {
    let wrong = |bytes: &[u8]| parse(bytes).unwrap_err();
    assert_eq!(wrong(b"\0\0\0\x08"), Malformed::Missing);
    assert_eq!(wrong(&[0x16, 3, 1]), Malformed::Missing);
    assert_eq!((parse(b"PROX"), wrong(b"PROT")), (Ok(None), Malformed::Missing));
    assert_eq!(wrong(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), Malformed::Version1);
    assert_eq!(wrong(&header(0x11, 0x11, &[0; 12])), Malformed::Version(1));
    assert_eq!(wrong(&header(0x22, 0x11, &[0; 12])), Malformed::Command(2));
    for family in [0x10, 0x12, 0x22, 0x32, 0x41, 0x01, 0xff] {
        assert_eq!(wrong(&header(0x21, family, &[0; 216])), Malformed::Family(family));
    }
    assert_eq!(wrong(&header(0x21, 0x11, &[0; 11])), Malformed::Length(11));
    assert_eq!(wrong(&header(0x21, 0x21, &[0; 35])), Malformed::Length(35));
    let most = header(0x21, 0x11, &[0; MOST - FIXED]);
    assert!(parse(&most).unwrap().is_some());
    assert_eq!(wrong(&header(0x21, 0x11, &[0; MOST - FIXED + 1])[..FIXED]), Malformed::Length(521));
}

proptest! {
    #[test]
    fn a_header_is_the_same_however_it_arrives(
        address in any::<[u8; 4]>(), port in any::<u16>(), more in proptest::collection::vec(any::<u8>(), 0..300),
        behind in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut body = address.to_vec();
        body.extend([9, 9, 9, 9]);
        body.extend(port.to_be_bytes());
        body.extend([0, 1]);
        body.extend(&more);
        let mut bytes = header(0x21, 0x11, &body);
        let length = bytes.len();
        bytes.extend(&behind);
        for end in 0..length {
            prop_assert_eq!(parse(&bytes[..end]), Ok(None));
        }
        let client = Some(SocketAddr::from((address, port)));
        prop_assert_eq!(parse(&bytes), Ok(Some(Header { length, client })));
    }
}
