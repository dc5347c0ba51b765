//! Random histories: the parts add up to the result, to the unit, by rows, by columns and in sums.

use alloy_primitives::{Address, I256, U256};
use proptest::prelude::*;
use vagus_attribution::{
    Action, Actor, Decision, Delta, Event, FlowKind, History, Holdings, Kind, Point, Price,
    attribute, series, sums,
};

/// What happens in a block: (kind, idle, shares by strategy), each taken modulo what is there.
type Step = (u8, i64, [i64; 3], [u64; 3]);

const KINDS: [FlowKind; 7] = [
    FlowKind::Deposit,
    FlowKind::Withdrawal,
    FlowKind::InKind,
    FlowKind::Donation,
    FlowKind::WriteOff,
    FlowKind::Listing,
    FlowKind::Other,
];

/// A strategy's price as it reports it: worth of all of them, or of many if there are none.
fn priced(shares: u128, worth: u64) -> Price {
    if shares == 0 {
        return Price { assets: U256::from(worth), shares: U256::from(1_000_003u64) };
    }
    Price { assets: U256::from(worth), shares: U256::from(shares) }
}

fn kind(number: u8) -> Kind {
    let actors = [
        Actor::Agent(Address::repeat_byte(1)),
        Actor::Agent(Address::repeat_byte(2)),
        Actor::Guardian,
    ];
    match KINDS.get(usize::from(number)) {
        Some(flow) => Kind::Flow(*flow),
        None => Kind::Decision(Decision {
            actor: actors[usize::from(number) % 3],
            action: if number.is_multiple_of(5) { Action::Failed } else { Action::Rebalance },
            policy_version: u64::from(number) % 4,
            gas_assets: number.is_multiple_of(2).then(|| U256::from(number)),
        }),
    }
}

/// A change that never takes more than there is.
fn change(held: &mut u128, wished: i64) -> I256 {
    let taken = u128::from(wished.unsigned_abs());
    if wished >= 0 {
        *held += taken;
        return I256::try_from(taken).unwrap();
    }
    let taken = taken.min(*held);
    *held -= taken;
    -I256::try_from(taken).unwrap()
}

fn history(opening: (u64, [u64; 3], [u64; 3]), steps: Vec<Step>) -> History {
    let (idle, shares, worth) = opening;
    let (mut held, mut lying) = (shares.map(u128::from), u128::from(idle));
    let price =
        |held: [u128; 3], worth: [u64; 3]| (0..3).map(|i| priced(held[i], worth[i])).collect();
    let mut history = History {
        opening: Holdings { idle: U256::from(idle), shares: shares.map(U256::from).to_vec() },
        points: vec![Point { block: 0, timestamp: 0, prices: price(held, worth) }],
        events: vec![],
    };
    for (place, (number, idle, shares, worth)) in steps.into_iter().enumerate() {
        let delta = Delta {
            idle: change(&mut lying, idle),
            shares: (0..3).map(|i| change(&mut held[i], shares[i])).collect(),
        };
        // Two events in a block now and then.
        let is_same = number % 7 == 3 && history.points.len() > 1;
        if is_same {
            history.points.last_mut().unwrap().prices = price(held, worth);
        } else {
            let place = u64::try_from(place).unwrap() + 1;
            let timestamp = place * 700_000;
            history.points.push(Point { block: place, timestamp, prices: price(held, worth) });
        }
        let point = history.points.len() - 1;
        history.events.push(Event { point, delta, kind: kind(number) });
    }
    history
}

fn amounts() -> impl Strategy<Value = [u64; 3]> {
    prop::array::uniform3(prop_oneof![
        Just(0),
        0..100u64,
        any::<u32>().prop_map(u64::from),
        any::<u64>()
    ])
}

fn signed_amount() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), -100..100i64, any::<i64>().prop_map(|value| value / 2)]
}

fn step() -> impl Strategy<Value = Step> {
    (0..20u8, signed_amount(), prop::array::uniform3(signed_amount()), amounts())
}

fn sum(amounts: impl IntoIterator<Item = I256>) -> I256 {
    amounts.into_iter().fold(I256::ZERO, |sum, amount| sum + amount)
}

