//! The table of names.

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins again at a start.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One name that Prometheus is told.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As it is scraped.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const CHAIN: &[&str] = &["chain"];
const VAULT: &[&str] = &["chain", "vault"];
const HOLDING: &[&str] = &["chain", "vault", "holding"];
const BUDGET: &[&str] = &["chain", "vault", "budget"];
const RPC: &[&str] = &["chain", "place", "endpoint", "method"];

/// Every name, in the order of the documentation. A name is never reused for something else.
pub const METRICS: &[Metric] = &[
    gauge(
        "vagus_build_info",
        &["version", "commit", "algorithm"],
        "Always 1; the labels say what runs",
    ),
    gauge("vagus_start_time_seconds", &[], "When the keeper was started, Unix time"),
    gauge("vagus_journal_bytes", &[], "Bytes of the journal: its file and log, or its database"),
    gauge("vagus_journal_records", &[], "Frozen records in the journal, of all its vaults"),
    gauge("vagus_ready", &["chain", "component"], "1 if the component is in order, as /ready says"),
    gauge("vagus_head_number", CHAIN, "Height of the newest head that was seen"),
    gauge(
        "vagus_head_age_seconds",
        CHAIN,
        "Time since a new head was last seen, by a monotonic clock",
    ),
    gauge("vagus_head_stale_after_seconds", CHAIN, "Age of a head from which nothing is decided"),
    gauge(
        "vagus_blocks_behind",
        CHAIN,
        "Blocks between the newest head seen and the newest worked off",
    ),
    gauge("vagus_finalized_number", CHAIN, "Height of the newest block known to be final"),
    gauge("vagus_base_fee_gwei", CHAIN, "Base fee of the newest head"),
    counter("vagus_blocks_total", &["chain", "result"], "Blocks followed: decided, or passed over"),
    gauge(
        "vagus_failed_rounds",
        CHAIN,
        "Rounds in a row that failed, zero if the last one went through",
    ),
    counter(
        "vagus_chain_holds_total",
        &["chain", "reason"],
        "How often a whole chain began to be held, by reason",
    ),
    gauge("vagus_sends", CHAIN, "1 if this keeper signs and sends on the chain"),
    gauge(
        "vagus_gas_balance_native",
        CHAIN,
        "Balance of the account that pays for transactions, native token",
    ),
    gauge("vagus_gas_low_native", CHAIN, "Balance that pays for ten rebalances at the fee cap"),
    gauge("vagus_fee_budget_native", CHAIN, "Daily fee budget, native token"),
    gauge("vagus_fee_budget_left_native", CHAIN, "What is left of it after the last 24 hours"),
    counter("vagus_rpc_requests_total", RPC, "Requests to an endpoint, by method"),
    counter(
        "vagus_rpc_errors_total",
        RPC,
        "Requests that got no answer, an error, or one without sense",
    ),
    gauge("vagus_decides", VAULT, "1 if this keeper decides about the vault"),
    counter("vagus_decisions_total", &["chain", "vault", "reason"], "Decisions by reason code"),
    gauge(
        "vagus_decision_reason",
        &["chain", "vault", "reason"],
        "1 for the reason code of the latest decision",
    ),
    gauge(
        "vagus_decision_reason_seconds",
        VAULT,
        "Time since decisions began to have the latest reason code",
    ),
    gauge("vagus_decided_number", VAULT, "Height of the block that was last decided"),
    gauge("vagus_in_flight", VAULT, "1 while a rebalance of the vault is not confirmed"),
    counter(
        "vagus_transactions_total",
        &["chain", "vault", "state"],
        "Rebalances by each state they came to",
    ),
    counter(
        "vagus_fees_paid_native_total",
        VAULT,
        "Fees of rebalances and cancellations that became final, native token",
    ),
    gauge("vagus_nav_assets", VAULT, "Net asset value, whole units of the asset"),
    gauge(
        "vagus_weight_bps",
        HOLDING,
        "Weight of idle and of each strategy, bps of net asset value",
    ),
    gauge("vagus_weight_limit_bps", HOLDING, "Largest weight of a strategy, smallest of idle"),
    gauge(
        "vagus_budget_left_assets",
        BUDGET,
        "What turnover or loss budget still allows, whole units of the asset",
    ),
    gauge("vagus_budget_capacity_assets", BUDGET, "What an empty turnover or loss budget allows"),
    gauge(
        "vagus_mandate_expires_at_seconds",
        VAULT,
        "Last second of the agent's mandate, Unix time; 0 without one",
    ),
    gauge("vagus_policy_version", VAULT, "Version of the policy in force, 0 for none"),
];
