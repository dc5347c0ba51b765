//! The key that signs: in this process, opened from an encrypted keystore file, or somewhere else, behind [`HashSigner`].
//!
//! A signer elsewhere may be slow, refuse, hang, or answer with nonsense. Each call has a time limit, and a signature is
//! used only if it is the account's: a wrong one never gets as far as an endpoint.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Bytes, Signature, TxKind, U256},
    signers::{Signer, local::PrivateKeySigner},
};
use async_trait::async_trait;

/// Longest wait for one signature, unless something else is said.
pub const DEFAULT_SIGN_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{}: the keystore cannot be read: {cause}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The file is no keystore.
    #[error("{}: expected an encrypted keystore (Web3 secret storage): {cause}.", path.display())]
    NotAKeystore {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        cause: String,
    },
    /// The password does not open it.
    #[error("{}: the password does not open this keystore.", path.display())]
    WrongPassword {
        /// The file.
        path: PathBuf,
    },
    /// What lies in the clear is no key.
    #[error("{}: expected a key of the curve secp256k1.", path.display())]
    NotAKey {
        /// Where it lies.
        path: PathBuf,
    },
    /// A key management service does not tell of the key.
    #[error("{service} does not tell of the key {key}: {cause}.")]
    Service {
        /// Name of the service.
        service: &'static str,
        /// The key, by its name there.
        key: String,
        /// Why.
        cause: String,
    },
    /// The key is another account's.
    #[error(
        "{}: the key is of account {found}, but the configuration names {expected} as the agent.",
        path.display()
    )]
    OtherAccount {
        /// The file.
        path: PathBuf,
        /// The configuration's agent.
        expected: Address,
        /// The key's account.
        found: Address,
    },
    /// The signer refused or failed.
    #[error("The signer of {account} does not sign: {cause}.")]
    Signing {
        /// Whose signature was asked for.
        account: Address,
        /// Why.
        cause: String,
    },
    /// The signer did not answer in time.
    #[error("The signer of {account} did not answer within {} milliseconds.", patience.as_millis())]
    Late {
        /// Whose signature was asked for.
        account: Address,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The signer answered with a signature that is not the account's.
    #[error("The signer of {account} answered with a signature that is not of that account.")]
    WrongSignature {
        /// Whose signature was asked for.
        account: Address,
    },
}

/// Whatever signs a hash for one account.
#[async_trait]
pub trait HashSigner: Send + Sync {
    /// The account.
    fn address(&self) -> Address;

    /// Whether it has a key at all.
    fn has_key(&self) -> bool {
        true
    }

    /// Its signature of a hash, as it is; the cause in words if there is none. No time limit: the caller has one.
    async fn sign_hash(&self, hash: B256) -> Result<Signature, String>;
}

/// An account without a key.
struct WatchOnly(Address);

#[async_trait]
impl HashSigner for WatchOnly {
    fn address(&self) -> Address {
        self.0
    }

    fn has_key(&self) -> bool {
        false
    }

    async fn sign_hash(&self, _: B256) -> Result<Signature, String> {
        Err("it is only watched, and there is no key".to_owned())
    }
}

/// A signer of alloy's: a key in this process, or one in a key management service.
struct Alloy<S>(S);

#[async_trait]
impl<S: Signer + Send + Sync> HashSigner for Alloy<S> {
    fn address(&self) -> Address {
        self.0.address()
    }

    async fn sign_hash(&self, hash: B256) -> Result<Signature, String> {
        self.0.sign_hash(&hash).await.map_err(|error| in_words(&error))
    }
}

/// An error with what caused it, on one line.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = inner.source();
    }
    words.replace('\n', " ").trim_end_matches('.').to_owned()
}

/// A transaction to sign: EIP-1559 with an explicit nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// Chain.
    pub chain_id: u64,
    /// Nonce of the account.
    pub nonce: u64,
    /// Receiver.
    pub to: Address,
    /// Call data.
    pub input: Bytes,
    /// Gas limit.
    pub gas_limit: u64,
    /// Most paid per gas, wei.
    pub max_fee_wei: u128,
    /// Tip per gas, wei; at most `max_fee_wei`.
    pub priority_fee_wei: u128,
}

/// A signed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Its hash.
    pub hash: B256,
    /// Its bytes, as they are handed in.
    pub raw: Bytes,
}

/// The key that signs, and for whom. Prints addresses alone.
pub struct AgentKey {
    signer: Box<dyn HashSigner>,
    patience: Duration,
    contract: Option<ContractAgent>,
}

impl std::fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AgentKey({})", self.address())
    }
}

impl AgentKey {
    /// Opens a keystore file. Takes up to a few seconds by design of the format.
    ///
    /// # Errors
    /// If the file is no keystore, the password is wrong, or the key is not of the account `expected`.
    pub fn open(path: &Path, password: &str, expected: Address) -> Result<Self, KeyError> {
        Self::unlock(path, password)?.belonging_to(expected, path)
    }

