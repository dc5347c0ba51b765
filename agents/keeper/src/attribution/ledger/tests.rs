use alloy::{
    primitives::{Bytes, b256},
    sol,
    sol_types::SolEvent,
};
use vagus_chain::EventLog;

use super::*;

sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares);
    event Checkpointed(uint256 liveAssets, uint256 markPrice, uint256 observationPrice);
    event FeesAccrued(address indexed recipient, uint256 managementShares, uint256 performanceShares);
    event Rebalanced(address indexed agent, uint64 indexed nonce, bytes32 indexed decision, uint64 rebalanceCount, uint256 turnoverAssets, uint256 lossAssets);
    event StrategyTrimmed(address indexed by, address indexed strategy, uint256 assets);
}

const VAULT: Address = Address::repeat_byte(1);
const GUARD: Address = Address::repeat_byte(2);
const ASSET: Address = Address::repeat_byte(3);
const FIRST: Address = Address::repeat_byte(4);
const SECOND: Address = Address::repeat_byte(5);
const ANN: Address = Address::repeat_byte(9);
const DECISION: B256 = b256!("00000000000000000000000000000000000000000000000000000000000000dd");

fn log(address: Address, event: &impl SolEvent) -> EventLog {
    let data = event.encode_log_data();
    EventLog { address, topics: data.topics().to_vec(), data: data.data }
}

fn sent(token: Address, from: Address, to: Address, value: u64) -> EventLog {
    log(token, &Transfer { from, to, value: U256::from(value) })
}

fn entered(assets: u64) -> EventLog {
    let (assets, shares) = (U256::from(assets), U256::ONE);
    log(VAULT, &Deposit { sender: ANN, owner: ANN, assets, shares })
}

fn left() -> EventLog {
    let (assets, shares) = (U256::ONE, U256::ONE);
    log(VAULT, &Withdraw { sender: ANN, receiver: ANN, owner: ANN, assets, shares })
}

fn refreshed() -> EventLog {
    let none = U256::ZERO;
    log(VAULT, &Checkpointed { liveAssets: none, markPrice: none, observationPrice: none })
}

fn rebalanced() -> EventLog {
    log(
        GUARD,
        &Rebalanced {
            agent: ANN,
            nonce: 1,
            decision: DECISION,
            rebalanceCount: 1,
            turnoverAssets: U256::ONE,
            lossAssets: U256::ZERO,
        },
    )
}

/// Logs of transactions of one block.
fn block(transactions: &[Vec<EventLog>]) -> Vec<PlacedLog> {
    let logs = transactions.iter().enumerate().flat_map(|(place, logs)| {
        let byte = u8::try_from(place + 1).unwrap();
        logs.iter().map(move |log| (B256::repeat_byte(byte), log.clone()))
    });
    logs.enumerate()
        .map(|(place, (transaction, log))| PlacedLog {
            block_number: 8,
            block_hash: B256::ZERO,
            transaction,
            log_index: u64::try_from(place).unwrap(),
            log,
        })
        .collect()
}

fn delta(idle: i64, shares: [i64; 2]) -> Delta {
    let int = |value: i64| I256::try_from(value).unwrap();
    Delta { idle: int(idle), shares: shares.map(int).to_vec() }
}

fn ledger() -> Ledger {
    let contracts = Contracts { vault: VAULT, guard: GUARD, asset: ASSET };
    let list = [(FIRST, StrategyStatus::Active), (SECOND, StrategyStatus::ExitOnly)];
    Ledger::new(contracts, &[FIRST, SECOND], delta(100, [10, 20]), &list, 3)
}

fn entries(transactions: &[Vec<EventLog>], actual: Delta) -> Vec<(EntryKind, Delta)> {
    let mut ledger = ledger();
    ledger.block(8, &block(transactions), &actual);
    assert_eq!(ledger.book(), actual);
    ledger.finish().0.into_iter().map(|entry| (entry.kind, entry.delta)).collect()
}

fn flow(kind: FlowKind) -> EntryKind {
    EntryKind::Flow(kind)
}

#[test]
fn what_follows_transfers_says_what_they_were() {
    let found = entries(
        &[
            vec![refreshed(), sent(ASSET, ANN, VAULT, 50), entered(50)],
            vec![
                refreshed(),
                sent(FIRST, VAULT, Address::ZERO, 4),
                sent(ASSET, FIRST, VAULT, 5),
                sent(ASSET, VAULT, ANN, 30),
                left(),
            ],
            vec![sent(ASSET, VAULT, ANN, 40), sent(SECOND, Address::ZERO, VAULT, 39), rebalanced()],
        ],
        delta(85, [6, 59]),
    );
    assert_eq!(found[0], (flow(FlowKind::Deposit), delta(50, [0, 0])));
    assert_eq!(found[1], (flow(FlowKind::Withdrawal), delta(-25, [-4, 0])));
    assert!(matches!(found[2].0, EntryKind::Rebalance(event) if event.decision == DECISION));
    assert_eq!((&found[2].1, found.len()), (&delta(-40, [0, 39]), 3));
}

