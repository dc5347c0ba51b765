//! Documents, valid or not, submitted to the compiled guard and validated in Rust.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolError;
use vagus_policy::{
    GroupPolicy, InvalidKind, InvalidPolicy, ObjectiveKind, Policy, StrategyPolicy, hash, validate,
    validate_ceilings,
};

use crate::{
    abi::sol,
    documents::{aim, group, narrow, open},
    rng::{Amounts as _, Rng},
    world::World,
};

/// One thing about a document that may break it.
type Change = fn(&mut Policy, &mut Rng);

const CHANGES: [Change; 38] = [
    |p, rng| p.schema_version = rng.bps(0, 2),
    |p, rng| p.limits.max_turnover_bps = edge(rng),
    |p, rng| p.limits.max_loss_bps = edge(rng),
    |p, rng| p.limits.min_idle_bps = edge(rng),
    |p, rng| p.limits.max_drawdown_bps = edge(rng),
    |p, rng| p.limits.max_growth_wad = 1_000_000_000_000_000_000 + rng.below(2),
    |p, rng| p.limits.window_seconds = small(rng),
    |p, rng| p.limits.entry_halt_seconds = small(rng),
    |p, rng| p.limits.seasoning_seconds = small(rng),
    |p, rng| p.limits.policy_delay_seconds = rng.pick(&[0, 1, 10, 11]),
    |p, rng| p.limits.management_fee_bps = rng.pick(&[0, 500, 501, 10_000, 10_001]),
    |p, rng| p.limits.performance_fee_bps = rng.pick(&[0, 2_000, 2_001, 10_000, 10_001]),
    |p, _| p.limits.fee_recipient = Address::ZERO,
    |p, rng| group(p, rng),
    |p, rng| p.groups = (0..rng.bps(15, 18)).map(|n| named(n + 256)).collect(),
    |p, rng| {
        // Empty, with a hole, the longest, one too long.
        let name: &[u8] = rng.pick(&[&[], &[1, 0, 1], &[1; 31], &[1; 32]]);
        p.groups.push(GroupPolicy { name: B256::right_padding_from(name), ..named(0) });
    },
    |p, rng| p.groups = vec![named(257), named(257 + rng.bps(0, 1))],
    |p, rng| p.groups.push(GroupPolicy { max_weight_bps: edge(rng), ..named(600) }),
    |p, rng| {
        let weights = p.strategies.iter().map(|_| rng.bps(0, 1_200)).collect();
        aim(p, weights, edge(rng));
    },
    |p, rng| aim(p, vec![1; rng.index(20)], 0),
    |p, rng| any_strategy(p, rng).max_weight_bps = edge(rng),
    |p, rng| any_strategy(p, rng).min_weight_bps = edge(rng),
    |p, rng| any_strategy(p, rng).price_band_bps = rng.bps(9_999, 10_000),
    |p, rng| any_strategy(p, rng).reference_assets = u128::from(rng.below(2)),
    |p, rng| any_strategy(p, rng).reference_shares = u128::from(rng.below(2)),
    |p, rng| any_strategy(p, rng).groups = 1 << rng.below(16),
    |p, rng| any_strategy(p, rng).strategy = Address::ZERO,
    |p, rng| any_strategy(p, rng).strategy = p.strategies[0].strategy,
    |p, rng| p.strategies = vec![p.strategies[0].clone(); rng.index(35)],
    |p, rng| p.agents = vec![p.agents[0].clone(); rng.index(19)],
    |p, _| p.agents[1].agent = Address::ZERO,
    |p, _| p.agents[1].agent = p.agents[0].agent,
    |p, rng| p.agents[1].scope = 1 << rng.below(32),
    |p, rng| p.agents[0].max_turnover_bps = edge(rng),
    |p, rng| p.agents[0].max_loss_bps = edge(rng),
    |p, rng| p.agents[0].expires_at = (1 << 40) - rng.below(2),
    |p, rng| p.objective.kind = rng.pick(&[ObjectiveKind::Yield, ObjectiveKind::TargetWeights]),
    |p, rng| {
        p.objective.hurdle_bps = edge(rng);
        p.objective.band_bps = edge(rng);
        p.objective.target_weights_bps = vec![1; rng.index(2)];
    },
];

fn named(name: u16) -> GroupPolicy {
    let name = B256::right_padding_from(&name.to_be_bytes());
    GroupPolicy { name, max_weight_bps: 0, cap: 0 }
}

fn edge(rng: &mut Rng) -> u16 {
    rng.bps(10_000, 10_001)
}

fn small(rng: &mut Rng) -> u32 {
    u32::from(rng.bps(0, 1))
}

fn any_strategy<'a>(policy: &'a mut Policy, rng: &mut Rng) -> &'a mut StrategyPolicy {
    let index = rng.index(policy.strategies.len());
    &mut policy.strategies[index]
}

/// Submits `documents` documents that `seed` determines to a guard. Answers how often each field was refused; under
/// `""`, how often none was.
///
/// # Errors
/// If the build is missing, or at the first document on which guard and Rust differ: what they differ in.
pub fn submit(documents: u64, seed: u64) -> Result<BTreeMap<&'static str, u64>, String> {
    let mut rng = Rng::new(seed);
    let mut world = World::deploy(open(&[], &mut rng), 6)?;
    let listed: Vec<_> = world.strategies.iter().map(|strategy| (*strategy, 1, 1)).collect();
    let mut seen = BTreeMap::new();
    for number in 0..documents {
        let count = 2 + rng.index(listed.len() - 2);
        let mut policy = open(&listed[..count], &mut rng);
        if rng.chance(50) {
            policy = narrow(&policy, U256::from(1_000_000), &mut rng);
        }
        for _ in 0..rng.below(3) {
            // Both lists have the entries that a change looks for, unless an earlier change emptied them.
            if !policy.strategies.is_empty() && policy.agents.len() > 1 {
                rng.pick(&CHANGES)(&mut policy, &mut rng);
            }
        }
        let verdict =
            validate(&policy).and_then(|()| validate_ceilings(&policy.limits, &World::ceilings()));
        let answer = world.try_submit(&policy);
        let agrees = match (&verdict, &answer) {
            // The answer begins with the document's hash.
            (Ok(()), Ok(data)) => data.get(..32) == Some(hash(&policy).as_slice()),
            (Err(invalid), Err(data)) => *data == error(invalid, data),
            _ => false,
        };
        if !agrees {
            return Err(format!(
                "document {number} of seed {seed}: Rust says {verdict:?}, the guard {answer:?}\n{policy:#?}"
            ));
        }
        *seen.entry(verdict.map_or_else(|invalid| invalid.field, |()| "")).or_default() += 1;
    }
    Ok(seen)
}

/// The guard's error; value and ceiling are as the guard says, because Rust names them only in words.
fn error(invalid: &InvalidPolicy, data: &Bytes) -> Bytes {
    let field = B256::right_padding_from(invalid.field.as_bytes());
    let encoded = match invalid.kind {
        InvalidKind::Schema => {
            sol::Guard::InvalidPolicy { field, index: U256::from(invalid.index) }.abi_encode()
        }
        InvalidKind::Ceiling => match sol::Guard::CeilingExceeded::abi_decode(data) {
            Ok(given) => sol::Guard::CeilingExceeded { field, ..given }.abi_encode(),
            Err(_) => vec![0],
        },
        // It does not decode, and the decoder gives no reason.
        _ => Vec::new(),
    };
    encoded.into()
}
