//! What Prometheus is told: one table of names, and the samples of one moment.
//!
//! Amounts are whole units of the asset or of the native token, as exact decimals handed to Prometheus, which keeps them
//! as floating-point numbers; nothing here is calculated with.

mod names;

use std::collections::BTreeMap;

use alloy::primitives::U256;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use vagus_allocator::Reason;
use vagus_journal::JournalSize;

use crate::{
    board::{Board, ChainView, VaultView},
    http::ready,
    render::number::plain,
    version,
};

pub use names::{Kind, METRICS, Metric};

/// A number as it was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Exact.
    Whole(u64),
    /// An exact decimal, which Prometheus rounds.
    Decimal(String),
}

/// A metric's labels and number at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Which metric.
    pub name: &'static str,
    /// Values of its labels, in their order.
    pub labels: Vec<String>,
    /// The number.
    pub value: Value,
}

#[derive(Default)]
struct Samples(Vec<Sample>);

impl Samples {
    fn put(&mut self, name: &'static str, labels: &[&str], value: u64) {
        self.value(name, labels, Value::Whole(value));
    }

    fn units(&mut self, name: &'static str, labels: &[&str], units: U256, decimals: u8) {
        self.value(name, labels, Value::Decimal(plain(units, decimals)));
    }

    fn value(&mut self, name: &'static str, labels: &[&str], value: Value) {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.0.push(Sample { name, labels, value });
    }
}

/// Everything that a board shows now, and how much the journal holds, if it says so.
#[must_use]
pub fn samples(board: &Board, journal: Option<JournalSize>) -> Vec<Sample> {
    let views = board.views();
    let mut out = Samples::default();
    let about = version::version();
    let algorithm = about.algorithm_version.to_string();
    out.put("vagus_build_info", &[about.version, about.commit, &algorithm], 1);
    out.put("vagus_start_time_seconds", &[], board.started_at);
    if let Some(journal) = journal {
        out.put("vagus_journal_bytes", &[], journal.bytes);
        out.put("vagus_journal_records", &[], journal.records);
    }
    for component in ready::components(&views) {
        let labels = [component.chain.as_str(), component.component];
        out.put("vagus_ready", &labels, component.is_ok.into());
    }
    for view in &views {
        of_chain(&mut out, view);
        for vault in &view.vaults {
            of_vault(&mut out, &view.name, vault);
        }
    }
    out.0
}

fn of_chain(out: &mut Samples, view: &ChainView) {
    let chain: &[&str] = &[&view.name];
    if let Some(head) = view.head {
        out.put("vagus_head_number", chain, head.number);
        out.units("vagus_base_fee_gwei", chain, U256::from(view.base_fee_wei), 9);
    }
    out.put("vagus_head_age_seconds", chain, view.head_age().as_secs());
    out.put("vagus_head_stale_after_seconds", chain, view.stale_after.as_secs());
    if let Some(behind) = view.blocks_behind() {
        out.put("vagus_blocks_behind", chain, behind);
    }
    if let Some(finalized) = view.finalized_number {
        out.put("vagus_finalized_number", chain, finalized);
    }
    out.put("vagus_blocks_total", &[&view.name, "decided"], view.account.decided);
    out.put("vagus_blocks_total", &[&view.name, "passed-over"], view.account.passed_over);
    let failures = view.trouble.map_or(0, |trouble| trouble.failures);
    out.put("vagus_failed_rounds", chain, failures);
    out.put("vagus_sends", chain, view.sends.into());
    if let Some(purse) = &view.purse {
        out.units("vagus_gas_balance_native", chain, purse.balance_wei, 18);
        out.units("vagus_gas_low_native", chain, purse.low_wei, 18);
        if let Some((budget, left)) = purse.budget_wei {
            out.units("vagus_fee_budget_native", chain, U256::from(budget), 18);
            out.units("vagus_fee_budget_left_native", chain, U256::from(left), 18);
        }
    }
    for (reason, count) in &view.held {
        out.put("vagus_chain_holds_total", &[&view.name, &code(*reason)], *count);
    }
    for endpoint in &view.endpoints {
        let place = endpoint.place.to_string();
        for (method, tally) in &endpoint.tallies {
            let labels = [view.name.as_str(), &place, &endpoint.endpoint, method];
            out.put("vagus_rpc_requests_total", &labels, tally.asked);
            out.put("vagus_rpc_errors_total", &labels, tally.failed);
        }
    }
}

