//! The agent's key, from an encrypted keystore file.

use std::path::{Path, PathBuf};

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    primitives::{Address, B256, Bytes, TxKind, U256},
    signers::{SignerSync, local::PrivateKeySigner},
};

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
    /// Signing failed.
    #[error("The transaction cannot be signed: {cause}.")]
    Signing {
        /// Why.
        cause: String,
    },
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

/// The agent's key. Prints its address alone.
pub struct AgentKey(PrivateKeySigner);

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
        if signer.address() != expected {
            return Err(KeyError::OtherAccount {
                path: path.to_path_buf(),
                expected,
                found: signer.address(),
            });
        }
        Ok(Self(signer))
    }

    /// A key for tests.
    #[must_use]
    pub fn random() -> Self {
        Self(PrivateKeySigner::random())
    }

    /// A key for tests, the same one for the same number.
    #[must_use]
    pub fn numbered(number: u8) -> Self {
        let secret = alloy::primitives::keccak256([number]);
        // A hash is zero, or above the order of the curve, for none of these 256.
        Self(PrivateKeySigner::from_bytes(&secret).unwrap_or_else(|_| PrivateKeySigner::random()))
    }

    /// The account.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs a transaction. The same transaction gives the same bytes.
    ///
    /// # Errors
    /// If the key refuses.
    pub fn sign(&self, unsigned: &Unsigned) -> Result<Signed, KeyError> {
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
        let signature = self
            .0
            .sign_hash_sync(&transaction.signature_hash())
            .map_err(|error| KeyError::Signing { cause: error.to_string() })?;
        let envelope = TxEnvelope::Eip1559(transaction.into_signed(signature));
        Ok(Signed { hash: *envelope.tx_hash(), raw: envelope.encoded_2718().into() })
    }
}
