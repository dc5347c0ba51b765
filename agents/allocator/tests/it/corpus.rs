//! Decisions that were recorded once, with all that they were made from. An output that changes for the same input is a new
//! version of the algorithm: raise `ALGORITHM_VERSION`, run `make corpus`, and keep what the old version recorded.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde::{Deserialize, Serialize};
use vagus_allocator::{
    ALGORITHM_VERSION, Decision, Inputs, NativePrice, Reason, decide, verify_certificate,
};
use vagus_policy::{Mode, Policy, Snapshot};

use crate::{
    properties::config,
    random::{any_world, any_world_of_markets},
    rates::{flat, history, rewarded},
    world::{USDC, World, morpho, world as balanced},
};

const CASES: usize = 600;
const CASES_OF_MARKETS: usize = 120;

/// What a decision can be by what `decide` alone sees.
const REASONS: [Reason; 21] = [
    Reason::RepairWeight,
    Reason::RepairIdle,
    Reason::RepairExitOnly,
    Reason::RepairGroup,
    Reason::RepairFloor,
    Reason::RepairTarget,
    Reason::Income,
    Reason::Optimal,
    Reason::BelowHurdle,
    Reason::WithinBand,
    Reason::RepairBlocked,
    Reason::Cooldown,
    Reason::TurnoverSpent,
    Reason::LossSpent,
    Reason::ModeClosed,
    Reason::NoMandate,
    Reason::NoPolicy,
    Reason::NoCapital,
    Reason::NoNativePrice,
    Reason::NoHistory,
    Reason::Unreadable,
];

#[derive(Serialize, Deserialize)]
struct Case {
    policy: Policy,
    snapshot: Snapshot,
    inputs: Inputs,
    decision: Decision,
}

