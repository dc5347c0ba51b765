//! The policy document and the guard's rules, off-chain and pure.
//!
//! Everything here is synchronous and integer-only, with time as an argument: the same inputs give the same
//! answer, bit for bit, on every machine. The types of this crate are the only ones of their kind: lens
//! decoding, allocator, rules and records all use [`Snapshot`], [`Rebalance`] and [`Policy`] as they stand here.
//!
//! ```
//! use vagus_policy::toml::{Context, parse};
//!
//! let file = include_str!("../examples/demo.toml");
//! let strategies = ["aave_a", "aave_b", "morpho"];
//! let mut context = Context::new("USDC", 6).with_account("keeper", [1; 20].into());
//! for (name, byte) in strategies.into_iter().zip(2..) {
//!     context = context.with_strategy(name, [byte; 20].into(), 6);
//! }
//! let policy = parse(file, "demo.toml", &context)?;
//! assert_eq!(policy.limits.min_idle_bps, 500);
//! assert_eq!(vagus_policy::decode(&vagus_policy::encode(&policy))?, policy);
//!
//! let error = parse(&file.replace("5 %", "5"), "demo.toml", &context).unwrap_err();
//! assert!(error.to_string().starts_with("demo.toml:"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail"))]

pub mod authorise;
pub mod budget;
pub mod check;
pub mod compare;
pub mod decimal;
pub mod digest;
pub mod document;
pub mod encode;
pub mod groups;
pub mod math;
pub mod observation;
pub mod predict;
pub mod price;
pub mod promise;
pub mod rebalance;
pub mod review;
pub mod rule;
pub mod snapshot;
#[cfg(test)]
mod testing;
pub mod toml;
pub mod validate;

pub use authorise::authorise;
pub use check::{check, check_with_headroom};
pub use digest::{rebalance_digest, rebalance_struct_hash};
pub use document::{
    AgentPolicy, Ceilings, GroupPolicy, Limits, Mode, Objective, ObjectiveKind,
    POLICY_SCHEMA_VERSION, Policy, StrategyPolicy, StrategyStatus,
};
pub use encode::{DecodeError, decode, encode, hash};
pub use observation::{Bound, Checked, Observation, Reference, Subject};
pub use predict::predict;
pub use promise::Promise;
pub use rebalance::{
    ALL_ASSETS, ANY_COUNT, LegReceipt, MAX_MOVES, MemberReading, Move, Rebalance, Receipt,
};
pub use rule::{Refusal, Rule};
pub use snapshot::{
    AaveV3Curve, AgentState, AssetInfo, BlockRef, Bucket, Checkpoint, Curve, GuardState,
    MorphoBlueCurve, MorphoBlueHolding, MorphoBlueMarketsCurve, NavState, ReadPrice, Snapshot,
    StrategyState, VaultState,
};
pub use validate::{InvalidKind, InvalidPolicy, ceilings_exceeded, validate, validate_ceilings};
