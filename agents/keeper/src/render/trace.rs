//! A decision that was traced, on a page that a treasury's committee can read.

mod earned;

use alloy::primitives::{Address, U256};
use anstyle::{AnsiColor, Style};
use vagus_allocator::{Action, Candidate, Earning, Horizon};
use vagus_journal::{Body, DecisionRecord, Observation};
use vagus_policy::{Policy, Rule, StrategyState};

use super::{
    journal::{blocks, came_of_it, legs},
    number::{assets, bps_percent, difference, rate, share, share_bps, short, span, time},
    plan::limit_in_words,
    rates::{mean_note, notes},
    table::table,
};
use crate::{
    exit::Verdict,
    trace::{Standing, Trace},
    words,
};

const STRONG: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
/// A limit of which less than this is left is near.
const NEAR_BPS: u64 = 1_000;
/// No asset has more; what is above it is a price, with which members of a group are looked at as well.
const MOST_ASSETS: U256 = U256::from_limbs([u64::MAX, u64::MAX >> 16, 0, 0]);

/// The whole page.
#[must_use]
pub fn page(trace: &Trace) -> String {
    let mut page = Vec::new();
    if let Some(record) = &trace.record {
        let seen = record.last();
        page.push(header(trace, record));
        page.push(part("What was seen", &what_was_seen(trace, seen)));
        page.push(part("What was considered", &considered(trace, seen)));
        page.push(part("Why this", &why(trace, record, seen)));
        if let Some(best) = seen.decision.candidates.first() {
            page.push(part("What it was expected to earn", &expected(trace, seen, best)));
        }
        if let Some(earned) = &trace.earned {
            page.push(part("What it earned", &earned::text(trace, seen, earned)));
        }
        page.push(part("Which limits were near", &near(trace, seen)));
        page.push(did(trace, record, seen));
    } else {
        page.push(format!("{STRONG}Decision{STRONG:#} {}", trace.decision));
    }
    page.push(verdict(trace));
    page.retain(|part| !part.is_empty());
    page.join("\n\n")
}

