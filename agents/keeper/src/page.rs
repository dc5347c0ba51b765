//! What is shown of several vaults at once: one that cannot be read says why, and the others stand.

use serde::Serialize;
use vagus_chain::ChainError;

use crate::{
    exit::{Exit, Failure},
    world::{ChainWorld, VaultWorld},
};

/// A vault that could not be read.
#[derive(Clone, Debug, Serialize)]
pub struct Unread {
    /// Name in the configuration.
    pub vault: String,
    /// Treasury in the deployment file.
    pub treasury: String,
    /// Name of the chain in the configuration.
    pub chain: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// Why.
    pub error: String,
}

impl Unread {
    /// A vault, and why it could not be read.
    #[must_use]
    pub fn new(world: &ChainWorld, vault: &VaultWorld, error: String) -> Self {
        Self {
            vault: vault.config.name.clone(),
            treasury: vault.treasury().to_owned(),
            chain: world.config.name.clone(),
            chain_id: world.config.chain_id,
            error,
        }
    }

    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        format!("Vault {} on {}: NOT READ: {}", self.vault, self.chain, self.error)
    }
}

/// One vault of a page.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Row<T> {
    /// As it was read.
    Read(Box<T>),
    /// Why it was not.
    Unread(Unread),
}

impl<T> Row<T> {
    /// As text.
    pub fn text(&self, read: impl Fn(&T) -> String) -> String {
        match self {
            Self::Read(view) => read(view),
            Self::Unread(unread) => unread.line(),
        }
    }
}

/// A page of all vaults.
#[derive(Clone, Debug)]
pub struct Page {
    /// Text or JSON, whole.
    pub text: String,
    /// The end of the program that shows it, if something is missing on it or amiss.
    pub missing: Option<Failure>,
}

impl Page {
    /// Of rows, in a form.
    #[must_use]
    pub fn new<T>(text: String, rows: &[Row<T>]) -> Self {
        let unread: Vec<&Unread> = rows
            .iter()
            .filter_map(|row| match row {
                Row::Read(_) => None,
                Row::Unread(unread) => Some(unread),
            })
            .collect();
        let missing = unread.first().map(|first| {
            let others = match unread.len() - 1 {
                0 => String::new(),
                count => format!(" Nor could {count} more."),
            };
            let Unread { vault, error, .. } = first;
            Failure::new(
                Exit::VaultUnread,
                format_args!("Vault {vault} could not be read: {error}.{others}"),
            )
        });
        Self { text, missing }
    }
}

/// Why a vault of a chain that answers was not read, without a full stop.
#[must_use]
pub fn cause(error: &ChainError) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}
