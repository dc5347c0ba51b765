//! `keeper policy diff`: limit by limit what differs, what of it takes effect at once, and what waits until when.

use alloy::primitives::{B256, U256};
use serde::Serialize;
use vagus_chain::{
    governance::{Proposal, ProposalState, VoteTimes, find_proposal, proposals_filter},
    guard::decode_submit_policy,
};
use vagus_policy::{
    Mode, Policy,
    compare::{Change, Effect, InForce, changes, takes_effect_at_once},
    decode, hash,
    toml::{Context, render_alone},
};

use super::{
    desk::{self, Desk},
    show::none,
    side::Side,
};
use crate::{
    attribution::logs_of,
    cli::Diffing,
    exit::{Exit, Failure},
    page::Page,
    render,
    world::chain_failure,
};

/// When a document would take effect, or has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "when", rename_all = "kebab-case")]
pub enum Wait {
    /// It is in force.
    InForce,
    /// It is in no guard: so long after it is submitted, and for so long.
    Unsubmitted {
        /// From its submission on.
        delay_seconds: u32,
        /// In which it can be put in force; none if no chain was asked.
        grace_seconds: Option<u32>,
    },
    /// It waits.
    Pending {
        /// First second at which anybody may put it in force, Unix time.
        activatable_at: u64,
        /// Last second.
        expires_at: u64,
    },
    /// It is proposed: submitted at the earliest at this time, if it is won and nobody tarries.
    Proposed {
        /// Unix time; none if it can no longer be carried out.
        submitted_at: Option<u64>,
        /// From its submission on.
        delay_seconds: u32,
        /// In which it can be put in force.
        grace_seconds: u32,
    },
}

/// Two documents side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What the first one is.
    pub before: String,
    /// Its identity; none if there is none.
    pub before_hash: Option<B256>,
    /// What the second one is.
    pub after: String,
    /// Its identity.
    pub after_hash: B256,
    /// Whether the second would take effect at once where the first is in force.
    pub is_at_once: bool,
    /// When it would take effect, or has.
    pub wait: Wait,
    /// Limit by limit; empty if nothing differs, or if there is no first one.
    pub changes: Vec<Change>,
    /// The second as a file, where there is no first one to compare it with.
    pub whole: Option<String>,
}

impl Comparison {
    pub(super) fn new(
        (before, in_force): (String, Option<InForce<'_>>),
        (after, next): (String, &Policy),
        context: &Context,
        wait: Wait,
    ) -> Self {
        Self {
            before,
            before_hash: in_force.map(|it| hash(it.policy)),
            after,
            after_hash: hash(next),
            is_at_once: takes_effect_at_once(in_force, next),
            wait,
            changes: in_force.map_or_else(Vec::new, |it| changes(it, next, context)),
            whole: in_force.is_none().then(|| render_alone(next, context)),
        }
    }

    /// How many changes have an effect.
    #[must_use]
    pub fn count(&self, effect: Effect) -> usize {
        self.changes.iter().filter(|change| change.effect == effect).count()
    }
}

/// One side, found.
struct Found {
    what: String,
    /// None: nothing is in force.
    policy: Option<Policy>,
    mode: Mode,
    ended_mandates: u16,
    wait: Option<Wait>,
    context: Option<Context>,
}

impl Found {
    fn of(what: String, policy: Policy, wait: Option<Wait>) -> Self {
        let mode = policy.limits.mode;
        Self { what, policy: Some(policy), mode, ended_mandates: 0, wait, context: None }
    }

    fn in_force(&self) -> Option<InForce<'_>> {
        let policy = self.policy.as_ref()?;
        Some(InForce { policy, mode: self.mode, ended_mandates: self.ended_mandates })
    }
}

pub(super) async fn diff(wanted: &Diffing) -> Result<Page, Failure> {
    let needs_chain = wanted.before.is_of_a_chain() || wanted.after.is_of_a_chain();
    let desk = match &wanted.of.config {
        Some(config) => Some(Desk::open(config, wanted.of.vault.as_deref()).await?),
        None if needs_chain => {
            return Err(Failure::new(
                Exit::Usage,
                "on-chain, pending and proposal:ID are a treasury's; expected --config FILE.",
            ));
        }
        None => None,
    };
    let before = find(&wanted.before, desk.as_ref()).await?;
    let after = find(&wanted.after, desk.as_ref()).await?;
    let Some(next) = &after.policy else {
        return Err(Failure::new(
            Exit::NoPolicy,
            "No policy is in force; expected a second side that there is.",
        ));
    };
    let context = after.context.as_ref().or(before.context.as_ref());
    let context = context.or(desk.as_ref().map(|desk| &desk.context));
    let context = context
        .ok_or_else(|| Failure::new(Exit::Internal, "Two files without names and units."))?;
    let wait = after.wait.unwrap_or_else(|| Wait::Unsubmitted {
        delay_seconds: desk.as_ref().map_or_else(
            || before.policy.as_ref().map_or(0, |it| it.limits.policy_delay_seconds),
            |desk| desk.roles.policy_delay_seconds,
        ),
        grace_seconds: desk.as_ref().map(|desk| desk.roles.ceilings.grace_seconds),
    });
    let compared = Comparison::new(
        (before.what.clone(), before.in_force()),
        (after.what.clone(), next),
        context,
        wait,
    );
    super::page(&compared, wanted.of.json, render::policy::comparison)
}

