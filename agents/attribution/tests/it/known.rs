//! A small history whose figures were worked out by hand.

use alloy_primitives::{Address, I256, U256};
use vagus_attribution::{
    Action, Actor, AttributionError, Decision, Delta, Event, FlowKind, History, Holdings, Kind,
    Point, Price, attribute, series, sums,
};

fn int(value: i64) -> I256 {
    I256::try_from(value).unwrap()
}

fn price(assets: u64, shares: u64) -> Price {
    Price { assets: U256::from(assets), shares: U256::from(shares) }
}

fn point(block: u64, timestamp: u64, prices: [Price; 2]) -> Point {
    Point { block, timestamp, prices: prices.to_vec() }
}

fn delta(idle: i64, shares: [i64; 2]) -> Delta {
    Delta { idle: int(idle), shares: shares.map(int).to_vec() }
}

const AGENT: Actor = Actor::Agent(Address::repeat_byte(7));

fn decision(gas: Option<u64>) -> Kind {
    let gas_assets = gas.map(U256::from);
    Kind::Decision(Decision {
        actor: AGENT,
        action: Action::Rebalance,
        policy_version: 3,
        gas_assets,
    })
}

/// 1,000 idle and 100 shares of the first at 10. A deposit of 500; then 600 go from idle into the second, which gives 59 shares
/// at 10 (ten lost on the way); then 20 shares of the first leave in kind at 11. In the end the first is worth 12, the second 11.
fn story() -> History {
    History {
        opening: Holdings { idle: U256::from(1_000), shares: vec![U256::from(100), U256::ZERO] },
        points: vec![
            point(10, 1_767_139_200, [price(1_000, 100), price(10, 1)]),
            point(11, 1_767_139_212, [price(1_050, 100), price(10, 1)]),
            point(12, 1_767_225_600, [price(1_050, 100), price(590, 59)]),
            point(13, 1_767_225_612, [price(880, 80), price(10, 1)]),
            point(20, 1_767_225_700, [price(960, 80), price(649, 59)]),
        ],
        events: vec![
            Event { point: 1, delta: delta(500, [0, 0]), kind: Kind::Flow(FlowKind::Deposit) },
            Event { point: 2, delta: delta(-600, [0, 59]), kind: decision(Some(4)) },
            Event { point: 3, delta: delta(0, [-20, 0]), kind: Kind::Flow(FlowKind::InKind) },
            Event { point: 3, delta: delta(0, [0, 0]), kind: decision(None) },
        ],
    }
}

#[test]
fn the_figures_are_those_worked_out_by_hand() {
    let history = story();
    let found = attribute(&history).unwrap();
    assert_eq!((found.opening_assets, found.closing_assets), (int(2_000), int(900 + 960 + 649)));
    // 500 in, 20 × 11 out.
    assert_eq!(found.flowed_assets, int(280));
    assert_eq!(found.result, int(2_509 - 2_000 - 280));
    // 100 shares from 10 to 12.
    assert_eq!((found.held.gained, found.held.at_block), (int(200), int(0)));
    // Ten lost on the way, 59 earned since.
    let moved = &found.parts[1];
    assert_eq!((moved.at_block, moved.gained), (int(-10), int(59)));
    assert_eq!(moved.gains, [int(0), int(59)]);
    // Whoever left in kind took what would have earned 20.
    assert_eq!((found.parts[2].at_block, found.parts[2].gained), (int(-220), int(-20)));
    assert_eq!((found.decided, found.gained_flows), (int(49), int(-20)));
    assert_eq!(found.held.gained + found.decided + found.gained_flows, found.result);
    let first = found.venues[0];
    assert_eq!(
        (first.gained, first.gained_held, first.gained_flows),
        (int(180), int(200), int(-20))
    );
    assert_eq!((first.flowed_assets, first.moved_assets), (int(-220), int(0)));
    let second = found.venues[1];
    assert_eq!((second.opening_assets, second.closing_assets), (int(0), int(649)));
    assert_eq!((second.moved_assets, second.gained), (int(590), int(59)));
}

