//! The tables of a report, for terminal and page alike: heading, columns, rows.

use std::collections::BTreeMap;

use alloy::primitives::{I256, U256};

use vagus_journal::run::Held;

use super::{action, actor, amount, fee, flow, signed};
use crate::{
    attribution::view::{Amount, Keyed, Report},
    render::number::{grouped, short, time},
    words,
};

/// A table under a heading. All columns but the first hold numbers or short words.
pub(super) struct Table {
    pub(super) heading: &'static str,
    /// What stands above it, one sentence.
    pub(super) about: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

fn table(heading: &'static str, about: &str, columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    Table { heading, about: about.to_owned(), columns, rows }
}

fn minus(assets: U256) -> I256 {
    I256::try_from(assets).map_or(I256::MIN, |assets| -assets)
}

/// All tables that have rows. Long ones keep their last `most` rows.
pub(super) fn tables(report: &Report, most: usize) -> Vec<Table> {
    let mut all =
        vec![result(report), venues(report), decisions(report), flows(report), fees(report)];
    for table in &mut all[2..] {
        let left_out = table.rows.len().saturating_sub(most);
        if left_out > 0 {
            table.rows.drain(..left_out);
            table.about.push_str(&format!(
                " {left_out} earlier ones are left out here; CSV and JSON have all."
            ));
        }
    }
    all.extend([holds(report), actors(report), versions(report), months(report)]);
    all.retain(|table| !table.rows.is_empty());
    all
}

fn result(report: &Report) -> Table {
    let (of, asset) = (&report.result, &report.asset);
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let plain = |value: Amount| amount(value.0, asset);
    let sign = |value: Amount| signed(value.0, asset);
    let unpriced = match of.unpriced {
        0 => String::new(),
        count => format!(" ({count} without a price)"),
    };
    let rows = vec![
        row("Value at the opening", plain(report.opening.assets)),
        row("Flows, in less out", sign(of.flowed)),
        row("Result", sign(of.result)),
        row("  opening portfolio, held unchanged", sign(of.held)),
        row("  decisions, since their execution", sign(of.decided)),
        row("  flows, held unchanged since", sign(of.gained_flows)),
        row("Value at the end", plain(report.closing.assets)),
        row(&format!("Gas of decisions{unpriced}"), signed(minus(of.gas_assets), asset)),
        row("Decisions less gas", sign(of.decided_net)),
    ];
    let about = "Opening, flows and result add up to the value at the end; the three parts add up to the result.";
    let mut table = table("Result", about, &["", ""], rows);
    table.columns[1].clone_from(&asset.symbol);
    table
}

fn venues(report: &Report) -> Table {
    let asset = &report.asset;
    let rows = report.venues.iter().map(|venue| {
        let of = &venue.of;
        vec![
            venue.name.clone(),
            amount(of.opening_assets, asset),
            signed(of.moved_assets, asset),
            signed(of.flowed_assets, asset),
            amount(of.closing_assets, asset),
            signed(of.gained, asset),
            signed(of.gained_held, asset),
            signed(of.gained_decisions, asset),
            signed(of.gained_flows, asset),
        ]
    });
    let columns =
        ["", "Opening", "Moved in", "Flowed in", "End", "Gain", "held", "by decisions", "by flows"];
    let about = "What each strategy gained over the period, and whose it is. Idle earns nothing.";
    table("Strategies", about, &columns, rows.collect())
}

fn decisions(report: &Report) -> Table {
    let asset = &report.asset;
    let mut columns: Vec<String> =
        ["", "Block", "Who", "What", "Policy", "Why"].map(str::to_owned).to_vec();
    columns.push("Execution".to_owned());
    columns.extend(report.venues.iter().map(|venue| format!("at {}", venue.name)));
    columns.extend(["Credit", "Gas"].map(str::to_owned));
    let rows = report.decisions.iter().map(|one| {
        let why = one.reason.map_or("–".to_owned(), |reason| format!("{reason:?}"));
        let mut row = vec![
            time(one.timestamp),
            one.block.to_string(),
            actor(one.actor),
            action(one.action).to_owned(),
            one.policy_version.to_string(),
            why,
            signed(one.executed.0, asset),
        ];
        row.extend(one.gains.iter().map(|gain| signed(gain.0, asset)));
        row.push(signed(one.credit.0, asset));
        row.push(match (one.gas_assets, one.fee_wei) {
            (Some(gas), _) => amount(I256::try_from(gas).unwrap_or(I256::MAX), asset),
            (None, Some(wei)) => format!("{wei} wei"),
            (None, None) => "–".to_owned(),
        });
        row
    });
    let about = "Credit is what execution alone made or cost, and what holding more here and less there has earned since, to the \
                 end of the report.";
    Table { heading: "Decisions", about: about.to_owned(), columns, rows: rows.collect() }
}

fn flows(report: &Report) -> Table {
    let asset = &report.asset;
    let rows = report.flows.iter().map(|one| {
        vec![
            time(one.timestamp),
            one.block.to_string(),
            flow(one.kind).to_owned(),
            signed(one.assets.0, asset),
            signed(one.gained.0, asset),
        ]
    });
    let about = "At the prices of their blocks, and what they have gained or would have since, held unchanged.";
    table("Flows", about, &["", "Block", "What", "Assets", "Since"], rows.collect())
}

fn fees(report: &Report) -> Table {
    let asset = &report.asset;
    let worth = |units: U256| amount(I256::try_from(units).unwrap_or(I256::MAX), asset);
    let rows = report.fees.iter().map(|one| {
        vec![
            time(one.timestamp),
            one.block.to_string(),
            fee(one.kind).to_owned(),
            grouped(&one.shares.to_string()),
            one.assets.map_or("–".to_owned(), worth),
        ]
    });
    let about = "Minted as shares of the vault, in their smallest unit, and worth so much by its own price at their blocks. They move \
                 nothing: no flow, and no part of the result.";
    table("Fees", about, &["", "Block", "What", "Shares", "Assets"], rows.collect())
}

/// Holds of one reason.
#[derive(Default)]
struct Reason<'a> {
    runs: u64,
    blocks: u64,
    proven: u64,
    best: Option<&'a Held>,
}

