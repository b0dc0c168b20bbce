//! Any bytes at all, given to everything that reads bytes of a peer: an error at worst, never a panic.

use pgweir_wire::auth::{ScramSecret, Secret};
use pgweir_wire::fuzz;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_panics(data in vec(any::<u8>(), 0..300)) {
        fuzz::frame(&data);
        fuzz::startup(&data);
        fuzz::proxy(&data);
        fuzz::frontend(&data);
        fuzz::backend(&data);
        fuzz::replies(&data);
        fuzz::scram_server(&data);
        fuzz::scram_client(&data);
    }

    #[test]
    fn a_start_up_packet_of_any_content(
        code in prop_oneof![Just((3u16, 0u16)), Just((3, 2)), Just((1234, 5678)), any::<(u16, u16)>()],
        words in vec("[ -~]{0,6}|_pq_\\.[a-z]|\u{e9}", 0..40),
        cut in 0usize..4,
    ) {
        let mut packet = vec![0; 4];
        packet.extend(code.0.to_be_bytes());
        packet.extend(code.1.to_be_bytes());
        for word in &words {
            packet.extend(word.as_bytes());
            packet.push(0);
        }
        packet.truncate(packet.len().saturating_sub(cut).max(8));
        let len = u32::try_from(packet.len()).unwrap();
        packet[..4].copy_from_slice(&len.to_be_bytes());
        fuzz::startup(&packet);
    }

    #[test]
    fn a_stored_password_of_any_text(
        text in "\\PC*|SCRAM-SHA-256\\$[0-9]{0,9}:[A-Za-z0-9+/=]{0,30}\\$[A-Za-z0-9+/=:]{0,99}",
    ) {
        if let Ok(Secret::Scram(secret)) = Secret::parse(&text) {
            prop_assert_eq!(secret.stored(), text);
        }
    }

    #[test]
    fn a_stored_secret_is_read_again(
        password in any::<Vec<u8>>(),
        salt in vec(any::<u8>(), 1..40),
        n in 1u32..9,
    ) {
        let secret = ScramSecret::from_password(&password, &salt, n);
        prop_assert_eq!(Secret::parse(&secret.stored()), Ok(Secret::Scram(secret)));
    }
}
