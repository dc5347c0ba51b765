//! What goes wrong, when, at which call.

use vagus_draw::Draw;

/// What happens to one question to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerFault {
    /// It does not arrive, and that is known.
    Refused,
    /// It does not arrive, and nothing comes back.
    Lost,
    /// It arrives, and the connection breaks before the answer.
    AnswerBroken,
    /// It arrives, and nothing comes back.
    AnswerLost,
    /// It arrives twice.
    Duplicated,
    /// It arrives, and the answer takes so many milliseconds.
    Slow,
    /// Nothing comes back, and it arrives only with the next block.
    ArrivesLater,
    /// The first half of the answer comes back.
    Truncated,
    /// The answer to the question before it comes back.
    Reordered,
    /// `null` or `0x` comes back.
    Empty,
    /// It is said that the block is not there.
    Late,
    /// A page for people comes back, with a status of 503.
    Overloaded,
    /// Another state comes back than that of the chain. With a quorum of two alone.
    Falsified,
}

impl AnswerFault {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Refused,
        Self::Lost,
        Self::AnswerBroken,
        Self::AnswerLost,
        Self::Duplicated,
        Self::Slow,
        Self::ArrivesLater,
        Self::Truncated,
        Self::Reordered,
        Self::Empty,
        Self::Late,
        Self::Overloaded,
        Self::Falsified,
    ];
}

/// What happens to one write to the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WriteFault {
    /// No room is left; nothing is changed.
    Full,
    /// Somebody else holds the lock; nothing is changed.
    Busy,
    /// The connection breaks before anything is changed.
    LostBefore,
    /// The connection breaks when all is changed.
    LostAfter,
}

impl WriteFault {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Full, Self::Busy, Self::LostBefore, Self::LostAfter];
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The n-th question of a method to an endpoint from here on, counted from zero.
    Answer {
        /// Place of the endpoint.
        endpoint: usize,
        /// JSON-RPC method.
        method: &'static str,
        /// How many go well before it.
        nth: u64,
        /// What happens.
        fault: AnswerFault,
    },
    /// The n-th write of a kind from here on.
    Write {
        /// The journal's call.
        call: &'static str,
        /// How many go well before it.
        nth: u64,
        /// What happens.
        fault: WriteFault,
    },
    /// The keeper is killed at the n-th such call from here on, before it is made or before its answer is seen.
    Crash {
        /// The journal's call, or a JSON-RPC method.
        call: &'static str,
        /// Whether it is made.
        is_after: bool,
        /// How many go well before it.
        nth: u64,
    },
    /// An endpoint sees the chain so many blocks late.
    Lags {
        /// Place of the endpoint.
        endpoint: usize,
        /// How far it is behind.
        depth: usize,
        /// For how many blocks.
        blocks: u64,
    },
    /// An endpoint answers nothing.
    Down {
        /// Place of the endpoint.
        endpoint: usize,
        /// For how many blocks.
        blocks: u64,
    },
    /// The newest blocks are replaced.
    Reorganised {
        /// How many.
        depth: usize,
        /// Whether their transactions wait in the pool again.
        is_pooled: bool,
    },
    /// Blocks that were final are replaced, so many below the final one.
    Rewritten {
        /// How far below.
        below: usize,
    },
    /// The pool forgets everything.
    PoolDropped,
    /// No block carries a transaction.
    Crowded {
        /// For how many blocks.
        blocks: u64,
    },
    /// The base fee rises.
    FeeSpike {
        /// By which factor.
        factor: u128,
        /// For how many blocks.
        blocks: u64,
    },
    /// The agent's key sends a transaction that is none of the keeper's.
    Foreign {
        /// How far above its next nonce.
        ahead: u64,
    },
    /// Somebody takes so many per cent of idle out.
    Exit {
        /// Of idle.
        percent: u64,
    },
    /// Somebody brings assets, per cent of NAV.
    Entry {
        /// Of NAV.
        percent: u64,
    },
    /// Borrowers move to the other market.
    RatesTurn,
    /// The keeper does not look for so many blocks.
    Asleep {
        /// How many.
        blocks: u64,
    },
}

impl What {
    /// Its kind as it is counted.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Answer { fault, .. } => format!("answer {fault:?}"),
            Self::Write { fault, .. } => format!("write {fault:?}"),
            Self::Crash { call, is_after, .. } => {
                format!("crash {} {call}", if *is_after { "after" } else { "before" })
            }
            Self::Lags { .. } => "endpoint lags".to_owned(),
            Self::Down { .. } => "endpoint down".to_owned(),
            Self::Reorganised { depth, .. } if *depth as u64 > WINDOW => "reorg deep".to_owned(),
            Self::Reorganised { .. } => "reorg".to_owned(),
            Self::Rewritten { .. } => "final rewritten".to_owned(),
            Self::PoolDropped => "pool dropped".to_owned(),
            Self::Crowded { .. } => "crowded".to_owned(),
            Self::FeeSpike { .. } => "fee spike".to_owned(),
            Self::Foreign { .. } => "foreign use".to_owned(),
            Self::Exit { .. } => "exit".to_owned(),
            Self::Entry { .. } => "entry".to_owned(),
            Self::RatesTurn => "rates turn".to_owned(),
            Self::Asleep { .. } => "asleep".to_owned(),
        }
    }
}

/// Something that happens at a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// After which block of the schedule.
    pub block: u64,
    /// What.
    pub what: What,
}