#[test]
fn gifts_beside_other_things_are_told_from_them() {
    let found = entries(
        &[
            // Before an entry, without a refresh between.
            vec![sent(ASSET, ANN, VAULT, 7), sent(ASSET, ANN, VAULT, 50), entered(50)],
            // Before a refresh, and after the end.
            vec![
                sent(FIRST, ANN, VAULT, 3),
                refreshed(),
                sent(ASSET, VAULT, ANN, 10),
                left(),
                sent(ASSET, ANN, VAULT, 2),
            ],
            vec![sent(ASSET, ANN, VAULT, 1)],
        ],
        delta(150, [13, 20]),
    );
    let gift = flow(FlowKind::Donation);
    let expected = [
        (gift, delta(7, [0, 0])),
        (flow(FlowKind::Deposit), delta(50, [0, 0])),
        (gift, delta(0, [3, 0])),
        (flow(FlowKind::Withdrawal), delta(-10, [0, 0])),
        (gift, delta(2, [0, 0])),
        (gift, delta(1, [0, 0])),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_no_event_explains_is_a_flow_of_its_own() {
    // A token that grows by itself is spent in the same block; another shrinks.
    let found = entries(&[vec![sent(ASSET, VAULT, ANN, 110), left()]], delta(2, [9, 20]));
    let expected = [
        (flow(FlowKind::Other), delta(12, [0, 0])),
        (flow(FlowKind::Withdrawal), delta(-110, [0, 0])),
        (flow(FlowKind::Other), delta(0, [-1, 0])),
    ];
    assert_eq!(found, expected);
    // What is said to have come is not there.
    let huge = U256::MAX >> 1;
    let lie = log(FIRST, &Transfer { from: ANN, to: VAULT, value: huge });
    let found = entries(&[vec![lie, sent(FIRST, ANN, VAULT, 5)]], delta(100, [10, 20]));
    let expected =
        [(flow(FlowKind::Donation), delta(0, [5, 0])), (flow(FlowKind::Other), delta(0, [-5, 0]))];
    assert_eq!(found, expected);
    // It leaves, and nothing says why.
    let found = entries(&[vec![sent(FIRST, VAULT, ANN, 10)]], delta(100, [0, 20]));
    assert_eq!(found, [(flow(FlowKind::Other), delta(0, [-10, 0]))]);
}

#[test]
fn tokens_that_are_no_holdings_change_nothing() {
    let other = Address::repeat_byte(0x77);
    let found = entries(
        &[vec![
            sent(other, ANN, VAULT, 5),
            sent(VAULT, Address::ZERO, ANN, 5),
            sent(ASSET, VAULT, VAULT, 5),
            EventLog { address: FIRST, topics: vec![], data: Bytes::new() },
        ]],
        delta(100, [10, 20]),
    );
    assert_eq!(found, []);
}

#[test]
fn a_list_takes_strategies_out_and_in_with_what_is_held() {
    let mut ledger = ledger();
    ledger.adopt(8, &[(FIRST, StrategyStatus::WrittenOff)]);
    assert_eq!(ledger.book(), delta(100, [0, 0]));
    // What is sent of one that does not count changes no holdings.
    ledger.block(9, &block(&[vec![sent(FIRST, ANN, VAULT, 5)]]), &delta(100, [15, 20]));
    ledger.adopt(10, &[(SECOND, StrategyStatus::Active), (FIRST, StrategyStatus::ExitOnly)]);
    let found: Vec<_> =
        ledger.finish().0.into_iter().map(|entry| (entry.block, entry.kind, entry.delta)).collect();
    let expected = [
        (8, flow(FlowKind::WriteOff), delta(0, [-10, 0])),
        (8, flow(FlowKind::Listing), delta(0, [0, -20])),
        (10, flow(FlowKind::Listing), delta(0, [15, 20])),
    ];
    assert_eq!(found, expected);
}

#[test]
fn fees_and_trims_are_noted() {
    let mut ledger = ledger();
    let fees = FeesAccrued {
        recipient: ANN,
        managementShares: U256::from(5),
        performanceShares: U256::from(6),
    };
    let trimmed = StrategyTrimmed { by: ANN, strategy: FIRST, assets: U256::from(4) };
    let logs = block(&[
        vec![log(VAULT, &fees)],
        vec![
            sent(FIRST, VAULT, Address::ZERO, 4),
            sent(ASSET, FIRST, VAULT, 4),
            log(GUARD, &trimmed),
        ],
    ]);
    ledger.block(8, &logs, &delta(104, [6, 20]));
    let (entries, found) = ledger.finish();
    let found: Vec<_> = found.iter().map(|of| (of.block, of.kind, of.shares)).collect();
    let expected =
        [(8, FeeKind::Management, U256::from(5)), (8, FeeKind::Performance, U256::from(6))];
    assert_eq!(found, expected);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].kind, EntryKind::Trim { by: ANN });
    assert_eq!((entries[0].policy_version, &entries[0].delta), (3, &delta(4, [-4, 0])));
}