/// V by the test's own arithmetic: what is held times what the strategy says.
fn live(history: &History, at: usize) -> I256 {
    let events = history.events.iter().filter(|event| event.point <= at);
    let (mut idle, mut held) = (
        I256::try_from(history.opening.idle).unwrap(),
        history.opening.shares.iter().map(|s| I256::try_from(*s).unwrap()).collect::<Vec<_>>(),
    );
    for event in events {
        idle += event.delta.idle;
        for (held, change) in held.iter_mut().zip(&event.delta.shares) {
            *held += *change;
        }
    }
    let prices = &history.points[at].prices;
    let worth = held.iter().zip(prices).map(|(held, price)| {
        *held * I256::try_from(price.assets).unwrap() / I256::try_from(price.shares).unwrap()
    });
    idle + sum(worth)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_parts_add_up_to_the_unit(
        opening in (any::<u64>(), amounts(), amounts()), steps in prop::collection::vec(step(), 0..40),
    ) {
        let history = history(opening, steps);
        let last = history.points.len() - 1;
        let found = attribute(&history).unwrap();
        prop_assert_eq!(found.opening_assets, live(&history, 0));
        prop_assert_eq!(found.closing_assets, live(&history, last));
        let is_flow = |place: &usize| matches!(history.events[*place].kind, Kind::Flow(_));
        let (flows, decisions): (Vec<usize>, Vec<usize>) =
            (0..history.events.len()).partition(|place| is_flow(place));
        let flowed = sum(flows.iter().map(|place| found.parts[*place].at_block));
        let result = found.closing_assets - found.opening_assets - flowed;
        prop_assert_eq!((found.flowed_assets, found.result), (flowed, result));
        let credits = sum(decisions.iter().map(|place| found.parts[*place].credit().unwrap()));
        let since = sum(flows.iter().map(|place| found.parts[*place].gained));
        prop_assert_eq!(found.held.gained + credits + since, result);
        prop_assert_eq!((found.decided, found.gained_flows), (credits, since));

        // Columns.
        for (venue, of) in found.venues.iter().enumerate() {
            let gains = sum(found.parts.iter().map(|part| part.gains[venue]));
            prop_assert_eq!(found.held.gains[venue] + gains, of.gained);
            prop_assert_eq!(of.gained_held + of.gained_decisions + of.gained_flows, of.gained);
            let brought = of.moved_assets + of.flowed_assets;
            prop_assert_eq!(of.closing_assets - of.opening_assets - brought, of.gained);
        }
        // Execution of the decisions is all that no strategy has gained.
        let executed = sum(decisions.iter().map(|place| found.parts[*place].at_block));
        prop_assert_eq!(sum(found.venues.iter().map(|of| of.gained)) + executed, result);
    }

    #[test]
    fn no_part_is_a_unit_away_from_its_exact_share(
        opening in (any::<u64>(), amounts(), amounts()), steps in prop::collection::vec(step(), 0..12),
    ) {
        let history = history(opening, steps);
        let found = attribute(&history).unwrap();
        let prices = &history.points.last().unwrap().prices;
        for (event, part) in history.events.iter().zip(&found.parts) {
            for (venue, price) in prices.iter().enumerate() {
                let of = |price: &Price| (I256::try_from(price.assets).unwrap(), I256::try_from(price.shares).unwrap());
                let ((now, under), then) = (of(price), of(&history.points[event.point].prices[venue]));
                let entered = (event.delta.shares[venue] * then.0).div_euclid(then.1);
                let off = (part.gains[venue] + entered) * under - event.delta.shares[venue] * now;
                prop_assert!(off.abs() < under, "{off} of {under}");
            }
        }
    }

    #[test]
    fn sums_and_series_end_where_the_attribution_does(
        opening in (any::<u64>(), amounts(), amounts()), steps in prop::collection::vec(step(), 1..30),
    ) {
        let history = history(opening, steps);
        let found = attribute(&history).unwrap();
        let sums = sums(&history, &found).unwrap();
        prop_assert_eq!(sums.all.credit, found.decided);
        prop_assert_eq!(sum(sums.actors.values().map(|of| of.credit)), found.decided);
        prop_assert_eq!(sum(sums.policy_versions.values().map(|of| of.credit)), found.decided);
        prop_assert_eq!(sum(sums.months.values().map(|of| of.credit)), found.decided);
        let samples = series(&history).unwrap();
        prop_assert_eq!(samples.len(), history.points.len());
        for (place, sample) in samples.iter().enumerate() {
            prop_assert_eq!(sample.total, live(&history, place));
        }
        prop_assert_eq!(samples.last().unwrap().income, found.result);
    }
}
