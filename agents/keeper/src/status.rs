//! `keeper status`: how things stand, from the chain and, as far as there is one, the journal.

mod totals;
mod view;

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::B256;
use serde::Serialize;
use vagus_chain::{
    ChainReader as _, Tag,
    lifecycle::{Phase, TxState},
};
use vagus_journal::{JournalReader, OutcomeState, ReadJournal, RecordQuery, Standing};
use vagus_policy::{Policy, Snapshot, budget::Budget};

use crate::{
    JSON_SCHEMA_VERSION,
    config::JournalUrl,
    exit::{Exit, Failure},
    page::{Page, Row, Unread, cause},
    render,
    render::number::share_bps,
    world::{ChainWorld, VaultWorld, chain_failure},
};

pub use totals::Total;
pub use view::{Decided, Holding, InFlight, Mandate, Room, StatusView};

/// Decisions shown.
const LATEST: u32 = 5;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    vaults: &'a [Row<StatusView>],
}

#[derive(Serialize)]
struct Overview<'a> {
    schema: u32,
    totals: &'a [Total],
    vaults: &'a [Row<StatusView>],
}

/// The state of all vaults, as text or JSON. A vault that cannot be read says why in its place.
///
/// # Errors
/// If a chain cannot be asked, or the journal is there and cannot be read.
pub async fn status(
    worlds: &[ChainWorld],
    journal: &JournalUrl,
    is_json: bool,
) -> Result<Page, Failure> {
    let views = views(worlds, journal).await?;
    if is_json {
        let text = json(&Document { schema: JSON_SCHEMA_VERSION, vaults: &views })?;
        return Ok(Page::new(text, &views));
    }
    let texts: Vec<_> = views.iter().map(|row| row.text(render::status::text)).collect();
    Ok(Page::new(texts.join("\n\n"), &views))
}

/// All vaults of all chains on one page: a line for each, by treasury, and what they hold together.
///
/// # Errors
/// As [`status`].
pub async fn overview(
    worlds: &[ChainWorld],
    journal: &JournalUrl,
    is_json: bool,
) -> Result<Page, Failure> {
    let views = views(worlds, journal).await?;
    let totals = totals::totals(&views);
    let text = if is_json {
        json(&Overview { schema: JSON_SCHEMA_VERSION, totals: &totals, vaults: &views })?
    } else {
        render::overview::text(&views, &totals)
    };
    Ok(Page::new(text, &views))
}

fn json(document: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(document).map_err(|error| Failure::new(Exit::Internal, error))
}

async fn views(
    worlds: &[ChainWorld],
    journal: &JournalUrl,
) -> Result<Vec<Row<StatusView>>, Failure> {
    let journal = open(journal).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut views = Vec::new();
    for world in worlds {
        let failed = |error| chain_failure(&error);
        let head = world.endpoints.head(Tag::Latest).await.map_err(failed)?;
        let finalized = world.finalized(&head).await.map_err(failed)?;
        let sightings = world.sightings(&head).await.map_err(failed)?;
        for (vault, sighting) in world.vaults.iter().zip(&sightings) {
            let seen = match vault.recognised(sighting) {
                Ok(snapshot) => match world.policy(snapshot).await {
                    Ok(policy) => Ok((snapshot, policy)),
                    Err(error) => Err(cause(&error)),
                },
                Err(cause) => Err(cause),
            };
            let (snapshot, policy) = match seen {
                Ok(seen) => seen,
                Err(error) => {
                    views.push(Row::Unread(Unread::new(world, vault, error)));
                    continue;
                }
            };
            let mut view = view(world, vault, policy.as_ref(), snapshot);
            view.head_age_seconds = now.checked_sub(head.block.timestamp);
            view.finalized_number = finalized.block.number;
            if let Some(journal) = &journal {
                remember(&mut view, journal, snapshot)
                    .await
                    .map_err(|error| Failure::new(Exit::Journal, format_args!("The {error}.")))?;
            }
            views.push(Row::Read(Box::new(view)));
        }
    }
    Ok(views)
}

/// The journal; none if no keeper has written one yet.
pub(crate) async fn open(url: &JournalUrl) -> Result<Option<JournalReader>, Failure> {
    let file = url.expose().strip_prefix("sqlite:");
    if file.is_some_and(|file| !std::path::Path::new(file).exists()) {
        return Ok(None);
    }
    JournalReader::connect(url.expose())
        .await
        .map(Some)
        .map_err(|error| Failure::new(Exit::Journal, format_args!("The {error}.")))
}

