//! `[agent]`: the account that acts, and the keys that sign for it.

use std::time::Duration;

use alloy::primitives::Address;
use serde::Deserialize;
use toml::Spanned;
use vagus_chain::{ContractForm, signer::DEFAULT_SIGN_TIMEOUT};

use super::{
    Reader,
    key::{KeyConfig, KeySource, RawKey},
    value,
};
use crate::exit::Failure;

/// The account that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// The account that the policy gives a mandate to.
    pub address: Address,
    /// The account that signs and pays for transactions: the agent itself, unless it is a contract.
    pub account: KeyConfig,
    /// How the agent gives its word, if it is a contract.
    pub contract: Option<ContractConfig>,
    /// Longest wait for one signature.
    pub sign_timeout: Duration,
}

/// An agent that is a contract (ERC-1271).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractConfig {
    /// What it takes as its word.
    pub form: ContractForm,
    /// Whose signatures make it, at least one.
    pub signers: Vec<KeyConfig>,
}

impl AgentConfig {
    /// Every key that is named.
    pub fn keys(&self) -> impl Iterator<Item = &KeyConfig> {
        let signers = self.contract.iter().flat_map(|contract| &contract.signers);
        let others = signers.filter(|key| **key != self.account);
        std::iter::once(&self.account).chain(others)
    }

    /// Whether a key is missing, so that nothing can be sent.
    #[must_use]
    pub fn is_watch_only(&self) -> bool {
        self.keys().any(|key| key.source == KeySource::WatchOnly)
    }
}

/// `[agent.contract]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawContract {
    #[serde(deserialize_with = "value::address")]
    address: Address,
    form: ContractForm,
    #[serde(default)]
    signers: Vec<Spanned<RawKey>>,
}

impl Reader<'_> {
    pub(super) fn agent(&self, raw: Spanned<RawKey>) -> Result<AgentConfig, Failure> {
        let at = raw.span().start;
        let mut raw = raw.into_inner();
        let sign_timeout = match raw.sign_timeout_ms.take() {
            None => DEFAULT_SIGN_TIMEOUT,
            Some(limit) if *limit.get_ref() > 0 => Duration::from_millis(limit.into_inner().into()),
            Some(limit) => {
                return Err(self.fail(Some(limit.span().start), "expected a number above zero"));
            }
        };
        let contract = raw.contract.take();
        let account = self.key(raw, at)?;
        let address = account.address;
        let Some(contract) = contract else {
            return Ok(AgentConfig { address, account, contract: None, sign_timeout });
        };
        let at = contract.span().start;
        let RawContract { address, form, signers } = *contract.into_inner();
        if address == account.address {
            let what = "expected the address of the contract, which is not that of [agent]";
            return Err(self.fail(Some(at), what));
        }
        let mut keys: Vec<KeyConfig> = Vec::new();
        for signer in signers {
            let at = signer.span().start;
            let key = self.key(signer.into_inner(), at)?;
            if keys.iter().any(|other| other.address == key.address) {
                let what = format!("the signer {} is there twice", key.address);
                return Err(self.fail(Some(at), &what));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            keys.push(account.clone());
        }
        if form == ContractForm::Plain && keys.len() > 1 {
            let what = "expected one signer: the form \"plain\" is one signature";
            return Err(self.fail(Some(at), what));
        }
        let contract = Some(ContractConfig { form, signers: keys });
        Ok(AgentConfig { address, account, contract, sign_timeout })
    }
}
