//! A fixed history for tests of the report's forms, worked out in whole USDC.

use std::sync::Arc;

use alloy::primitives::{Address, B256, I256, U256};
use vagus_allocator::{NativePrice, Reason};
use vagus_attribution::{
    Action, Actor, Decision, Delta, Event, FlowKind, History, Holdings, Kind, Point, Price,
    Standing,
};
use vagus_chain::{Header, memory::MemoryChain};
use vagus_journal::{
    OutcomeState,
    run::{Declined, Held},
};
use vagus_policy::{AssetInfo, BlockRef};

use super::{Facts, Fee, FeeKind, Report, report};
use crate::{
    attribution::{
        book::{Known, Mined},
        gather::{Gathered, Venue},
        join::Source,
    },
    testing::{policy, snapshot, vault, world_on},
};

const AGENT: Address = Address::repeat_byte(0xa9);
const WHOLE: u64 = 1_000_000;
/// 30 November 2026, 12:00 UTC.
const BEGAN_AT: u64 = 1_796_040_000;

fn strategy(number: u8) -> Address {
    Address::repeat_byte(number)
}

fn whole(amount: i64) -> I256 {
    I256::try_from(i128::from(amount) * i128::from(WHOLE)).unwrap()
}

fn delta(idle: i64, shares: [i64; 2]) -> Delta {
    Delta { idle: whole(idle), shares: shares.map(whole).to_vec() }
}

/// Worth of so many whole shares.
fn price(assets: u64, shares: u64) -> Price {
    Price { assets: U256::from(assets), shares: U256::from(shares * WHOLE) }
}

fn header(number: u64) -> Header {
    let block = BlockRef {
        number,
        hash: B256::with_last_byte(u8::try_from(number).unwrap()),
        parent_hash: B256::ZERO,
        timestamp: BEGAN_AT + (number - 100) * 21_600,
    };
    Header { block, base_fee_wei: 0 }
}

fn points() -> Vec<Point> {
    let of = |number: u64, prices: [Price; 2]| {
        let block = header(number).block;
        Point { block: number, timestamp: block.timestamp, prices: prices.to_vec() }
    };
    vec![
        of(100, [price(400 * WHOLE, 400), price(WHOLE, 1)]),
        of(101, [price(400_040_000, 400), price(1_000_200, 1)]),
        of(102, [price(100_020_000, 100), price(799_900_001, 799)]),
        of(103, [price(90_030_003, 90), price(802_100_004, 801)]),
        of(104, [price(90_040_007, 90), price(802_500_011, 801)]),
    ]
}

fn decision(gas: Option<u64>, action: Action, actor: Actor) -> Kind {
    let gas_assets = gas.map(U256::from);
    Kind::Decision(Decision { actor, action, policy_version: 3, gas_assets })
}

fn events() -> Vec<Event> {
    let event = |point, delta, kind| Event { point, delta, kind };
    vec![
        event(1, delta(500, [0, 0]), Kind::Flow(FlowKind::Deposit)),
        event(
            2,
            delta(-500, [-300, 799]),
            decision(Some(2_340_001), Action::Rebalance, Actor::Agent(AGENT)),
        ),
        event(3, delta(-25, [-10, 2]), Kind::Flow(FlowKind::InKind)),
        event(3, delta(7, [0, 0]), Kind::Flow(FlowKind::Donation)),
        event(3, delta(0, [0, 0]), decision(None, Action::Failed, Actor::Agent(AGENT))),
        event(4, delta(0, [0, 0]), decision(Some(0), Action::Pull, Actor::Guardian)),
    ]
}