/// Gain less cost and hurdle of the best plan declined.
fn worth(held: &Held) -> Option<I256> {
    let plan = held.declined.as_ref()?;
    let gain = I256::try_from(plan.gain).ok()?;
    gain.checked_sub(I256::try_from(plan.cost).ok()?)?
        .checked_sub(I256::try_from(plan.hurdle).ok()?)
}

fn holds(report: &Report) -> Table {
    let asset = &report.asset;
    let mut reasons: BTreeMap<&'static str, (String, Reason<'_>)> = BTreeMap::new();
    for held in &report.holds {
        let (_, of) = reasons
            .entry(words::reason(held.reason))
            .or_insert_with(|| (format!("{:?}", held.reason), Reason::default()));
        of.runs = of.runs.saturating_add(1);
        of.blocks = of.blocks.saturating_add(held.blocks);
        of.proven = of.proven.saturating_add(u64::from(held.is_proven));
        if of.best.is_none_or(|best| worth(held) > worth(best)) {
            of.best = Some(held);
        }
    }
    let rows = reasons.into_iter().map(|(words, (code, of))| {
        let plan = of.best.and_then(|best| Some((best, best.declined.as_ref()?)));
        let (at, gain, costs) = match plan {
            None => ("–".to_owned(), "–".to_owned(), "–".to_owned()),
            Some((held, plan)) => {
                let of = |units| amount(I256::try_from(units).unwrap_or(I256::MAX), asset);
                let costs = format!("{} + {}", of(plan.cost), of(plan.hurdle));
                (held.last_block.to_string(), of(plan.gain), costs)
            }
        };
        vec![
            format!("{code}: {words}"),
            of.runs.to_string(),
            of.blocks.to_string(),
            of.proven.to_string(),
            at,
            gain,
            costs,
        ]
    });
    let columns = ["", "Runs", "Blocks", "Proven", "Best declined at", "Its gain", "Cost + hurdle"];
    let about = "A hold changes nothing and is credited with nothing. Beside it stands the best plan it declined, with the income \
                 expected over the policy's horizon and what it would have had to beat.";
    table("Holds", about, &columns, rows.collect())
}

fn sum_row<K>(report: &Report, name: String, of: &Keyed<K>) -> Vec<String> {
    let asset = &report.asset;
    vec![
        name,
        of.sum.decisions.to_string(),
        of.sum.others.to_string(),
        signed(of.sum.credit, asset),
        signed(minus(of.sum.gas_assets), asset),
        signed(of.net.0, asset),
    ]
}

const SUM: [&str; 6] = ["", "Decisions", "Other transactions", "Credit", "Gas", "Net"];

fn actors(report: &Report) -> Table {
    let rows = report.sums.actors.iter().map(|of| sum_row(report, actor(of.key), of));
    table("By who acted", "", &SUM, rows.collect())
}

fn versions(report: &Report) -> Table {
    let rows = report.sums.policy_versions.iter();
    let rows = rows.map(|of| sum_row(report, format!("version {}", of.key), of));
    table("By policy", "By the version in force at their execution.", &SUM, rows.collect())
}

fn months(report: &Report) -> Table {
    let rows = report.sums.months.iter().map(|of| sum_row(report, of.key.clone(), of));
    let about = "By the month of their execution, UTC; what they have earned since, in later months too, is counted there.";
    table("By month", about, &SUM, rows.collect())
}

/// What the report is of, as pairs.
pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let name = if report.treasury == report.vault {
        report.vault.clone()
    } else {
        format!("{} / {}", report.treasury, report.vault)
    };
    let moment = |of: &crate::attribution::view::Moment| {
        format!("block {} ({}), {}", of.block, short(of.hash), time(of.timestamp))
    };
    vec![
        ("Treasury", format!("{name}, {} on {}", report.address, report.chain)),
        ("From", format!("the end of {}", moment(&report.opening))),
        ("To", format!("the end of {}", moment(&report.closing))),
        ("Amounts", format!("{} {}", report.asset.symbol, report.asset.address)),
    ]
}