#[test]
fn sums_are_by_actor_version_and_month() {
    let history = story();
    let sums = sums(&history, &attribute(&history).unwrap()).unwrap();
    assert_eq!(sums.all.decisions, 2);
    assert_eq!(
        (sums.all.credit, sums.all.gas_assets, sums.all.unpriced),
        (int(49), U256::from(4), 1)
    );
    assert_eq!(sums.all.net().unwrap(), int(45));
    assert_eq!(sums.actors.into_iter().collect::<Vec<_>>(), [(AGENT, sums.all)]);
    assert_eq!(sums.policy_versions.into_iter().collect::<Vec<_>>(), [(3, sums.all)]);
    assert_eq!(sums.months.into_keys().collect::<Vec<_>>(), [(2026, 1)]);
}

#[test]
fn the_series_ends_where_the_attribution_does_and_shows_other_ways() {
    let history = story();
    let found = attribute(&history).unwrap();
    let samples = series(&history).unwrap();
    let last = samples.last().unwrap();
    assert_eq!((last.total, last.income), (found.closing_assets, found.result));
    assert_eq!(last.unmanaged, found.held.gained + found.gained_flows);
    assert_eq!(last.actors[&AGENT], found.decided - int(4));
    // 2,000 at 10, 500 at 10.5 (47 shares), 220 back at 11 (21 shares, rounded against us).
    let shares = 200 + 47 - 20;
    assert_eq!(last.single[0], Some(int(shares * 12 - 2_280)));
    assert_eq!((samples[0].income, samples[0].unmanaged), (int(0), int(0)));
    assert_eq!(samples[2].values, [int(1_050), int(590)]);
}

/// Three events of one share each at a price of 4/3 between them, where nothing divides evenly.
#[test]
fn remainders_go_to_the_largest_and_of_equal_ones_to_the_earliest() {
    let entry = |shares: i64| Event {
        point: 1,
        delta: delta(0, [shares, 0]),
        kind: Kind::Flow(FlowKind::Donation),
    };
    let history = History {
        opening: Holdings { idle: U256::ZERO, shares: vec![U256::from(3), U256::ZERO] },
        points: vec![
            point(1, 1, [price(3, 3), price(1, 1)]),
            point(2, 2, [price(6, 6), price(1, 1)]),
            point(3, 3, [price(8, 6), price(1, 1)]),
        ],
        events: vec![entry(1), entry(1), entry(1)],
    };
    let found = attribute(&history).unwrap();
    // 3 × 4/3 is whole; the others get 4/3 − 1 each, and one unit together.
    assert_eq!(found.held.gained, int(1));
    let gains: Vec<I256> = found.parts.iter().map(|part| part.gained).collect();
    assert_eq!(gains, [int(1), int(0), int(0)]);
    assert_eq!(found.result, int(2));
}

#[test]
fn histories_that_cannot_be_are_refused() {
    let refused = |change: fn(&mut History)| {
        let mut history = story();
        change(&mut history);
        attribute(&history).unwrap_err()
    };
    assert!(matches!(
        refused(|history| history.points[4].prices[0] = price(961, 81)),
        AttributionError::NotWhole { venue: 0, block: 20 }
    ));
    assert!(matches!(
        refused(|history| history.points[0].prices[0] = price(1, 0)),
        AttributionError::OutOfRange { .. }
    ));
    assert!(matches!(
        refused(|history| history.events[2].delta = delta(0, [-101, 0])),
        AttributionError::Negative { venue: Some(0), block: 13 }
    ));
    assert!(matches!(
        refused(|history| history.events[1].delta = delta(-1_501, [0, 59])),
        AttributionError::Negative { venue: None, block: 12 }
    ));
    assert!(matches!(
        refused(|history| history.events.swap(0, 1)),
        AttributionError::Unordered { what: "events", place: 1 }
    ));
    assert!(matches!(
        refused(|history| history.points.swap(2, 3)),
        AttributionError::Unordered { what: "points", .. }
    ));
    assert!(matches!(
        refused(|history| history.events[0].point = 9),
        AttributionError::Unordered { .. }
    ));
    assert!(matches!(
        refused(|history| history.events[3].point = 9),
        AttributionError::Misaligned { .. }
    ));
    assert!(matches!(
        refused(|history| history.events[0].delta.shares.clear()),
        AttributionError::Misaligned { found: 0, expected: 2, .. }
    ));
    assert!(matches!(
        refused(|history| history.points.clear()),
        AttributionError::Misaligned { .. }
    ));
    assert!(matches!(
        attribute(&History::default()),
        Err(AttributionError::Unordered { what: "points", place: 0 })
    ));
}