async fn find(side: &Side, desk: Option<&Desk>) -> Result<Found, Failure> {
    let of_chain = || desk.ok_or_else(|| Failure::new(Exit::Internal, "A side without a chain."));
    match side {
        Side::File(path) => {
            let document = desk::file(path, desk.map(|desk| &desk.context))?;
            let found = Found::of(path.display().to_string(), document.policy, None);
            Ok(Found { context: Some(document.context), ..found })
        }
        Side::OnChain => {
            let desk = of_chain()?;
            let in_force = desk.in_force();
            Ok(Found {
                what: "on-chain".to_owned(),
                policy: in_force.map(|it| it.policy.clone()),
                mode: in_force.map_or(Mode::Active, |it| it.mode),
                ended_mandates: in_force.map_or(0, |it| it.ended_mandates),
                wait: Some(Wait::InForce),
                context: None,
            })
        }
        Side::Pending => {
            let desk = of_chain()?;
            let waits = desk.pending().await?;
            let (waits, policy) = waits.ok_or_else(|| none(desk, "no policy waits"))?;
            let wait = Wait::Pending {
                activatable_at: waits.activatable_at,
                expires_at: waits.expires_at,
            };
            Ok(Found::of("pending".to_owned(), policy, Some(wait)))
        }
        Side::Proposal(None) => Err(Failure::new(
            Exit::Usage,
            "proposal:ID: expected the number of a proposal, in decimals or after 0x.",
        )),
        Side::Proposal(Some(id)) => proposal(of_chain()?, *id).await,
    }
}

/// What a proposal of the Governor would submit.
async fn proposal(desk: &Desk, id: U256) -> Result<Found, Failure> {
    let guard = desk.vault.entry.guard;
    let governor = desk.governor().ok_or_else(|| {
        none(desk, &format!("its owner {} is no Governor's timelock", desk.roles.owner))
    })?;
    let failed = |error| chain_failure(&error);
    let questions = desk.questions();
    let Some((state, eta)) = questions.proposal_state(governor, id).await.map_err(failed)? else {
        return Err(none(desk, &format!("the Governor {governor} knows no proposal {id}")));
    };
    let first = vagus_chain::Deployment::load(&desk.vault.config.deployment)
        .map_or(0, |deployment| deployment.deploy_block);
    let filter = proposals_filter(governor, (first, desk.head.block.number));
    let logs = logs_of(&desk.world.endpoints, &filter).await.map_err(failed)?;
    let made = find_proposal(governor, id, &logs)
        .ok_or_else(|| none(desk, &format!("no event tells of proposal {id}")))?;
    let policy = submitted(&made, guard).ok_or_else(|| {
        none(desk, &format!("proposal {id} submits no policy to the guard {guard}"))
    })?;
    let times = questions.vote_times(governor).await.map_err(failed)?;
    let wait = Wait::Proposed {
        submitted_at: submitted_at(&made, state, eta, times, desk.at()),
        delay_seconds: desk.roles.policy_delay_seconds,
        grace_seconds: desk.roles.ceilings.grace_seconds,
    };
    let what = format!("proposal {id} ({})", render::policy::proposal_state(state));
    Ok(Found::of(what, policy, Some(wait)))
}

/// The policy that a proposal submits to a guard.
fn submitted(made: &Proposal, guard: alloy::primitives::Address) -> Option<Policy> {
    let calls = made.targets.iter().zip(&made.calldatas);
    calls
        .filter(|(target, _)| **target == guard)
        .find_map(|(_, data)| decode(decode_submit_policy(data)?).ok())
}

/// When it can be carried out at the earliest.
fn submitted_at(
    made: &Proposal,
    state: ProposalState,
    eta: Option<u64>,
    times: VoteTimes,
    now: u64,
) -> Option<u64> {
    match state {
        ProposalState::Pending | ProposalState::Active => {
            Some(made.vote_ends_at.saturating_add(times.timelock_seconds))
        }
        ProposalState::Succeeded => Some(now.saturating_add(times.timelock_seconds)),
        ProposalState::Queued => Some(eta.unwrap_or(now).max(now)),
        ProposalState::Canceled
        | ProposalState::Defeated
        | ProposalState::Expired
        | ProposalState::Executed => None,
    }
}