/// A vault as a snapshot of it says, without what only clock and journal know.
pub(crate) fn view(
    world: &ChainWorld,
    vault: &VaultWorld,
    policy: Option<&Policy>,
    snapshot: &Snapshot,
) -> StatusView {
    let state = &snapshot.vault;
    let nav = state.nav.nav_assets;
    let idle = Holding {
        name: "Idle".to_owned(),
        strategy: None,
        assets: state.idle,
        weight_bps: share_bps(state.idle, nav),
        limit_bps: policy.map(|policy| policy.limits.min_idle_bps.into()),
    };
    let strategies = state.strategies.iter().enumerate().map(|(place, strategy)| Holding {
        name: vault.config.strategies.get(&strategy.strategy).unwrap_or(&strategy.symbol).clone(),
        strategy: Some(strategy.strategy),
        assets: strategy.convert_assets,
        weight_bps: share_bps(strategy.convert_assets, nav),
        limit_bps: policy
            .and_then(|policy| policy.strategies.get(place))
            .map(|listed| listed.max_weight_bps.into()),
    });
    StatusView {
        vault: vault.config.name.clone(),
        treasury: vault.treasury().to_owned(),
        chain: world.config.name.clone(),
        chain_id: snapshot.chain_id,
        head: snapshot.block,
        head_age_seconds: None,
        finalized_number: 0,
        asset: state.asset.clone(),
        nav,
        policy_version: state.guard_state.policy_version,
        policy_hash: state.guard_state.policy_hash,
        mode: state.guard_state.mode,
        agent: world.agent,
        mandate: policy.and_then(|policy| mandate(policy, snapshot)),
        holdings: std::iter::once(idle).chain(strategies).collect(),
        decisions: None,
        in_flight: Vec::new(),
        standing: Standing::clear(state.vault),
        is_mistrusted: false,
        is_shadow: false,
    }
}

fn mandate(policy: &Policy, snapshot: &Snapshot) -> Option<Mandate> {
    let state = &snapshot.vault;
    let entry = policy.agents.iter().find(|entry| entry.agent == state.agent.agent)?;
    let at = snapshot.block.timestamp;
    let base =
        if state.checkpoint.is_fresh { state.checkpoint.base } else { state.nav.base_assets };
    let limits = &policy.limits;
    let room = |bucket, bps| {
        let budget = Budget::at(bucket, base, bps, limits.window_seconds, at);
        Room { left: budget.room_down(), capacity: budget.capacity }
    };
    let smaller = |a: Room, b: Room| if a.left <= b.left { a } else { b };
    Some(Mandate {
        expires_at: entry.expires_at,
        is_valid: state.agent.exists && !state.agent.is_revoked && at <= entry.expires_at,
        is_revoked: state.agent.is_revoked,
        nonce: state.agent.nonce,
        turnover: smaller(
            room(state.agent.turnover, entry.max_turnover_bps),
            room(state.guard_state.turnover, limits.max_turnover_bps),
        ),
        loss: smaller(
            room(state.agent.loss, entry.max_loss_bps),
            room(state.guard_state.loss, limits.max_loss_bps),
        ),
    })
}

/// Adds what the journal knows.
async fn remember(
    view: &mut StatusView,
    journal: &dyn ReadJournal,
    snapshot: &Snapshot,
) -> vagus_journal::Result<()> {
    let (chain_id, vault) = (snapshot.chain_id, snapshot.vault.vault);
    let cursor = journal.cursor(chain_id, view.agent).await?;
    view.is_shadow = cursor.is_some_and(|cursor| cursor["shadow"] == true);
    let standings = journal.standings(chain_id).await?;
    if let Some(standing) = standings.into_iter().find(|standing| standing.vault == vault) {
        view.is_mistrusted = standing.is_mistrusted();
        view.standing = standing;
    }
    let query = RecordQuery { newest_first: true, limit: Some(LATEST), ..RecordQuery::default() };
    let mut decisions = Vec::new();
    if let Some(run) = journal.open_run(chain_id, vault).await? {
        decisions.push(decided(run.hash()?, &run, None));
    }
    for stored in journal.records(chain_id, vault, query).await? {
        let outcome = journal.outcome(stored.hash).await?.map(|outcome| outcome.state);
        decisions.push(decided(stored.hash, &stored.record, outcome));
    }
    view.decisions = Some(decisions);
    for stored in journal.transactions_in_flight(chain_id).await? {
        if stored.vault != vault {
            continue;
        }
        let state: Option<TxState> = serde_json::from_value(stored.state).ok();
        view.in_flight.push(InFlight {
            decision: stored.decision,
            nonce: stored.nonce,
            phase: state.as_ref().map_or("unknown", |state| phase_words(&state.phase)).to_owned(),
            attempts: state.map_or(0, |state| state.attempts.len()),
        });
    }
    Ok(())
}

const fn phase_words(phase: &Phase) -> &'static str {
    match phase {
        Phase::Intended => "decided",
        Phase::Claimed => "has its nonce",
        Phase::Signed => "signed",
        Phase::Pending => "sent, not mined",
        Phase::Cancelling => "late, being taken back",
        Phase::Included(_) => "mined, not final",
        Phase::Final(_)
        | Phase::Reverted(_)
        | Phase::Cancelled(_)
        | Phase::Expired
        | Phase::Foreign => "ended",
    }
}

fn decided(
    decision: B256,
    record: &vagus_journal::DecisionRecord,
    outcome: Option<OutcomeState>,
) -> Decided {
    Decided {
        decision,
        first_block: record.first().block().number,
        last_block: record.last().block().number,
        reason: record.reason(),
        is_rebalance: !record.is_hold(),
        outcome,
    }
}
