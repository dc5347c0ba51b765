//! `keeper policy show` and `pending`: what is in force, and what waits.

use alloy::primitives::{Address, B256};
use serde::Serialize;
use vagus_policy::{Mode, Policy, hash, toml::render_alone};

use super::{
    desk::Desk,
    diff::{Comparison, Wait},
};
use crate::{
    cli::Common,
    exit::{Exit, Failure},
    page::Page,
    render,
};

/// What is in force.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Name in the configuration.
    pub vault: String,
    /// Name of the chain in the configuration.
    pub chain: String,
    /// Counts every change of what is in force.
    pub version: u64,
    /// Identity of the document.
    pub hash: B256,
    /// Block whose event carries it.
    pub block: u64,
    /// Mode in force, which guardian or owner may have closed since.
    pub mode: Mode,
    /// Agents whose mandate was revoked or resigned since.
    pub ended: Vec<Address>,
    /// The document.
    pub policy: Policy,
    /// The same as a file.
    pub toml: String,
}

/// No such policy.
pub(super) fn none(desk: &Desk, what: &str) -> Failure {
    Failure::new(Exit::NoPolicy, format_args!("Vault {}: {what}.", desk.vault.config.name))
}

pub(super) async fn show(wanted: &Common) -> Result<Page, Failure> {
    let desk = Desk::open(&wanted.config, wanted.vault.as_deref()).await?;
    let adopted = desk.adopted.as_ref().ok_or_else(|| none(&desk, "no policy is in force"))?;
    let state = &desk.snapshot.vault.guard_state;
    let ended = adopted.agents.iter().filter(|state| state.is_revoked);
    let shown = Shown {
        vault: desk.vault.config.name.clone(),
        chain: desk.world.config.name.clone(),
        version: state.policy_version,
        hash: hash(&adopted.policy),
        block: state.policy_block,
        mode: state.mode,
        ended: ended.map(|state| state.agent).collect(),
        toml: render_alone(&adopted.policy, &desk.context),
        policy: adopted.policy.clone(),
    };
    super::page(&shown, wanted.json, render::policy::shown)
}

/// What waits.
#[derive(Clone, Debug, Serialize)]
pub struct Pending {
    /// Name in the configuration.
    pub vault: String,
    /// Unix time of the block that was asked.
    pub at: u64,
    /// Identity of the document; none if nothing waits.
    pub hash: Option<B256>,
    /// Block in which it was submitted.
    pub submitted_block: Option<u64>,
    /// Seconds until it can be put in force, zero if it can; none if nothing waits or its time is over.
    pub seconds_left: Option<u64>,
    /// Whether its time is over.
    pub is_over: bool,
    /// Who submits, and may veto.
    pub owner: Address,
    /// Who may veto besides; none if there is no guardian.
    pub guardian: Option<Address>,
    /// The same in words.
    pub who_may_veto: String,
    /// What it changes, and when.
    pub comparison: Option<Comparison>,
    /// The document as a file.
    pub toml: Option<String>,
}

pub(super) async fn pending(wanted: &Common) -> Result<Page, Failure> {
    let desk = Desk::open(&wanted.config, wanted.vault.as_deref()).await?;
    let waits = desk.pending().await?;
    let (owner, guardian) = (desk.roles.owner, desk.roles.guardian);
    let guardian = (!guardian.is_zero()).then_some(guardian);
    let mut who_may_veto = desk.owner_in_words();
    if let Some(guardian) = guardian {
        who_may_veto.push_str(&format!(", and the guardian {guardian}"));
    }
    let mut view = Pending {
        vault: desk.vault.config.name.clone(),
        at: desk.at(),
        hash: None,
        submitted_block: None,
        seconds_left: None,
        is_over: false,
        owner,
        guardian,
        who_may_veto,
        comparison: None,
        toml: None,
    };
    if let Some((waits, policy)) = &waits {
        view.hash = Some(waits.hash);
        view.submitted_block = Some(waits.submitted_block);
        view.is_over = desk.at() > waits.expires_at;
        let left = waits.activatable_at.saturating_sub(desk.at());
        view.seconds_left = (!view.is_over).then_some(left);
        let wait =
            Wait::Pending { activatable_at: waits.activatable_at, expires_at: waits.expires_at };
        let (before, after) = ("what is in force".to_owned(), "what waits".to_owned());
        let compared =
            Comparison::new((before, desk.in_force()), (after, policy), &desk.context, wait);
        view.comparison = Some(compared);
        view.toml = Some(render_alone(policy, &desk.context));
    }
    super::page(&view, wanted.json, render::policy::pending)
}