/// Ordinary depth of a reorganisation in these worlds.
pub(crate) const WINDOW: u64 = 6;
/// Writes to the journal that a keeper makes.
pub(crate) const WRITES: [&str; 7] = [
    "append_rebalance",
    "store_attempt",
    "update_transaction",
    "append_outcome",
    "observe_holds",
    "put_cursor",
    "mark_orphaned",
];
/// Questions that a keeper asks.
pub(crate) const METHODS: [&str; 7] = [
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_call",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_sendRawTransaction",
    "eth_getLogs",
];

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What it was drawn from.
    pub seed: u64,
    /// Number of endpoints.
    pub endpoints: usize,
    /// How many have to agree before money moves.
    pub quorum: usize,
    /// Blocks from the newest to the final one.
    pub finality: u64,
    /// Blocks with events; then everything goes well until all has ended.
    pub blocks: u64,
    /// What happens.
    pub events: Vec<Event>,
}

impl Schedule {
    /// The schedule of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let endpoints = usize::try_from(draw.within(1, 3)).unwrap_or(1);
        let quorum = if endpoints > 1 && draw.chance(60) { 2 } else { 1 };
        let finality = draw.within(3, 11);
        let blocks = draw.within(14, 26);
        let mut events: Vec<Event> = (0..draw.within(2, 9))
            .map(|_| Event {
                block: draw.below(blocks),
                what: what(&mut draw, endpoints, quorum, finality),
            })
            .collect();
        // Something to do, more than once.
        let turn = draw.within(8, 12);
        events.push(Event { block: turn, what: What::RatesTurn });
        if draw.chance(6) {
            events.extend(lost_replacement(&mut draw, endpoints));
        }
        if draw.chance(4) {
            events.extend((0..endpoints).map(|endpoint| no_count(endpoint, turn)));
        }
        if quorum > 1 && draw.chance(4) {
            events.extend((0..blocks).map(false_receipt));
        }
        events.sort_by_key(|event| event.block);
        Self { seed, endpoints, quorum, finality, blocks, events }
    }
}

impl Schedule {
    /// Whether an endpoint may say something else than the chain.
    #[must_use]
    pub fn has_bad_endpoints(&self) -> bool {
        self.events.iter().any(|event| {
            matches!(event.what, What::Answer { .. } | What::Lags { .. } | What::Down { .. })
        })
    }
}

/// The market leaves what waits behind, what replaces it arrives nowhere, and the market comes back: what was signed first
/// is mined, and what was signed last never.
fn lost_replacement(draw: &mut Draw, endpoints: usize) -> Vec<Event> {
    let factor = u128::from(draw.within(4, 8));
    let (method, fault) = ("eth_sendRawTransaction", AnswerFault::Refused);
    let mut events = vec![
        Event { block: 0, what: What::Crowded { blocks: 4 } },
        Event { block: 1, what: What::FeeSpike { factor, blocks: 2 } },
    ];
    let lost = |endpoint| What::Answer { endpoint, method, nth: 0, fault };
    events.extend((0..endpoints).map(|endpoint| Event { block: 1, what: lost(endpoint) }));
    events
}

/// Nothing comes back to a question for the agent's count, when a nonce is due that is not the first.
const fn no_count(endpoint: usize, block: u64) -> Event {
    let (method, fault) = ("eth_getTransactionCount", AnswerFault::Empty);
    Event { block, what: What::Answer { endpoint, method, nth: 0, fault } }
}

/// The endpoint that is asked first says that what was mined ended otherwise, also when that is final.
const fn false_receipt(block: u64) -> Event {
    let (method, fault) = ("eth_getTransactionReceipt", AnswerFault::Falsified);
    Event { block, what: What::Answer { endpoint: 0, method, nth: 0, fault } }
}

fn what(draw: &mut Draw, endpoints: usize, quorum: usize, finality: u64) -> What {
    let endpoint = draw.index(endpoints);
    match draw.below(20) {
        0..=4 => {
            let mut fault = draw.pick(&AnswerFault::ALL);
            if fault == AnswerFault::Falsified && quorum < 2 {
                fault = AnswerFault::Truncated;
            }
            let is_call = fault == AnswerFault::Falsified;
            let falsified = ["eth_call", "eth_getTransactionReceipt"];
            let method = if is_call { draw.pick(&falsified) } else { draw.pick(&METHODS) };
            What::Answer { endpoint, method, nth: draw.below(3), fault }
        }
        5..=6 => What::Write {
            call: draw.pick(&WRITES),
            nth: draw.below(3),
            fault: draw.pick(&WriteFault::ALL),
        },
        7..=9 => {
            let is_write = draw.chance(70);
            let call = if is_write { draw.pick(&WRITES) } else { draw.pick(&METHODS) };
            What::Crash { call, is_after: draw.chance(50), nth: draw.below(3) }
        }
        10 => What::Lags {
            endpoint,
            depth: usize::try_from(draw.within(1, 4)).unwrap_or(1),
            blocks: draw.within(1, 6),
        },
        11 => What::Down { endpoint, blocks: draw.within(1, 8) },
        12 | 13 => {
            let deepest = if draw.chance(30) { finality } else { finality.min(WINDOW) };
            let depth = usize::try_from(draw.within(1, deepest)).unwrap_or(1);
            What::Reorganised { depth, is_pooled: draw.chance(60) }
        }
        14 => match draw.below(3) {
            0 => What::Rewritten { below: usize::try_from(draw.within(1, 3)).unwrap_or(1) },
            1 => What::PoolDropped,
            _ => What::Entry { percent: draw.within(1, 60) },
        },
        15 => What::Crowded { blocks: draw.within(1, 9) },
        16 => What::FeeSpike { factor: draw.within(2, 200).into(), blocks: draw.within(1, 9) },
        17 => What::Foreign { ahead: draw.below(2) },
        18 => match draw.below(2) {
            0 => What::Exit { percent: draw.within(1, 100) },
            _ => What::Asleep { blocks: draw.within(1, 12) },
        },
        _ => What::RatesTurn,
    }
}
