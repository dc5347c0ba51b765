//! The policy document and the guard's rules, off-chain and pure.
//!
//! Everything here is synchronous and integer-only, with time as an argument: the same inputs give the same
//! answer, bit for bit, on every machine. The types of this crate are the only ones of their kind: lens
//! decoding, allocator, rules and records all use [`Snapshot`], [`Rebalance`] and [`Policy`] as they stand here.

pub mod authorise;
pub mod budget;
pub mod check;
pub mod decimal;
pub mod digest;
pub mod document;
pub mod encode;
pub mod math;
pub mod predict;
pub mod price;
pub mod rebalance;
pub mod rule;
pub mod snapshot;

pub use authorise::authorise;
pub use check::{Bound, Checked, Observation, Reference, Subject, check, check_with_headroom};
pub use digest::{rebalance_digest, rebalance_struct_hash};
pub use document::{
    AgentPolicy, Ceilings, GroupPolicy, Limits, Mode, Objective, ObjectiveKind,
    POLICY_SCHEMA_VERSION, Policy, StrategyPolicy, StrategyStatus,
};
pub use encode::{DecodeError, decode, encode, hash};
pub use predict::predict;
pub use rebalance::{ALL_ASSETS, ANY_COUNT, LegReceipt, MAX_MOVES, Move, Rebalance, Receipt};
pub use rule::{Refusal, Rule};
pub use snapshot::{
    AaveV3Curve, AgentState, AssetInfo, BlockRef, Bucket, Checkpoint, Curve, GuardState,
    MorphoBlueCurve, NavState, Snapshot, StrategyState, VaultState,
};
