use std::sync::atomic::{AtomicU32, Ordering};

use alloy::signers::SignerSync as _;

use super::*;

/// A signer that does what it is told instead of signing, once for each of `faults`.
struct Faulty {
    key: PrivateKeySigner,
    faults: Vec<Fault>,
    calls: AtomicU32,
}

#[derive(Clone, Copy)]
enum Fault {
    Hangs,
    Refuses,
    SignsWithAnother,
    SignsSomethingElse,
    AnswersTheHigherForm,
}

#[async_trait]
impl HashSigner for Faulty {
    fn address(&self) -> Address {
        self.key.address()
    }

    async fn sign_hash(&self, hash: B256) -> Result<Signature, String> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let sign = |key: &PrivateKeySigner, hash: B256| {
            key.sign_hash_sync(&hash).map_err(|error| error.to_string())
        };
        match self.faults.get(call as usize) {
            None => sign(&self.key, hash),
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Refuses) => Err("AccessDenied: not today".to_owned()),
            Some(Fault::SignsWithAnother) => sign(&PrivateKeySigner::random(), hash),
            Some(Fault::SignsSomethingElse) => sign(&self.key, B256::repeat_byte(7)),
            Some(Fault::AnswersTheHigherForm) => {
                let low = sign(&self.key, hash)?;
                let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
                let order = U256::from_str_radix(order, 16).expect("a number");
                Ok(Signature::new(low.r(), order - low.s(), !low.v()))
            }
        }
    }
}

fn key(faults: &[Fault]) -> AgentKey {
    let (key, faults, calls) = (PrivateKeySigner::random(), faults.to_vec(), AtomicU32::new(0));
    AgentKey::of(Box::new(Faulty { key, faults, calls }))
}

const HASH: B256 = B256::repeat_byte(0x5a);

#[tokio::test(start_paused = true)]
async fn a_signer_that_hangs_is_waited_for_as_long_as_said_and_no_longer() {
    let key = key(&[Fault::Hangs]).with_patience(Duration::from_millis(1_500));
    let began = tokio::time::Instant::now();
    let error = key.sign_hash(HASH).await.expect_err("late");
    assert_eq!(began.elapsed(), Duration::from_millis(1_500));
    let expected =
        format!("The signer of {} did not answer within 1500 milliseconds.", key.address());
    assert_eq!(error.to_string(), expected);
    assert!(key.sign_hash(HASH).await.is_ok(), "the next one is asked for anew");
}

#[tokio::test]
async fn a_signature_that_is_not_the_accounts_is_never_used() {
    let key = key(&[Fault::SignsWithAnother, Fault::SignsSomethingElse, Fault::Refuses]);
    let account = key.address();
    for _ in 0..2 {
        assert_eq!(key.sign_hash(HASH).await, Err(KeyError::WrongSignature { account }));
    }
    let error = key.sign_hash(HASH).await.expect_err("refused").to_string();
    assert_eq!(error, format!("The signer of {account} does not sign: AccessDenied: not today."));
}

#[tokio::test]
async fn the_higher_form_of_a_signature_is_brought_to_the_lower() {
    let key = key(&[Fault::AnswersTheHigherForm]);
    let high = key.sign_hash(HASH).await.expect("signs");
    let low = key.sign_hash(HASH).await.expect("signs");
    assert_eq!(high, low);
    assert_eq!(high.normalize_s(), None, "it is the lower form");
}
