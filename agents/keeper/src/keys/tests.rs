use alloy::primitives::{Address, keccak256};
use tempfile::TempDir;
use vagus_chain::{ContractForm, signer::DEFAULT_SIGN_TIMEOUT};

use super::*;
use crate::config::ContractConfig;

fn agent(address: Address, source: KeySource) -> AgentConfig {
    let account = KeyConfig { address, source };
    AgentConfig { address, account, contract: None, sign_timeout: DEFAULT_SIGN_TIMEOUT }
}

/// A key in the clear in a file, and its account.
fn planted(folder: &TempDir, text: &str) -> KeySource {
    let file = folder.path().join("raw.key");
    std::fs::write(&file, text).expect("written");
    KeySource::UnsafeRaw(RawKeySource::File(file))
}

#[tokio::test]
async fn a_key_in_the_clear_needs_the_word_unsafe() {
    let folder = TempDir::new().expect("a folder");
    // The key of `AgentKey::numbered(3)`.
    let digits = hex::encode(keccak256([3]));
    let address = AgentKey::numbered(3).address();
    for text in [format!("{digits}\n"), format!("0x{digits}")] {
        let agent = agent(address, planted(&folder, &text));
        let refused = open(&agent, false).await.expect_err("refused");
        assert_eq!(refused.exit, Exit::Key);
        assert!(refused.sentence.contains("--unsafe-raw-key"), "{refused}");
        let key = open(&agent, true).await.expect("opens");
        assert_eq!((key.address(), key.agent()), (address, address));
    }
    let other = agent(Address::repeat_byte(1), planted(&folder, &digits));
    let refused = open(&other, true).await.expect_err("another account's").sentence;
    assert!(refused.contains(&address.to_string()), "{refused}");
    for text in [&digits[1..], "", &format!("{digits}00"), &"0".repeat(64), &"f".repeat(64)] {
        let refused = open(&agent(address, planted(&folder, text)), true).await;
        let refused = refused.expect_err("no key").sentence;
        assert!(refused.contains("raw.key") && refused.contains("expected a key"), "{refused}");
        assert!(!refused.contains(&digits[1..]), "it is not repeated: {refused}");
    }
}

#[tokio::test]
async fn an_agent_that_is_only_watched_has_no_key() {
    let address = Address::repeat_byte(9);
    let mut agent = agent(address, KeySource::WatchOnly);
    let refused = open(&agent, true).await.expect_err("refused");
    assert_eq!(refused.exit, Exit::Key);
    assert!(refused.sentence.contains("--shadow"), "{refused}");
    assert_eq!(watched(&agent).address(), address);
    let signers = vec![agent.account.clone()];
    agent.contract = Some(ContractConfig { form: ContractForm::Safe, signers });
    agent.address = Address::repeat_byte(0x5a);
    assert!(open(&agent, true).await.is_err());
    assert_eq!(watched(&agent).agent(), agent.address);
}

#[tokio::test]
#[cfg(not(feature = "aws-kms"))]
async fn a_service_that_is_not_built_in_is_named_with_its_feature() {
    let place = crate::config::AwsKms { key_id: "key-1".to_owned(), region: None, endpoint: None };
    let agent = agent(Address::ZERO, KeySource::AwsKms(place));
    let refused = open(&agent, false).await.expect_err("refused").sentence;
    assert!(refused.contains("--features aws-kms"), "{refused}");
}
