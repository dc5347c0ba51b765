//! A report as one table, by RFC 4180: amounts in the asset's smallest unit, one row for each part, the sum last.

use vagus_attribution::Actor;

use super::{action, fee, flow};
use crate::attribution::view::{Amount, Report};

const COLUMNS: [&str; 21] = [
    "part",
    "block",
    "last_block",
    "unix_time",
    "transaction",
    "decision",
    "actor",
    "what",
    "policy_version",
    "reason",
    "flow_assets",
    "executed",
    "gained",
    "credit",
    "gas_assets",
    "gas_wei",
    "declined_gain",
    "declined_cost",
    "declined_hurdle",
    "fee_shares",
    "fee_assets",
];

/// One row; what does not apply stays empty.
#[derive(Default)]
struct Row {
    part: &'static str,
    block: String,
    last_block: String,
    unix_time: String,
    transaction: String,
    decision: String,
    actor: String,
    what: String,
    policy_version: String,
    reason: String,
    flow_assets: String,
    executed: String,
    gained: String,
    credit: String,
    gas_assets: String,
    gas_wei: String,
    declined: [String; 3],
    fee_shares: String,
    fee_assets: String,
    gains: Vec<Amount>,
}

/// The whole table, with a line end after each row.
#[must_use]
pub fn csv(report: &Report) -> String {
    let names = report.venues.iter().map(|venue| format!("gained at {}", venue.name));
    let columns = COLUMNS.iter().map(|column| (*column).to_owned()).chain(names);
    let mut text = line(columns);
    for row in rows(report) {
        text.push_str(&line(row.fields(report.venues.len())));
    }
    text
}

fn line(fields: impl IntoIterator<Item = String>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|field| quoted(&field)).collect();
    format!("{}\r\n", fields.join(","))
}

/// No text from outside begins a field, so none can be taken for a formula; here it only must not end one.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

fn or_empty<T: ToString>(value: Option<T>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn actor(of: Actor) -> String {
    match of {
        Actor::Agent(address) | Actor::Anyone(address) => address.to_string(),
        Actor::Guardian => "guardian".to_owned(),
    }
}

impl Row {
    fn fields(self, venues: usize) -> Vec<String> {
        let [gain, cost, hurdle] = self.declined;
        let mut fields = vec![
            self.part.to_owned(),
            self.block,
            self.last_block,
            self.unix_time,
            self.transaction,
            self.decision,
            self.actor,
            self.what,
            self.policy_version,
            self.reason,
            self.flow_assets,
            self.executed,
            self.gained,
            self.credit,
            self.gas_assets,
            self.gas_wei,
            gain,
            cost,
            hurdle,
            self.fee_shares,
            self.fee_assets,
        ];
        let mut gains: Vec<String> = self.gains.iter().map(|gain| gain.0.to_string()).collect();
        gains.resize(venues, String::new());
        fields.extend(gains);
        fields
    }
}

fn rows(report: &Report) -> Vec<Row> {
    let of = &report.result;
    let mut rows = vec![Row {
        part: "opening portfolio",
        block: report.opening.block.to_string(),
        unix_time: report.opening.timestamp.to_string(),
        gained: of.held.0.to_string(),
        credit: of.held.0.to_string(),
        gains: report.venues.iter().map(|venue| Amount(venue.of.gained_held)).collect(),
        ..Row::default()
    }];
    let mut timed: Vec<(u64, Row)> =
        report.decisions.iter().map(|one| (one.block, decided(one))).collect();
    timed.extend(report.flows.iter().map(|one| (one.block, flowed(one))));
    timed.extend(report.fees.iter().map(|one| (one.block, charged(one))));
    timed.extend(report.holds.iter().map(|one| (one.first_block, held(one))));
    timed.sort_by_key(|(block, _)| *block);
    rows.extend(timed.into_iter().map(|(_, row)| row));
    rows.push(Row {
        part: "result",
        block: report.closing.block.to_string(),
        unix_time: report.closing.timestamp.to_string(),
        flow_assets: of.flowed.0.to_string(),
        credit: of.result.0.to_string(),
        gas_assets: of.gas_assets.to_string(),
        gains: report.venues.iter().map(|venue| Amount(venue.of.gained)).collect(),
        ..Row::default()
    });
    rows
}

fn decided(one: &crate::attribution::view::Decided) -> Row {
    let gained = one.credit.0.checked_sub(one.executed.0).unwrap_or_default();
    Row {
        part: "decision",
        block: one.block.to_string(),
        unix_time: one.timestamp.to_string(),
        transaction: or_empty(one.transaction),
        decision: or_empty(one.decision),
        actor: actor(one.actor),
        what: action(one.action).to_owned(),
        policy_version: one.policy_version.to_string(),
        reason: or_empty(one.reason.map(|reason| format!("{reason:?}"))),
        executed: one.executed.0.to_string(),
        gained: gained.to_string(),
        credit: one.credit.0.to_string(),
        gas_assets: or_empty(one.gas_assets),
        gas_wei: or_empty(one.fee_wei),
        gains: one.gains.clone(),
        ..Row::default()
    }
}

fn flowed(one: &crate::attribution::view::Flow) -> Row {
    Row {
        part: "flow",
        block: one.block.to_string(),
        unix_time: one.timestamp.to_string(),
        transaction: or_empty(one.transaction),
        what: flow(one.kind).to_owned(),
        flow_assets: one.assets.0.to_string(),
        gained: one.gained.0.to_string(),
        credit: one.gained.0.to_string(),
        gains: one.gains.clone(),
        ..Row::default()
    }
}

/// A fee moves nothing: its flow and its credit are zero.
fn charged(one: &crate::attribution::view::Fee) -> Row {
    Row {
        part: "fee",
        block: one.block.to_string(),
        unix_time: one.timestamp.to_string(),
        transaction: one.transaction.to_string(),
        what: fee(one.kind).to_owned(),
        flow_assets: "0".to_owned(),
        credit: "0".to_owned(),
        fee_shares: one.shares.to_string(),
        fee_assets: or_empty(one.assets),
        ..Row::default()
    }
}

fn held(one: &vagus_journal::run::Held) -> Row {
    let declined = one.declined.as_ref();
    Row {
        part: "hold",
        block: one.first_block.to_string(),
        last_block: one.last_block.to_string(),
        unix_time: one.last_block_at.to_string(),
        decision: or_empty(one.decision),
        reason: format!("{:?}", one.reason),
        credit: "0".to_owned(),
        declined: [
            or_empty(declined.map(|plan| plan.gain)),
            or_empty(declined.map(|plan| plan.cost)),
            or_empty(declined.map(|plan| plan.hurdle)),
        ],
        ..Row::default()
    }
}