fn part(title: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{STRONG}{title}{STRONG:#}\n{text}") }
}

fn rows<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let line = |(key, value): (&str, String)| format!("  {key:<20} {value}");
    rows.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn header(trace: &Trace, record: &DecisionRecord) -> String {
    let header = &record.header;
    let (first, last) = (record.first().block(), record.last().block());
    let mut when = format!("{}, {}", blocks(first.number, last.number), time(last.timestamp));
    if record.blocks() > 1 {
        when +=
            &format!(", {} blocks held for the same reason; shown is the last", record.blocks());
    }
    let policy = match header.policy_version {
        0 => "none in force".to_owned(),
        version => format!("version {version} ({})", short(header.policy_hash)),
    };
    let by = format!("algorithm {}, lens {}", header.algorithm_version, header.lens);
    let rows = [
        ("Decision", trace.decision.to_string()),
        ("Vault", format!("{} on chain {}", header.vault, header.chain_id)),
        ("Guard", header.guard.to_string()),
        ("Block", when),
        ("Policy", policy),
        ("Agent", header.agent.to_string()),
        ("By", by),
    ];
    rows.map(|(key, value)| format!("{STRONG}{key:<9}{STRONG:#} {value}")).join("\n")
}

fn name(trace: &Trace, seen: &Observation, index: usize) -> String {
    let strategies = &seen.snapshot.vault.strategies;
    let name =
        |state: &StrategyState| trace.names.get(&state.strategy).unwrap_or(&state.symbol).clone();
    strategies.get(index).map_or_else(|| format!("strategy {index}"), name)
}

fn what_was_seen(trace: &Trace, seen: &Observation) -> String {
    let state = &seen.snapshot.vault;
    let (asset, nav) = (&state.asset, state.nav.nav_assets);
    if state.strategies.is_empty() {
        return format!("  NAV {}, no strategies", assets(nav, asset));
    }
    let none = || "–".to_owned();
    let mut lines = vec![vec![
        "Idle".to_owned(),
        assets(state.idle, asset),
        share(state.idle, nav),
        none(),
        none(),
    ]];
    for (index, strategy) in state.strategies.iter().enumerate() {
        let line = seen.decision.lines.get(index);
        let held = strategy.convert_assets;
        lines.push(vec![
            name(trace, seen, index),
            if strategy.is_readable { assets(held, asset) } else { "not readable".to_owned() },
            share(held, nav),
            assets(strategy.max_withdraw_assets, asset),
            line.map(|line| line.rate_before_ray)
                .or_else(|| yearly(trace, strategy, seen))
                .map_or_else(none, rate),
        ]);
    }
    lines.push(vec!["NAV".to_owned(), assets(nav, asset), share(nav, nav), none(), none()]);
    let name = |strategy: Address| {
        let place = state.strategies.iter().position(|one| one.strategy == strategy);
        place.map_or_else(|| strategy.to_string(), |place| name(trace, seen, place))
    };
    let mut text = table(&["", "Assets", "Weight", "Pays out now", "Rate"], &lines);
    let means = state.strategies.iter().filter(|one| seen.inputs.is_rate_of_horizon(one));
    let means: Vec<String> = means.map(|one| name(one.strategy)).collect();
    if let Some(note) = mean_note(&means) {
        text += &format!("\n  {note}");
    }
    for note in notes(&seen.inputs.rates, seen.block().timestamp, name) {
        text += &format!("\n  {note}");
    }
    text
}

/// The yearly rate of a strategy as it stood, if its curve is known.
fn yearly(trace: &Trace, strategy: &StrategyState, seen: &Observation) -> Option<U256> {
    let at = seen.block().timestamp.saturating_add(seen.inputs.block_seconds.into());
    let position = u128::try_from(strategy.convert_assets).ok()?;
    let horizon = Horizon::of(trace.policy.as_ref()?, at);
    let earning = Earning::of(strategy, seen.inputs.rate_of(strategy.strategy), position, horizon)
        .ok()
        .flatten()?;
    earning.rate_ray(position).ok()
}

fn considered(trace: &Trace, seen: &Observation) -> String {
    let asset = &seen.snapshot.vault.asset;
    let candidates = &seen.decision.candidates;
    if candidates.is_empty() {
        return "  nothing was weighed".to_owned();
    }
    let line = |(place, candidate): (usize, &Candidate)| {
        let moves: Vec<_> = candidate
            .moves
            .iter()
            .map(|leg| {
                let way = if leg.is_deposit { "into" } else { "out of" };
                let amount = match leg.assets {
                    vagus_policy::ALL_ASSETS => "all".to_owned(),
                    some => assets(U256::from(some), asset),
                };
                format!("{amount} {way} {}", name(trace, seen, leg.index.into()))
            })
            .collect();
        let price = candidate.cost.saturating_add(candidate.hurdle);
        vec![
            format!("{place}"),
            if moves.is_empty() { "stand still".to_owned() } else { moves.join("; ") },
            assets(candidate.gain, asset),
            assets(candidate.cost, asset),
            assets(candidate.hurdle, asset),
            difference(candidate.gain, price, asset),
        ]
    };
    let lines: Vec<_> = (1..).zip(candidates).map(line).collect();
    table(&["", "Moves", "Gain", "Cost", "Hurdle", "Left"], &lines)
}

fn why(trace: &Trace, record: &DecisionRecord, seen: &Observation) -> String {
    let (decision, asset) = (&seen.decision, &seen.snapshot.vault.asset);
    let did = match (&record.body, &decision.action) {
        (Body::Upkeep { .. }, _) => "KEPT IN ORDER",
        (_, Action::Rebalance { .. }) => "MOVED",
        (_, Action::Hold { .. }) => "HELD",
    };
    let mut lines = vec![format!(
        "  {STRONG}{did}{STRONG:#}, because {}. ({:?})",
        words::reason(decision.reason),
        decision.reason
    )];
    if matches!(decision.action, Action::Hold { is_proven: true, .. }) {
        lines.push("  This is proven: no list of moves beats its costs.".to_owned());
    }
    if let Action::Hold { retry_at: Some(at), .. } = decision.action {
        lines.push(format!("  Not before {}.", time(at)));
    }
    for (place, binding) in decision.bindings.iter().enumerate() {
        let what = words::limiting(binding.limiting);
        let what = match binding.index {
            Some(index) => format!("{}: {what}", name(trace, seen, index.into())),
            None => what.to_owned(),
        };
        let key = if place == 0 { "What bound" } else { "" };
        lines.push(format!("  {key:<20} {}", limit_in_words(&what, binding, asset)));
    }
    if let Some(refusal) = &decision.refusal {
        lines.push(format!("  The rule said: {refusal}."));
    }
    lines.join("\n")
}

fn expected(trace: &Trace, seen: &Observation, best: &Candidate) -> String {
    let (decision, asset) = (&seen.decision, &seen.snapshot.vault.asset);
    let sum = |of: fn(&vagus_allocator::StrategyLine) -> U256| {
        decision.lines.iter().map(of).fold(U256::ZERO, U256::saturating_add)
    };
    let (before, after) = (sum(|l| l.yearly_income_before), sum(|l| l.yearly_income_after));
    let objective = |policy: &Policy| {
        (span(policy.objective.horizon_seconds.into()), U256::from(policy.objective.hurdle_bps))
    };
    let (horizon, hurdle) = trace.policy.as_ref().map_or_else(
        || ("the horizon".to_owned(), String::new()),
        |policy| {
            let (horizon, bps) = objective(policy);
            (horizon, format!(" ({} of what changes place)", bps_percent(bps)))
        },
    );
    let mut text = String::new();
    if !decision.reason.is_rebalance() && !best.moves.is_empty() {
        text = "  Of the best plan, which was declined:\n".to_owned();
    }
    text + &rows([
        (
            "Income a year",
            format!(
                "{} before, {} after ({})",
                assets(before, asset),
                assets(after, asset),
                difference(after, before, asset)
            ),
        ),
        ("Gain", format!("{} over {horizon}", assets(best.gain, asset))),
        ("Cost", format!("{} (gas, entry and exit)", assets(best.cost, asset))),
        ("Hurdle", format!("{}{hurdle}", assets(best.hurdle, asset))),
        (
            "At best",
            format!(
                "{}: no list of moves gains more",
                assets(decision.certificate.upper_bound, asset)
            ),
        ),
    ])
}

/// Limits on amounts and prices by what was left of them, the nearest first; times, counts and masks hold or do not. Vault and
/// agent often have the same budget, and every strategy its price: what says the same stands once.
fn near(trace: &Trace, seen: &Observation) -> String {
    let asset = &seen.snapshot.vault.asset;
    let bands = trace.policy.iter().flat_map(|policy| &policy.strategies);
    let band_bps = bands.map(|listed| u64::from(listed.price_band_bps)).min();
    let mut lines: Vec<(u64, Vec<String>)> = Vec::new();
    for check in &seen.checks {
        let what = format!("R{} {}", check.rule as u8, words::rule(check.rule));
        let left = share_bps(check.headroom, check.limit).unwrap_or(10_000);
        // A price is a fraction of 2^128, which says nothing to anybody; what is left of its band does.
        let line = match check.rule {
            Rule::Price => {
                let Some(band) = band_bps.filter(|band| *band > 0) else { continue };
                let left = left.saturating_mul(10_000) / band;
                (left, vec![what, "its price".to_owned(), "its band".to_owned()])
            }
            Rule::Turnover | Rule::Weight | Rule::Group | Rule::Floor | Rule::Idle | Rule::Loss => {
                if check.limit > MOST_ASSETS {
                    continue;
                }
                (left, vec![what, assets(check.observed, asset), assets(check.limit, asset)])
            }
            _ => continue,
        };
        lines.push(line);
    }
    lines.sort();
    lines.dedup();
    let mut has_price = false;
    lines.retain(|(_, line)| line[1] != "its price" || !std::mem::replace(&mut has_price, true));
    if lines.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(left, mut line)| {
            line.push(bps_percent(U256::from(left)));
            line.push(if left < NEAR_BPS { "near" } else { "" }.to_owned());
            line
        })
        .collect();
    table(&["Rule", "Observed", "Limit", "Left", ""], &rows)
}