fn path(name: &str, version: u32) -> PathBuf {
    let name = format!("tests/corpus/{name}.v{version}.jsonl.gz");
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Two markets of one kind, with the same in each.
fn even(number: usize) -> World {
    let size = 10_000_000 + number as u128 * 1_000;
    let market = || morpho(size * USDC, size * USDC * 8 / 10, 400, 0);
    balanced(50_055 * USDC, &[(market(), 475_000 * USDC), (market(), 475_000 * USDC)])
}

/// A world in which something is otherwise than it should be, for some numbers.
fn twisted(mut world: World, number: usize) -> World {
    let vault = &mut world.snapshot.vault;
    match number % 40 {
        0 => vault.guard_state.mode = Mode::Paused,
        1 => vault.guard_state.mode = Mode::ExitOnly,
        2 => vault.agent.is_revoked = true,
        3 => vault.guard_state.policy_version = 0,
        4 => vault.checkpoint.base = Default::default(),
        5 => vault.strategies[0].is_readable = false,
        6 => {
            world.policy.limits.cooldown_seconds = 600;
            vault.agent.last_rebalance_at = world.snapshot.block.timestamp - 100;
        }
        7 => world.policy.limits.max_loss_bps = 0,
        8 | 9 => world.inputs.native_price = NativePrice::Missing,
        10 => world.inputs.native_price = NativePrice::Native,
        11 => return even(number),
        12 => {
            world = even(number);
            world.inputs.rates = vec![history(1, number as u64 % 7, 100)];
        }
        13 => {
            world = even(number);
            world.inputs.rates = vec![history(0, 7, 40), history(1, 8, number as u64)];
        }
        14 => {
            let rates = 0..world.policy.strategies.len().min(3);
            world.inputs.rates = rates.map(|place| flat(place, number as u64 % 900)).collect();
        }
        15 => {
            let expires_at = world.snapshot.block.timestamp + number as u64 % 30;
            world.inputs.rates = vec![rewarded(0, 50 + number as u64, expires_at)];
        }
        _ => {}
    }
    world
}

fn worlds() -> impl Iterator<Item = World> {
    let mut runner = TestRunner::new(config(1));
    let (small, large) = (any_world(8), any_world(20));
    (0..CASES).map(move |number| {
        let tree = if number % 8 == 7 {
            large.new_tree(&mut runner).unwrap()
        } else {
            small.new_tree(&mut runner).unwrap()
        };
        twisted(tree.current(), number)
    })
}

/// Worlds with strategies over several markets.
fn worlds_of_markets() -> impl Iterator<Item = World> {
    let mut runner = TestRunner::new(config(1));
    let (some, all) = (any_world_of_markets(8, 0.5), any_world_of_markets(6, 0.99));
    (0..CASES_OF_MARKETS).map(move |number| {
        if number % 2 == 0 {
            some.new_tree(&mut runner).unwrap().current()
        } else {
            all.new_tree(&mut runner).unwrap().current()
        }
    })
}

/// Writes what this version decides, once.
fn write() {
    let missing = |name| !path(name, ALGORITHM_VERSION).exists();
    assert!(missing("decisions") || missing("markets"), "what is recorded stays");
    if missing("decisions") {
        write_file("decisions", worlds());
    }
    if missing("markets") {
        write_file("markets", worlds_of_markets());
    }
}

fn write_file(name: &str, worlds: impl Iterator<Item = World>) {
    let path = path(name, ALGORITHM_VERSION);
    let file = fs::OpenOptions::new().write(true).create_new(true).open(path).unwrap();
    let mut file = GzEncoder::new(file, Compression::best());
    for World { policy, snapshot, inputs } in worlds {
        let decision = decide(&policy, &snapshot, &inputs);
        let case = Case { policy, snapshot, inputs, decision };
        writeln!(file, "{}", serde_json::to_string(&case).unwrap()).unwrap();
    }
    file.finish().unwrap();
}

fn cases(name: &str, version: u32) -> impl Iterator<Item = Case> {
    let file =
        fs::File::open(path(name, version)).expect("make corpus writes it for a new version");
    let lines = BufReader::new(GzDecoder::new(file)).lines().enumerate();
    lines.map(|(number, line)| {
        serde_json::from_str(&line.unwrap()).unwrap_or_else(|e| panic!("case {number}: {e}"))
    })
}

/// A record of an older version is not decided again, but its certificate is still recomputed.
#[test]
fn certificates_of_the_versions_before_still_hold() {
    for version in 3..ALGORITHM_VERSION {
        let mut count = 0;
        for (number, case) in cases("decisions", version).enumerate() {
            let Case { policy, snapshot, inputs, decision } = case;
            // Where a reward was paid beside a curve, the bound of version 3 could be too low.
            let is_exempt = version == 3 && inputs.rates.iter().any(|rate| rate.reward.is_some());
            if !decision.lines.is_empty() && !is_exempt {
                let verdict = verify_certificate(&policy, &snapshot, &inputs, &decision);
                assert_eq!(verdict, Ok(()), "case {number} of version {version}");
                count += 1;
            }
        }
        assert!(count >= 400, "{count} certificates of version {version}");
    }
}

#[test]
fn what_was_recorded_is_decided_again() {
    if std::env::var_os("WRITE_CORPUS").is_some() {
        write();
    }
    let (reasons, count) = decided_again("decisions");
    assert!(count >= 500, "{count} cases");
    let missing: Vec<_> = REASONS.into_iter().filter(|reason| !reasons.contains(reason)).collect();
    assert!(missing.is_empty(), "no case is {missing:?}");
    let (reasons, count) = decided_again("markets");
    assert!(count >= CASES_OF_MARKETS, "{count} cases over several markets");
    assert!(reasons.contains(&Reason::Income), "{reasons:?}");
}

fn decided_again(name: &str) -> (BTreeSet<Reason>, usize) {
    let (mut reasons, mut count) = (BTreeSet::new(), 0);
    for (number, case) in cases(name, ALGORITHM_VERSION).enumerate() {
        let Case { policy, snapshot, inputs, decision } = case;
        let now = decide(&policy, &snapshot, &inputs);
        assert!(
            now == decision,
            "case {number} of {name} is decided otherwise than recorded, and the version is \
             still {ALGORITHM_VERSION}.\nrecorded {decision:#?}\nnow {now:#?}"
        );
        if !decision.lines.is_empty() {
            assert_eq!(verify_certificate(&policy, &snapshot, &inputs, &decision), Ok(()));
        }
        reasons.insert(decision.reason);
        count += 1;
    }
    (reasons, count)
}
