//! The life of a transaction in a small world that does what real ones do: pools drop, blocks are reorganised away,
//! endpoints lag and lose answers, the process is killed between any two effects, and somebody else may use the key.
//! Afterwards the world turns quiet, and what the state says in the end must be what the chain says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, VecDeque};

use alloy::primitives::{B256, keccak256};
use proptest::prelude::*;
use vagus_chain::lifecycle::{
    Effect, FeePolicy, Fees, Head, Inclusion, Phase, TxEvent, TxState, step,
};

const GWEI: u128 = 1_000_000_000;
const NONCE: u64 = 7;
const FINALITY: u64 = 6;
const DEADLINE: u64 = 1_000;
const POLICY: FeePolicy = FeePolicy {
    max_fee_wei: 60 * GWEI,
    priority_fee_wei: GWEI,
    cancel_max_fee_wei: 90 * GWEI,
    rebroadcast_blocks: 2,
};

#[derive(Clone, Copy, Debug)]
struct Tx {
    hash: B256,
    fees: Fees,
    is_cancel: bool,
    is_ours: bool,
}

#[derive(Clone, Debug)]
struct Block {
    hash: B256,
    timestamp: u64,
    base_fee_wei: u128,
    tx: Option<(Tx, bool)>,
}

#[derive(Clone, Debug)]
enum Deed {
    /// A block at this base fee; whether it takes what it can, and whether the rebalance would succeed.
    Mine {
        base_fee_gwei: u128,
        takes: bool,
        succeeds: bool,
    },
    /// So many blocks are replaced by none; what was in them returns to the pool, or is lost.
    Reorg {
        depth: usize,
        returns: bool,
    },
    Drop,
    Foreign,
    /// The keeper hears of the head, by an endpoint that is so many blocks behind, and is killed after so many effects.
    Wake {
        lag: u64,
        effects_until_killed: Option<usize>,
        network: u8,
    },
}

struct World {
    /// From height 0; never empty.
    chain: Vec<Block>,
    pool: Option<Tx>,
    /// Highest height that was ever finalized.
    finalized: u64,
    state: TxState,
    /// What the journal holds of the state.
    journal: TxState,
    bytes: BTreeMap<B256, Tx>,
    counter: u64,
}

impl World {
    fn new() -> Self {
        let blocks = |n: u64| Block {
            hash: keccak256(n.to_be_bytes()),
            timestamp: 700 + n * 12,
            base_fee_wei: 10 * GWEI,
            tx: None,
        };
        let state = TxState::intended(DEADLINE, Head::default());
        Self {
            chain: (0..20).map(blocks).collect(),
            pool: None,
            finalized: 19 - FINALITY,
            journal: state.clone(),
            state,
            bytes: BTreeMap::new(),
            counter: 1_000,
        }
    }

    fn height(&self) -> u64 {
        self.chain.len() as u64 - 1
    }

    fn unique(&mut self) -> B256 {
        self.counter += 1;
        keccak256(self.counter.to_be_bytes())
    }

    /// The block in which the nonce is used, up to a height.
    fn used(&self, up_to: u64) -> Option<(u64, &Block)> {
        let mut blocks = self.chain.iter().enumerate().map(|(n, block)| (n as u64, block));
        blocks.find(|(n, block)| *n <= up_to && block.tx.is_some())
    }

    fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Mine { base_fee_gwei, takes, succeeds } => {
                self.mine(base_fee_gwei * GWEI, *takes, *succeeds);
            }
            Deed::Reorg { depth, returns } => {
                for _ in 0..*depth {
                    if self.height() <= self.finalized {
                        break;
                    }
                    let block = self.chain.pop().expect("never empty");
                    if let (Some((tx, _)), true) = (block.tx, *returns) {
                        self.pool = Some(tx);
                    }
                }
            }
            Deed::Drop => self.pool = None,
            Deed::Foreign => {
                let hash = self.unique();
                let fees = Fees { max_fee_wei: 500 * GWEI, priority_fee_wei: 50 * GWEI };
                if self.used(u64::MAX).is_none() {
                    self.pool = Some(Tx { hash, fees, is_cancel: false, is_ours: false });
                }
            }
            Deed::Wake { lag, effects_until_killed, network } => {
                self.wake(*lag, *effects_until_killed, *network);
            }
        }
    }

    fn mine(&mut self, base_fee_wei: u128, takes: bool, succeeds: bool) {
        let timestamp = self.chain[self.chain.len() - 1].timestamp + 12;
        let hash = self.unique();
        let is_free = self.used(u64::MAX).is_none();
        let can = |tx: &Tx| takes && is_free && tx.fees.max_fee_wei >= base_fee_wei;
        let tx = self.pool.filter(can);
        if tx.is_some() || !is_free {
            self.pool = None;
        }
        let succeeds = |tx: Tx| (tx, tx.is_cancel || (succeeds && timestamp <= DEADLINE));
        self.chain.push(Block { hash, timestamp, base_fee_wei, tx: tx.map(succeeds) });
        self.finalized = self.finalized.max(self.height().saturating_sub(FINALITY));
    }

    /// The keeper looks at the chain once and does what the life cycle asks for.
    fn wake(&mut self, lag: u64, mut until_killed: Option<usize>, network: u8) {
        let seen = self.height().saturating_sub(lag).max(self.finalized);
        let finalized_number = self.finalized.min(seen.saturating_sub(FINALITY));
        let newest = &self.chain[seen as usize];
        let head = Head {
            number: seen,
            timestamp: newest.timestamp,
            base_fee_wei: newest.base_fee_wei,
            finalized_number,
        };
        let mut events = VecDeque::from([TxEvent::Head(head)]);
        if self.used(finalized_number).is_some() {
            events.push_back(TxEvent::NonceFinalized { count: NONCE + 1, finalized_number });
        }
        while let Some(event) = events.pop_front() {
            let (next, effects) = step(&self.state, &event, &POLICY);
            self.state = next;
            // Stored before anything is done.
            self.journal = self.state.clone();
            for effect in effects {
                if until_killed == Some(0) {
                    // Killed, or an error on the way: then the rest is not done, and the process goes on.
                    if network != 4 {
                        self.restart();
                    }
                    return;
                }
                until_killed = until_killed.map(|left| left - 1);
                self.carry_out(&effect, seen, finalized_number, network, &mut events);
            }
        }
    }

    fn restart(&mut self) {
        let text = serde_json::to_string(&self.journal).unwrap();
        let stored = serde_json::from_str(&text).unwrap();
        // What it asks for is asked for again at the next head.
        (self.state, _) = step(&stored, &TxEvent::Restarted, &POLICY);
        self.journal = self.state.clone();
    }

    fn carry_out(
        &mut self,
        effect: &Effect,
        seen: u64,
        finalized_number: u64,
        network: u8,
        events: &mut VecDeque<TxEvent>,
    ) {
        match effect {
            Effect::ClaimNonce => events.push_back(TxEvent::NonceClaimed { nonce: NONCE }),
            Effect::Sign { nonce, fees, .. } | Effect::SignCancel { nonce, fees } => {
                assert_eq!(*nonce, NONCE);
                let is_cancel = matches!(effect, Effect::SignCancel { .. });
                let hash = self.unique();
                self.bytes.insert(hash, Tx { hash, fees: *fees, is_cancel, is_ours: true });
                let signed = TxEvent::AttemptSigned { hash, fees: *fees, is_cancel };
                events.push_back(if network == 3 { TxEvent::SignFailed } else { signed });
            }
            Effect::StoreAttempt { hash } => assert!(self.journal.is_ours(*hash)),
            Effect::Broadcast { hash } | Effect::Rebroadcast { hash } => {
                assert!(self.journal.is_ours(*hash), "broadcast before it was stored");
                let answer =
                    self.broadcast(*hash, network, matches!(effect, Effect::Broadcast { .. }));
                events.push_back(answer);
            }
            Effect::QueryReceipts { hashes } if network != 2 => {
                self.query(hashes, seen, finalized_number, events);
            }
            _ => {}
        }
    }

    /// One pool, with the replacement rule of geth: 10 % more on both fees.
    fn broadcast(&mut self, hash: B256, network: u8, is_new: bool) -> TxEvent {
        let tx = self.bytes[&hash];
        let unclear = TxEvent::BroadcastUnclear { hash };
        if network == 1 {
            return unclear;
        }
        if self.used(u64::MAX).is_some() {
            return TxEvent::NonceTooLow { hash };
        }
        if let Some(held) = self.pool {
            if held.hash == hash {
                return TxEvent::AlreadyKnown { hash };
            }
            let beats = |new: u128, old: u128| new > old && new * 10 >= old * 11;
            let is_taken = beats(tx.fees.max_fee_wei, held.fees.max_fee_wei)
                && beats(tx.fees.priority_fee_wei, held.fees.priority_fee_wei);
            if !is_taken {
                assert!(!is_new || !held.is_ours, "a replacement was underpriced");
                return unclear;
            }
        }
        self.pool = Some(tx);
        // The answer may be lost although the bytes arrived.
        if network == 2 { unclear } else { TxEvent::BroadcastOk { hash } }
    }

    fn query(
        &self,
        hashes: &[B256],
        seen: u64,
        finalized_number: u64,
        events: &mut VecDeque<TxEvent>,
    ) {
        let found = self.used(seen).and_then(|(number, block)| {
            let (tx, is_success) = block.tx?;
            hashes.contains(&tx.hash).then_some(Inclusion {
                hash: tx.hash,
                block_number: number,
                block_hash: block.hash,
                is_success,
                gas_used: 21_000,
                effective_gas_price_wei: block.base_fee_wei,
            })
        });
        match (found, self.state.phase) {
            (Some(inclusion), _) => events.push_back(TxEvent::ReceiptSeen(inclusion)),
            (None, phase) => {
                // A block that the endpoint has not reached is not gone.
                if let Phase::Included(inclusion) = phase
                    && inclusion.block_number <= seen
                {
                    events.push_back(TxEvent::ReceiptGone { hash: inclusion.hash });
                }
                events.push_back(TxEvent::ReceiptsMissing { finalized_number });
            }
        }
    }
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let killed = prop::option::weighted(0.3, 0_usize..5);
    prop_oneof![
        5 => (1_u128..130, any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(base_fee_gwei, takes, succeeds)| Deed::Mine { base_fee_gwei, takes, succeeds }),
        1 => (1_usize..5, any::<bool>()).prop_map(|(depth, returns)| Deed::Reorg { depth, returns }),
        1 => Just(Deed::Drop),
        1 => Just(Deed::Foreign),
        6 => (0_u64..3, killed, 0_u8..5)
            .prop_map(|(lag, effects_until_killed, network)| Deed::Wake { lag, effects_until_killed, network }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn ends_as_the_chain_says(deeds in prop::collection::vec(any_deed(), 0..60)) {
        let mut world = World::new();
        for deed in &deeds {
            world.act(deed);
        }
        // Quiet at last: cheap blocks that take everything, a keeper that hears everything.
        for _ in 0..80 {
            world.act(&Deed::Mine { base_fee_gwei: 5, takes: true, succeeds: true });
            world.act(&Deed::Wake { lag: 0, effects_until_killed: None, network: 0 });
        }
        prop_assert!(world.state.is_terminal(), "still {:?}", world.state);
        let truth = world.used(u64::MAX).and_then(|(_, block)| block.tx);
        match (world.state.phase, truth) {
            (Phase::Final(inclusion), Some((tx, true))) => {
                prop_assert!(tx.is_ours && !tx.is_cancel && tx.hash == inclusion.hash);
            }
            (Phase::Reverted(inclusion), Some((tx, false))) => {
                prop_assert!(tx.is_ours && !tx.is_cancel && tx.hash == inclusion.hash);
            }
            (Phase::Cancelled(inclusion), Some((tx, true))) => {
                prop_assert!(tx.is_ours && tx.is_cancel && tx.hash == inclusion.hash);
            }
            (Phase::Foreign, Some((tx, _))) => prop_assert!(!tx.is_ours),
            (Phase::Expired, truth) => prop_assert!(truth.is_none_or(|(tx, _)| !tx.is_ours)),
            (phase, truth) => prop_assert!(false, "{phase:?}, but the chain says {truth:?}"),
        }
    }
}
