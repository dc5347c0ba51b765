//! The words and keys of a policy file.

use crate::document::{Mode, ObjectiveKind, StrategyStatus};

/// Words for [`Mode`].
pub(super) const MODES: [(&str, Mode); 3] =
    [("active", Mode::Active), ("exit-only", Mode::ExitOnly), ("paused", Mode::Paused)];
/// Words for [`StrategyStatus`].
pub(super) const STATUSES: [(&str, StrategyStatus); 3] = [
    ("active", StrategyStatus::Active),
    ("exit-only", StrategyStatus::ExitOnly),
    ("written-off", StrategyStatus::WrittenOff),
];
/// Words for [`ObjectiveKind`].
pub(super) const KINDS: [(&str, ObjectiveKind); 2] =
    [("yield", ObjectiveKind::Yield), ("target-weights", ObjectiveKind::TargetWeights)];

/// The word for a mode.
#[must_use]
pub fn mode(mode: Mode) -> &'static str {
    word(&MODES, mode)
}

/// The word for a status.
#[must_use]
pub fn status(status: StrategyStatus) -> &'static str {
    word(&STATUSES, status)
}

/// The word for a kind of objective.
#[must_use]
pub fn objective(kind: ObjectiveKind) -> &'static str {
    word(&KINDS, kind)
}

fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> &'static str {
    // Every member of the three enums has a word.
    words.iter().find(|(_, other)| *other == meaning).map_or("", |(word, _)| word)
}

/// Keys of the document.
pub(super) const ROOT: [&str; 8] =
    ["schema_version", "asset", "names", "limits", "strategies", "groups", "agents", "objective"];
/// Keys of `[limits]`.
pub(super) const LIMITS: [&str; 16] = [
    "mode",
    "cooldown",
    "window",
    "max_turnover",
    "max_loss",
    "min_idle",
    "max_growth",
    "max_drawdown",
    "entry_halt",
    "seasoning",
    "max_nav_age",
    "policy_delay",
    "deposit_cap",
    "management_fee",
    "performance_fee",
    "fee_recipient",
];
/// Keys of `[[groups]]`.
pub(super) const GROUP: [&str; 3] = ["name", "max_weight", "cap"];
/// Keys of `[[strategies]]`.
pub(super) const STRATEGY: [&str; 8] =
    ["strategy", "status", "max_weight", "min_weight", "cap", "price_band", "reference", "groups"];
/// Keys of a first reference.
pub(super) const REFERENCE: [&str; 2] = ["assets", "shares"];
/// Keys of `[[agents]]`.
pub(super) const AGENT: [&str; 5] = ["agent", "expires", "scope", "max_turnover", "max_loss"];
/// Keys of `[objective]`.
pub(super) const OBJECTIVE: [&str; 5] = ["kind", "hurdle", "horizon", "band", "target_weights"];
