//! Accounts that act, and their signatures.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use k256::ecdsa::SigningKey;

/// How many there are: those that policies name, and one that none names.
const ACCOUNTS: u8 = 3;

static KEYS: LazyLock<Vec<(Address, SigningKey)>> = LazyLock::new(|| {
    (1..=ACCOUNTS)
        .map(|seed| {
            let key = SigningKey::from_slice(&[seed; 32]).expect("is below the curve's order");
            let point = key.verifying_key().to_encoded_point(false);
            // Without the byte that says that both coordinates follow.
            (Address::from_word(keccak256(&point.as_bytes()[1..])), key)
        })
        .collect()
});

/// The agents that every policy names.
pub(crate) fn named() -> [Address; 2] {
    [KEYS[0].0, KEYS[1].0]
}

/// No policy names it.
pub(crate) fn stranger() -> Address {
    KEYS[2].0
}

/// The signature of one of them over a digest, 65 bytes as the guard takes them.
pub(crate) fn sign(who: Address, digest: B256) -> Bytes {
    let (_, key) = KEYS.iter().find(|(account, _)| *account == who).expect("has a key");
    let (signature, parity) =
        key.sign_prehash_recoverable(digest.as_slice()).expect("a digest has 32 bytes");
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + parity.to_byte());
    bytes.into()
}
