//! From what was gathered to the document. Pure.

use alloy::primitives::{Address, I256, U256};
use vagus_attribution::{
    Actor, Attribution, AttributionError, Kind, Part, Sum, attribute, series, sums,
};
use vagus_chain::Header;
use vagus_journal::run::Held;

use super::{
    Amount, Decided, Fee, FeeKind, FeeShares, Flow, Keyed, Moment, Outcome, Report, Sample, Sums,
    Venue,
};
use crate::{JSON_SCHEMA_VERSION, attribution::gather::Gathered};

type Made<T> = std::result::Result<T, AttributionError>;

/// What is known of a report beside its history.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// Name of the vault in the configuration.
    pub(crate) vault: &'a str,
    pub(crate) treasury: &'a str,
    pub(crate) chain: &'a str,
    pub(crate) chain_id: u64,
    pub(crate) address: Address,
    pub(crate) holds: Vec<Held>,
    pub(crate) has_journal: bool,
    pub(crate) is_final: bool,
}

fn amounts(of: &[I256]) -> Vec<Amount> {
    of.iter().copied().map(Amount).collect()
}

fn keyed<K>(key: K, sum: Sum) -> Made<Keyed<K>> {
    Ok(Keyed { key, sum, net: Amount(sum.net()?) })
}

/// The document.
///
/// # Errors
/// Those of the attribution.
pub(crate) fn report(facts: Facts<'_>, gathered: &Gathered) -> Made<Report> {
    let history = &gathered.history;
    let found = attribute(history)?;
    let totals = sums(history, &found)?;
    let actors: Vec<Actor> = totals.actors.keys().copied().collect();
    let moment = |header: &Header, assets| {
        let block = header.block;
        let (number, hash, timestamp) = (block.number, block.hash, block.timestamp);
        Moment { block: number, hash, timestamp, assets: Amount(assets) }
    };
    let result = Outcome {
        result: Amount(found.result),
        flowed: Amount(found.flowed_assets),
        held: Amount(found.held.gained),
        decided: Amount(found.decided),
        gained_flows: Amount(found.gained_flows),
        gas_assets: totals.all.gas_assets,
        unpriced: totals.all.unpriced,
        decided_net: Amount(totals.all.net()?),
    };
    let venues = gathered.venues.iter().zip(&found.venues).map(|(venue, of)| Venue {
        strategy: venue.strategy,
        name: venue.name.clone(),
        of: *of,
    });
    let months = totals.months.into_iter();
    let sums = Sums {
        actors: totals.actors.into_iter().map(|(key, sum)| keyed(key, sum)).collect::<Made<_>>()?,
        policy_versions: totals
            .policy_versions
            .into_iter()
            .map(|(key, sum)| keyed(key, sum))
            .collect::<Made<_>>()?,
        months: months
            .map(|((year, month), sum)| keyed(format!("{year:04}-{month:02}"), sum))
            .collect::<Made<_>>()?,
    };
    let notes = notes(&facts, gathered, &found);
    let (decisions, flows) = rows(gathered, &found)?;
    Ok(Report {
        schema: JSON_SCHEMA_VERSION,
        vault: facts.vault.to_owned(),
        treasury: facts.treasury.to_owned(),
        chain: facts.chain.to_owned(),
        chain_id: facts.chain_id,
        address: facts.address,
        asset: gathered.asset.clone(),
        opening: moment(&gathered.opening, found.opening_assets),
        closing: moment(&gathered.closing, found.closing_assets),
        is_final: facts.is_final,
        result,
        venues: venues.collect(),
        decisions,
        holds: facts.holds,
        flows,
        fees: gathered.fees.clone(),
        sums,
        fee_shares: FeeShares {
            management: shares_of(&gathered.fees, FeeKind::Management),
            performance: shares_of(&gathered.fees, FeeKind::Performance),
        },
        series: samples(gathered, &actors)?,
        notes,
    })
}

/// All shares that were minted as a fee.
fn shares_of(fees: &[Fee], kind: FeeKind) -> U256 {
    let of_kind = fees.iter().filter(|fee| fee.kind == kind);
    of_kind.fold(U256::ZERO, |sum, fee| sum.saturating_add(fee.shares))
}

