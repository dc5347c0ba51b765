use super::*;

#[test]
fn the_types_are_those_of_a_safe() {
    let domain = "EIP712Domain(uint256 chainId,address verifyingContract)";
    assert_eq!(keccak256(domain), SAFE_DOMAIN_TYPEHASH);
    assert_eq!(keccak256("SafeMessage(bytes message)"), SAFE_MESSAGE_TYPEHASH);
}

#[tokio::test]
async fn a_safes_word_is_its_owners_signatures_in_the_order_of_their_addresses() {
    let (safe, digest) = (Address::repeat_byte(0x5a), B256::repeat_byte(0xd1));
    let owners = || (1..=3).map(AgentKey::numbered).collect::<Vec<_>>();
    let key = AgentKey::numbered(9).on_behalf_of(safe, ContractForm::Safe, owners());
    assert_eq!((key.agent(), key.address()), (safe, AgentKey::numbered(9).address()));
    let word = key.contract().expect("one").word_on(digest, 31_337).await.expect("signs");
    assert_eq!(word.len(), 3 * 65);
    let hash = safe_message_hash(safe, 31_337, digest);
    let found: Vec<Address> = word
        .chunks(65)
        .map(|part| {
            assert!(matches!(part[64], 27 | 28), "a Safe takes no other last byte");
            let signature = alloy::primitives::Signature::from_raw(part).expect("a signature");
            signature.recover_address_from_prehash(&hash).expect("recovers")
        })
        .collect();
    let mut expected: Vec<Address> = owners().iter().map(AgentKey::address).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    // Another chain, another Safe, another digest: another word.
    let others = [(safe, 1, digest), (Address::ZERO, 31_337, digest), (safe, 31_337, B256::ZERO)];
    for (safe, chain_id, digest) in others {
        assert_ne!(safe_message_hash(safe, chain_id, digest), hash);
    }
}

#[tokio::test]
async fn a_plain_word_is_one_signature_and_a_watched_contract_gives_none() {
    let (agent, digest) = (Address::repeat_byte(0x5a), B256::repeat_byte(0xd1));
    let signer = AgentKey::numbered(1);
    let account = signer.address();
    let key = AgentKey::numbered(9).on_behalf_of(agent, ContractForm::Plain, vec![signer]);
    let word = key.contract().expect("one").word_on(digest, 1).await.expect("signs");
    let signature = alloy::primitives::Signature::from_raw(&word).expect("a signature");
    assert_eq!(signature.recover_address_from_prehash(&digest).expect("recovers"), account);
    let watched = AgentKey::watch_only(account).on_behalf_of(agent, ContractForm::Safe, vec![]);
    assert!(watched.contract().expect("one").word_on(digest, 1).await.is_err());
    assert!(watched.sign_hash(digest).await.is_err());
}
