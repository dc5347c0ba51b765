//! Under which policies a history is gone through.

use std::path::Path;

use alloy::primitives::{Address, B256};
use vagus_backtest::{Rules, history::Head};
use vagus_policy::{
    Policy,
    toml::{Context, parse},
};

use crate::exit::{Exit, Failure};

/// A policy to go through a history under, with its name.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub(super) name: String,
    pub(super) rules: Rules,
}

/// A name as policy files like it: `Aave Prime` is `aave_prime`.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    name.chars().map(plain).collect()
}

/// What the names of a policy file mean: strategies by name and symbol, the agent as `keeper` and `agent`, and what else is
/// told.
pub(super) fn context(head: &Head, more: &[(String, Address)]) -> Context {
    let mut context = Context::new(head.asset.symbol.clone(), head.asset.decimals);
    for one in &head.strategies {
        for name in [one.symbol.clone(), plain(&one.name), one.name.clone()] {
            context = context.with_strategy(name, one.strategy, one.decimals);
        }
    }
    let known = head.accounts.iter().map(|(name, account)| (name.clone(), *account));
    for (name, address) in known.chain(more.iter().cloned()) {
        let strategy = head.strategies.iter().find(|one| one.strategy == address);
        context = match strategy {
            Some(one) => context.with_strategy(name, address, one.decimals),
            None => context.with_account(name, address),
        };
    }
    context
}

impl Candidate {
    /// What was in force at each block.
    ///
    /// # Errors
    /// If the history holds no document, or one cannot be read.
    pub fn recorded(head: &Head) -> Result<Self, Failure> {
        if head.policies.is_empty() {
            let sentence = "The history holds no policy that was in force; expected --policy FILE.";
            return Err(Failure::new(Exit::History, sentence));
        }
        let rules = Rules::recorded(head)
            .map_err(|error| Failure::new(Exit::History, format_args!("The history: {error}.")))?;
        Ok(Self { name: "recorded".to_owned(), rules })
    }

    /// A document.
    #[must_use]
    pub fn of(name: impl Into<String>, policy: Policy) -> Self {
        Self { name: name.into(), rules: Rules::of(policy) }
    }

    /// A policy file; its name is the file's without the ending.
    ///
    /// # Errors
    /// If it cannot be read, or is no policy: file, line, column, key and what was expected.
    pub fn load(file: &Path, head: &Head, names: &[(String, Address)]) -> Result<Self, Failure> {
        let place = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(Exit::Usage, format_args!("{place}: the policy cannot be read: {error}."))
        })?;
        let policy = parse(&text, &place.to_string(), &context(head, names))
            .map_err(|error| Failure::new(Exit::Usage, format_args!("{error}.")))?;
        let name = file
            .file_stem()
            .map_or_else(|| place.to_string(), |name| name.to_string_lossy().into_owned());
        Ok(Self::of(name, policy))
    }

    /// Hash of its document; none of what was in force.
    #[must_use]
    pub const fn hash(&self) -> Option<B256> {
        match &self.rules {
            Rules::Of(_, hash) => Some(*hash),
            Rules::Recorded(_) => None,
        }
    }
}

/// Refuses two candidates of one name: their reports would be one file.
pub(super) fn distinct(candidates: &[Candidate]) -> Result<(), Failure> {
    for (place, one) in candidates.iter().enumerate() {
        if candidates.iter().take(place).any(|other| other.name == one.name) {
            return Err(Failure::new(
                Exit::Usage,
                format_args!(
                    "--policy: two policies are named {}; expected files of different names.",
                    one.name
                ),
            ));
        }
    }
    Ok(())
}
