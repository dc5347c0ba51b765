//! Agents that are contracts: their word, by ERC-1271, is made of signatures of keys.

use alloy::{
    primitives::{Address, B256, Bytes, U256, b256, keccak256},
    sol_types::SolValue,
};
use serde::Deserialize;

use super::{AgentKey, KeyError};

/// `EIP712Domain(uint256 chainId,address verifyingContract)`: the domain of a Safe since version 1.3.0.
const SAFE_DOMAIN_TYPEHASH: B256 =
    b256!("47e79534a245952e8b16893a336b85a3d9ea9fa8c573f3d803afb92a79469218");
/// `SafeMessage(bytes message)`.
const SAFE_MESSAGE_TYPEHASH: B256 =
    b256!("60b3cbf8b4a223d68d641b3b6ddf9a298e7f33710cf3d3a9d1146b5a6150fbca");

/// What a contract takes as its word on a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContractForm {
    /// A Safe (1.3.0 or later, with its fallback handler): signatures of its owners, in the order of their addresses, over
    /// its own EIP-712 message of the digest.
    Safe,
    /// One signature of 65 bytes over the digest itself.
    Plain,
}

/// A contract that acts by the word of keys.
#[derive(Debug)]
pub struct ContractAgent {
    /// The contract.
    pub agent: Address,
    /// What it takes as its word.
    pub form: ContractForm,
    /// The keys, in the order of their addresses.
    pub signers: Vec<AgentKey>,
}

/// What the owners of a Safe sign, so that the Safe calls a digest its own word: EIP-712 of `SafeMessage` over the ABI
/// encoding of the digest, as its fallback handler's `isValidSignature(bytes32, bytes)` has it.
#[must_use]
fn safe_message_hash(safe: Address, chain_id: u64, digest: B256) -> B256 {
    let domain = (SAFE_DOMAIN_TYPEHASH, U256::from(chain_id), safe).abi_encode();
    let message = (SAFE_MESSAGE_TYPEHASH, keccak256(digest)).abi_encode();
    let (domain, message) = (keccak256(domain), keccak256(message));
    keccak256([&[0x19, 0x01], domain.as_slice(), message.as_slice()].concat())
}

impl ContractAgent {
    /// The contract's word on a digest.
    ///
    /// # Errors
    /// If one of the keys does not sign.
    pub async fn word_on(&self, digest: B256, chain_id: u64) -> Result<Bytes, KeyError> {
        let hash = match self.form {
            ContractForm::Safe => safe_message_hash(self.agent, chain_id, digest),
            ContractForm::Plain => digest,
        };
        let mut word = Vec::with_capacity(65 * self.signers.len());
        for signer in &self.signers {
            word.extend(signer.sign_hash(hash).await?.as_bytes());
        }
        if word.is_empty() {
            let cause = "it is only watched, and there is no key".to_owned();
            return Err(KeyError::Signing { account: self.agent, cause });
        }
        Ok(word.into())
    }
}

#[cfg(test)]
mod tests;