fn sources() -> Vec<Source> {
    let sent = |byte: u8| Some(B256::repeat_byte(byte));
    let known = Known {
        decision: B256::repeat_byte(0xd1),
        agent: AGENT,
        reason: Reason::Income,
        native_price: NativePrice::Fixed { assets_per_native: 3_000_000_000 },
        policy_version: 3,
        is_upkeep: false,
        state: Some(OutcomeState::Executed),
        mined: Some(Mined {
            transaction: B256::repeat_byte(2),
            block: 102,
            block_hash: header(102).block.hash,
            fee_wei: U256::from(780_000_000_000_000u64),
        }),
        fills: Vec::new(),
    };
    let flow = |byte| Source { transaction: sent(byte), ..Source::default() };
    let paid = |byte, wei: u64| Source { fee_wei: Some(U256::from(wei)), ..flow(byte) };
    vec![
        flow(1),
        Source {
            decision: Some(known.decision),
            known: Some(known),
            ..paid(2, 780_000_000_000_000)
        },
        flow(3),
        flow(4),
        paid(5, 21_000_000_000_000),
        paid(6, 0),
    ]
}

fn fees() -> Vec<Fee> {
    let fee = |number, byte, kind, shares: u64, assets: Option<u64>| Fee {
        block: number,
        timestamp: header(number).block.timestamp,
        transaction: B256::repeat_byte(byte),
        kind,
        shares: U256::from(shares),
        assets: assets.map(U256::from),
    };
    vec![
        fee(101, 1, FeeKind::Management, 12_000, Some(12_001)),
        fee(103, 3, FeeKind::Management, 345, Some(346)),
        fee(103, 3, FeeKind::Performance, 2_000_000, None),
    ]
}

fn standings() -> Vec<Option<Standing>> {
    let of = |turnover_used_bps, loss_used_bps| {
        Some(Standing {
            max_weights_bps: [(strategy(1), 6_000), (strategy(2), 9_000)].into(),
            min_idle_bps: 500,
            turnover_used_bps,
            loss_used_bps,
            agent_turnover_used_bps: Some(turnover_used_bps / 2),
            agent_loss_used_bps: None,
        })
    };
    vec![None, of(0, 0), of(8_000, 20), of(5_500, 15), of(3_000, 10)]
}

fn holds() -> Vec<Held> {
    let hold = |first_block, reason, declined| Held {
        decision: Some(B256::repeat_byte(u8::try_from(first_block).unwrap())),
        first_block,
        last_block: first_block,
        last_block_at: header(first_block).block.timestamp,
        blocks: 3,
        reason,
        is_proven: true,
        declined,
    };
    let plan = |gain: u64| Declined {
        moves: 2,
        gain: U256::from(gain),
        cost: U256::from(2_500_000),
        hurdle: U256::from(1_000_000),
    };
    vec![
        hold(101, Reason::Cooldown, None),
        hold(103, Reason::BelowHurdle, Some(plan(1_200_000))),
        hold(104, Reason::BelowHurdle, Some(plan(3_400_000))),
    ]
}

/// The fixed report, with other names.
pub(crate) fn fixture(symbol: &str, names: [&str; 2]) -> Report {
    let chain = MemoryChain::new(policy(AGENT), snapshot(AGENT));
    let world = world_on(&Arc::new(chain), AGENT);
    let venue =
        |(number, name): (u8, &str)| Venue { strategy: strategy(number), name: name.to_owned() };
    let gathered = Gathered {
        asset: AssetInfo { address: vault(), symbol: symbol.to_owned(), decimals: 6 },
        venues: [(1, names[0]), (2, names[1])].map(venue).to_vec(),
        opening: header(100),
        closing: header(104),
        history: History {
            opening: Holdings {
                idle: U256::from(100 * WHOLE),
                shares: vec![U256::from(400 * WHOLE), U256::ZERO],
            },
            points: points(),
            events: events(),
        },
        sources: sources(),
        standings: standings(),
        fees: fees(),
        live_assets: Some(U256::from(974_540_018u64)),
    };
    let facts = Facts {
        vault: &world.vaults[0].config.name,
        treasury: world.vaults[0].treasury(),
        chain: &world.config.name,
        chain_id: world.config.chain_id,
        address: world.vaults[0].entry.vault,
        holds: holds(),
        has_journal: true,
        is_final: false,
    };
    report(facts, &gathered).unwrap()
}