    /// Opens a keystore file of whatever account.
    ///
    /// # Errors
    /// If the file is no keystore, or the password is wrong.
    pub fn unlock(path: &Path, password: &str) -> Result<Self, KeyError> {
        let text = std::fs::read_to_string(path).map_err(|error| KeyError::Unreadable {
            path: path.to_path_buf(),
            cause: error.to_string(),
        })?;
        let document: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
            KeyError::NotAKeystore { path: path.to_path_buf(), cause: error.to_string() }
        })?;
        if document.get("crypto").or_else(|| document.get("Crypto")).is_none() {
            return Err(KeyError::NotAKeystore {
                path: path.to_path_buf(),
                cause: "it has no field \"crypto\"".to_owned(),
            });
        }
        // The format's only check is a code over the decrypted key, so what fails from here on is the password.
        let signer = PrivateKeySigner::decrypt_keystore(path, password)
            .map_err(|_| KeyError::WrongPassword { path: path.to_path_buf() })?;
        Ok(Self::local(signer))
    }

    fn local(signer: PrivateKeySigner) -> Self {
        Self::of(Box::new(Alloy(signer)))
    }

    /// A key behind any signer.
    #[must_use]
    pub fn of(signer: Box<dyn HashSigner>) -> Self {
        Self { signer, patience: DEFAULT_SIGN_TIMEOUT, contract: None }
    }

    /// The same key, with another limit on the time that a signature may take.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A key that lay in the clear in `place`.
    ///
    /// # Errors
    /// If it is no key, or not of the account `expected`.
    pub fn unsafe_raw(secret: &B256, place: &Path, expected: Address) -> Result<Self, KeyError> {
        let path = place.to_path_buf();
        let signer = PrivateKeySigner::from_bytes(secret)
            .map_err(|_| KeyError::NotAKey { path: path.clone() })?;
        Self::local(signer).belonging_to(expected, &path)
    }

    /// An account without a key: it signs nothing.
    #[must_use]
    pub fn watch_only(account: Address) -> Self {
        Self::of(Box::new(WatchOnly(account)))
    }

    fn belonging_to(self, expected: Address, place: &Path) -> Result<Self, KeyError> {
        if self.address() == expected {
            return Ok(self);
        }
        let (path, found) = (place.to_path_buf(), self.address());
        Err(KeyError::OtherAccount { path, expected, found })
    }

    /// The same key, relaying for a contract that takes the word of other keys as its own.
    #[must_use]
    pub fn on_behalf_of(self, agent: Address, form: ContractForm, signers: Vec<Self>) -> Self {
        let mut signers = signers;
        signers.sort_by_key(Self::address);
        Self { contract: Some(ContractAgent { agent, form, signers }), ..self }
    }

    /// The account that acts: the contract that it relays for, else its own.
    #[must_use]
    pub fn agent(&self) -> Address {
        self.contract.as_ref().map_or_else(|| self.address(), |contract| contract.agent)
    }

    /// The contract that it relays for.
    #[must_use]
    pub const fn contract(&self) -> Option<&ContractAgent> {
        self.contract.as_ref()
    }

    /// A key for tests.
    #[must_use]
    pub fn random() -> Self {
        Self::local(PrivateKeySigner::random())
    }

    /// A key for tests, the same one for the same number.
    #[must_use]
    pub fn numbered(number: u8) -> Self {
        let secret = alloy::primitives::keccak256([number]);
        // A hash is zero, or above the order of the curve, for none of these 256.
        Self::local(
            PrivateKeySigner::from_bytes(&secret).unwrap_or_else(|_| PrivateKeySigner::random()),
        )
    }

    /// The account.
    #[must_use]
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Whether there is a key at all, and not an account alone that is watched.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.signer.has_key()
    }

    /// Signs a hash. A key in this process gives the same signature each time; another signer may not.
    ///
    /// # Errors
    /// If the signer refuses, is late, or answers with another's signature.
    ///
    /// # Cancel safety
    /// Nothing is kept: a signature that comes later than it was waited for is lost.
    pub async fn sign_hash(&self, hash: B256) -> Result<Signature, KeyError> {
        let account = self.address();
        let signed = tokio::time::timeout(self.patience, self.signer.sign_hash(hash)).await;
        let signature = signed
            .map_err(|_| KeyError::Late { account, patience: self.patience })?
            .map_err(|cause| KeyError::Signing { account, cause })?
            // Chains take the lower of the two forms alone.
            .normalized_s();
        match signature.recover_address_from_prehash(&hash) {
            Ok(found) if found == account => Ok(signature),
            _ => Err(KeyError::WrongSignature { account }),
        }
    }

    /// Signs a transaction.
    ///
    /// # Errors
    /// As [`Self::sign_hash`].
    pub async fn sign(&self, unsigned: &Unsigned) -> Result<Signed, KeyError> {
        let transaction = TxEip1559 {
            chain_id: unsigned.chain_id,
            nonce: unsigned.nonce,
            gas_limit: unsigned.gas_limit,
            max_fee_per_gas: unsigned.max_fee_wei,
            max_priority_fee_per_gas: unsigned.priority_fee_wei,
            to: TxKind::Call(unsigned.to),
            value: U256::ZERO,
            access_list: Default::default(),
            input: unsigned.input.clone(),
        };
        let signature = self.sign_hash(transaction.signature_hash()).await?;
        let envelope = TxEnvelope::Eip1559(transaction.into_signed(signature));
        Ok(Signed { hash: *envelope.tx_hash(), raw: envelope.encoded_2718().into() })
    }
}

mod contract;
#[cfg(any(feature = "aws-kms", feature = "gcp-kms"))]
mod kms;
#[cfg(test)]
mod tests;

pub use contract::{ContractAgent, ContractForm};
#[cfg(feature = "gcp-kms")]
pub use kms::GcpKeyName;