/// Events as rows, decisions and flows apart.
fn rows(gathered: &Gathered, found: &Attribution) -> Made<(Vec<Decided>, Vec<Flow>)> {
    let history = &gathered.history;
    let (mut decisions, mut flows) = (Vec::new(), Vec::new());
    let events = history.events.iter().zip(&found.parts).zip(&gathered.sources);
    for ((event, part), source) in events {
        let point = &history.points[event.point];
        let Part { at_block, gains, gained } = part;
        let (block, timestamp, transaction) = (point.block, point.timestamp, source.transaction);
        let (idle, shares) = (Amount(event.delta.idle), amounts(&event.delta.shares));
        match event.kind {
            Kind::Decision(decision) => decisions.push(Decided {
                block,
                timestamp,
                transaction,
                decision: source.decision,
                actor: decision.actor,
                action: decision.action,
                policy_version: decision.policy_version,
                reason: source.known.as_ref().map(|known| known.reason),
                state: source.known.as_ref().and_then(|known| known.state),
                idle,
                shares,
                executed: Amount(*at_block),
                gains: amounts(gains),
                credit: Amount(part.credit()?),
                gas_assets: decision.gas_assets,
                fee_wei: source.fee_wei,
            }),
            Kind::Flow(kind) => flows.push(Flow {
                block,
                timestamp,
                transaction,
                kind,
                idle,
                shares,
                assets: Amount(*at_block),
                gains: amounts(gains),
                gained: Amount(*gained),
            }),
        }
    }
    Ok((decisions, flows))
}

fn samples(gathered: &Gathered, actors: &[Actor]) -> Made<Vec<Sample>> {
    let samples = series(&gathered.history)?.into_iter().zip(&gathered.standings);
    let samples = samples.map(|(sample, standing)| {
        let max_weight = |venue: &crate::attribution::gather::Venue| {
            standing.as_ref().and_then(|of| of.max_weights_bps.get(&venue.strategy).copied())
        };
        let of_actor = |actor| Amount(sample.actors.get(actor).copied().unwrap_or_default());
        Sample {
            block: sample.block,
            timestamp: sample.timestamp,
            total: Amount(sample.total),
            idle: Amount(sample.idle),
            values: amounts(&sample.values),
            income: Amount(sample.income),
            unmanaged: Amount(sample.unmanaged),
            single: sample.single.iter().map(|income| income.map(Amount)).collect(),
            actors: actors.iter().map(of_actor).collect(),
            max_weights_bps: gathered.venues.iter().map(max_weight).collect(),
            min_idle_bps: standing.as_ref().map(|of| of.min_idle_bps),
            turnover_used_bps: standing.as_ref().map(|of| of.turnover_used_bps),
            loss_used_bps: standing.as_ref().map(|of| of.loss_used_bps),
            agent_turnover_used_bps: standing.as_ref().and_then(|of| of.agent_turnover_used_bps),
            agent_loss_used_bps: standing.as_ref().and_then(|of| of.agent_loss_used_bps),
        }
    });
    Ok(samples.collect())
}

/// What a reader has to know.
fn notes(facts: &Facts<'_>, gathered: &Gathered, found: &Attribution) -> Vec<String> {
    let mut notes = vec![
        "Our own effect on the rates of venues is in the realised prices and is not taken out of them."
            .to_owned(),
        "Gas is paid by agents, not by the vault: it stands beside the result, not in it.".to_owned(),
        "Fee shares dilute shareholders and change nothing of what the vault holds: the result is before fees."
            .to_owned(),
    ];
    if !facts.is_final {
        notes.push("The end is not final yet: a reorganisation may change it.".to_owned());
    }
    if !facts.has_journal {
        notes.push(
            "There is no journal: reasons, prices of gas and holds are not known.".to_owned(),
        );
    }
    let closing = U256::try_from(found.closing_assets).ok();
    if let Some(live) = gathered.live_assets.filter(|live| Some(*live) != closing) {
        notes.push(format!(
            "At the end the vault itself counts {live} units, because it gives strategies less gas to answer; this report \
             counts {}.",
            found.closing_assets
        ));
    }
    notes
}