fn of_vault(out: &mut Samples, chain: &str, view: &VaultView) {
    let vault: &[&str] = &[chain, &view.name];
    out.put("vagus_decides", vault, view.decides.into());
    out.put("vagus_in_flight", vault, view.is_in_flight.into());
    for (reason, count) in &view.decisions {
        out.put("vagus_decisions_total", &[chain, &view.name, &code(*reason)], *count);
    }
    if let Some(latest) = &view.latest {
        out.put("vagus_decision_reason", &[chain, &view.name, &code(latest.reason)], 1);
        out.put("vagus_decision_reason_seconds", vault, latest.since.elapsed().as_secs());
        out.put("vagus_decided_number", vault, latest.block);
    }
    for (state, count) in &view.transactions {
        out.put("vagus_transactions_total", &[chain, &view.name, state], *count);
    }
    out.units("vagus_fees_paid_native_total", vault, view.fees_wei, 18);
    let Some(seen) = &view.seen else { return };
    let decimals = seen.asset.decimals;
    out.units("vagus_nav_assets", vault, seen.nav, decimals);
    out.put("vagus_policy_version", vault, seen.policy_version);
    for holding in &seen.holdings {
        // Two strategies may have one name for people.
        let name = holding.strategy.map_or("idle".to_owned(), |strategy| strategy.to_string());
        let labels = [chain, view.name.as_str(), name.as_str()];
        if let Some(weight) = holding.weight_bps {
            out.put("vagus_weight_bps", &labels, weight);
        }
        if let Some(limit) = holding.limit_bps {
            out.put("vagus_weight_limit_bps", &labels, limit);
        }
    }
    let expires_at = seen.mandate.as_ref().filter(|mandate| !mandate.is_revoked);
    let expires_at = expires_at.map_or(0, |mandate| mandate.expires_at);
    out.put("vagus_mandate_expires_at_seconds", vault, expires_at);
    if let Some(mandate) = &seen.mandate {
        for (budget, room) in [("turnover", mandate.turnover), ("loss", mandate.loss)] {
            let labels = [chain, view.name.as_str(), budget];
            out.units("vagus_budget_left_assets", &labels, room.left, decimals);
            out.units("vagus_budget_capacity_assets", &labels, room.capacity, decimals);
        }
    }
}

fn code(reason: Reason) -> String {
    format!("{reason:?}")
}

/// All samples in the text form that Prometheus scrapes.
#[must_use]
pub fn text(board: &Board, journal: Option<JournalSize>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Moment(samples(board, journal))));
    let mut out = String::new();
    match prometheus_client::encoding::text::encode(&mut out, &registry) {
        Ok(()) => out,
        // Writing into a string fails for no reason but its formatter's.
        Err(error) => {
            tracing::error!("metrics cannot be written: {error}");
            String::new()
        }
    }
}

/// Content type of [`text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn put(one: MetricEncoder<'_>, sample: &Sample, kind: Kind) -> Result<(), std::fmt::Error> {
    match (&sample.value, kind) {
        (Value::Whole(value), Kind::Counter) => ConstCounter::new(*value).encode(one),
        (Value::Whole(value), Kind::Gauge) => ConstGauge::new(*value).encode(one),
        (Value::Decimal(text), kind) => {
            let value: f64 = text.parse().unwrap_or(f64::NAN);
            match kind {
                Kind::Counter => ConstCounter::new(value).encode(one),
                Kind::Gauge => ConstGauge::new(value).encode(one),
            }
        }
    }
}

#[derive(Debug)]
struct Moment(Vec<Sample>);

impl Collector for Moment {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let mut by_name: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
        for sample in &self.0 {
            by_name.entry(sample.name).or_default().push(sample);
        }
        for metric in METRICS {
            let Some(samples) = by_name.get(metric.name) else { continue };
            // The encoder writes the ending of a counter itself.
            let (name, kind) = match metric.kind {
                Kind::Counter => {
                    (metric.name.strip_suffix("_total").unwrap_or(metric.name), MetricType::Counter)
                }
                Kind::Gauge => (metric.name, MetricType::Gauge),
            };
            let mut family = encoder.encode_descriptor(name, metric.help, None, kind)?;
            if metric.labels.is_empty() {
                if let Some(sample) = samples.first() {
                    put(family, sample, metric.kind)?;
                }
                continue;
            }
            for sample in samples {
                let labels: Vec<(&str, &str)> = metric
                    .labels
                    .iter()
                    .copied()
                    .zip(sample.labels.iter().map(String::as_str))
                    .collect();
                let labels = labels.as_slice();
                put(family.encode_family(&labels)?, sample, metric.kind)?;
            }
        }
        Ok(())
    }
}