fn did(trace: &Trace, record: &DecisionRecord, seen: &Observation) -> String {
    let mut text = Vec::new();
    if let Body::Rebalance { rebalance, .. } = &record.body {
        text.push(part(
            "What was to be done",
            &legs(&rebalance.moves, &seen.snapshot, &trace.names),
        ));
    }
    match &trace.outcome {
        Some(outcome) => {
            let mut came = came_of_it(outcome, &seen.snapshot, &trace.names);
            came += match outcome.is_as_predicted {
                Some(true) => "\n  it did what was predicted, within the vault's headroom",
                Some(false) => {
                    "\n  it came out otherwise than predicted, by more than the vault's headroom"
                }
                None => "",
            };
            text.push(came);
        }
        None => text.push(part("Outcome", "  not known")),
    }
    text.join("\n\n")
}

fn verdict(trace: &Trace) -> String {
    let lines: Vec<_> = trace
        .findings
        .iter()
        .map(|finding| {
            let words = if finding.words.is_empty() { "" } else { &finding.words };
            format!("  {:<12} {} {words}", finding.subject.words(), coloured(finding.standing))
        })
        .collect();
    let (style, word) = match trace.verdict {
        Verdict::Reproduced => (GOOD, "REPRODUCED"),
        Verdict::Altered => (BAD, "ALTERED"),
        Verdict::OtherAlgorithm => (UNSURE, "OTHER VERSION"),
        Verdict::ChainUnavailable => (UNSURE, "NOT COMPARED"),
        Verdict::NotReproduced => (BAD, "NOT REPRODUCED"),
    };
    format!(
        "{STRONG}What was looked into{STRONG:#}\n{}\n\n{style}{word}{style:#}  {}",
        lines.join("\n"),
        trace.sentence()
    )
}

fn coloured(standing: Standing) -> String {
    let style = match standing {
        Standing::Holds => GOOD,
        Standing::Differs => BAD,
        Standing::Unknown | Standing::OtherVersion => UNSURE,
        Standing::Nothing => Style::new(),
    };
    let word = standing.to_string();
    format!("{style}{word:<13}{style:#}")
}
