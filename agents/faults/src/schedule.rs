//! What goes wrong, when, at which call.

use vagus_draw::Draw;
use vagus_keeper::crash::CRASH_STEPS;
use vagus_schedules::AnswerFault;

/// Deepest ordinary reorganisation in these worlds, blocks.
pub(crate) const WINDOW: u64 = 3;
/// Blocks from the newest to the final one.
pub(crate) const FINALITY: u64 = 5;

/// Where the journal is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// One file.
    Sqlite,
    /// A server.
    Postgres,
}

/// What becomes of the transactions of blocks that are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// They are in the branch that won.
    AtOnce,
    /// They wait until it has won.
    Later,
    /// They are forgotten.
    Lost,
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
    /// An endpoint has the chain so many blocks late.
    Lags {
        /// Place of the endpoint.
        endpoint: usize,
        /// How far it is behind.
        depth: u64,
        /// For how many blocks.
        blocks: u64,
    },
    /// An endpoint gets no new block.
    StandsStill {
        /// Place of the endpoint.
        endpoint: usize,
        /// For how many blocks.
        blocks: u64,
    },
    /// An endpoint takes questions and answers none.
    Silent {
        /// Place of the endpoint.
        endpoint: usize,
        /// For how many blocks.
        blocks: u64,
    },
    /// An endpoint breaks every connection.
    Down {
        /// Place of the endpoint.
        endpoint: usize,
        /// For how many blocks.
        blocks: u64,
    },
    /// The newest blocks are replaced.
    Reorganised {
        /// How many.
        depth: u64,
        /// What becomes of their transactions.
        pool: Pool,
    },
    /// The base fee rises.
    FeeSpike {
        /// By which factor.
        factor: u64,
        /// For how many blocks.
        blocks: u64,
    },
    /// The journal's disk has no room.
    Full {
        /// For how many blocks.
        blocks: u64,
    },
    /// The server stands still, or somebody else holds the file's lock.
    Paused {
        /// For how many blocks.
        blocks: u64,
    },
    /// A day part passes, and a borrower takes a large loan.
    RatesTurn,
}

impl What {
    /// Its kind as it is counted.
    #[must_use]
    pub fn kind(&self) -> String {
        let name = match self {
            Self::Answer { fault, .. } => return format!("answer {fault:?}"),
            Self::Lags { .. } => "endpoint lags",
            Self::StandsStill { .. } => "endpoint stands still",
            Self::Silent { .. } => "endpoint silent",
            Self::Down { .. } => "endpoint down",
            Self::Reorganised { depth, .. } if *depth > FINALITY => "final rewritten",
            Self::Reorganised { depth, .. } if *depth > WINDOW => "reorg deep",
            Self::Reorganised { .. } => "reorg",
            Self::FeeSpike { .. } => "fee spike",
            Self::Full { .. } => "disk full",
            Self::Paused { .. } => "database paused",
            Self::RatesTurn => "rates turn",
        };
        name.to_owned()
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

/// The keeper's own end: `signed:2` as in its `crash` module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Place of the path.
    pub place: String,
    /// At which passage, counted from one.
    pub passage: u64,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What it was drawn from.
    pub seed: u64,
    /// Where the journal is kept.
    pub store: StoreKind,
    /// Number of endpoints.
    pub endpoints: usize,
    /// How many have to agree before money moves.
    pub quorum: usize,
    /// Blocks with events; then everything goes well until all has ended.
    pub blocks: u64,
    /// Ends of the first keepers, one after the other.
    pub crashes: Vec<Crash>,
    /// What happens.
    pub events: Vec<Event>,
}

/// Questions that a keeper asks, the more often here the more depends on them.
const METHODS: [&str; 11] = [
    "eth_getBlockByNumber",
    "eth_getBlockByNumber",
    "eth_call",
    "eth_call",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_getTransactionReceipt",
    "eth_sendRawTransaction",
    "eth_sendRawTransaction",
    "eth_sendRawTransaction",
    "eth_getBlockByHash",
];

/// Kinds of faults, each in its turn.
#[derive(Clone, Copy)]
enum Kind {
    Answer(AnswerFault),
    Lags,
    StandsStill,
    Silent,
    Down,
    Reorg,
    DeepReorg,
    Rewritten,
    FeeSpike,
    Full,
    Paused,
}

fn kinds() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = AnswerFault::ALL.into_iter().map(Kind::Answer).collect();
    // What was final and is replaced hides what else becomes of it: far from other reorganisations.
    kinds.extend([Kind::Rewritten, Kind::Lags, Kind::StandsStill, Kind::Reorg, Kind::Silent]);
    kinds.extend([Kind::Down, Kind::DeepReorg, Kind::FeeSpike, Kind::Full, Kind::Paused]);
    kinds
}

/// Every place at which a keeper can be killed.
fn places() -> Vec<String> {
    let both = |step: &&str| [format!("before-{step}"), (*step).to_owned()];
    CRASH_STEPS.iter().flat_map(both).collect()
}

/// How often 200 schedules have to meet each kind: faults 20 times, places of a kill 5. What the machine cannot do is left
/// out.
#[must_use]
pub fn floors(has_server: bool, has_small_disk: bool) -> Vec<(String, u64)> {
    let names = ["endpoint lags", "endpoint stands still", "endpoint silent", "endpoint down"];
    let worldly = ["reorg", "reorg deep", "final rewritten", "fee spike", "disk full"];
    let stores: &[&str] =
        if has_server { &["database paused", "database locked"] } else { &["database locked"] };
    let all = names.iter().chain(&worldly).chain(stores);
    let mut floors: Vec<(String, u64)> = all.map(|kind| ((*kind).to_owned(), 20)).collect();
    floors.retain(|(kind, _)| has_small_disk || kind != "disk full");
    floors.extend(AnswerFault::ALL.iter().map(|fault| (format!("answer {fault:?}"), 20)));
    floors.extend(places().into_iter().map(|place| (format!("crash {place}"), 5)));
    floors
}

impl Schedule {
    /// The schedule of a seed. Every kind of fault has its turn, so that few schedules meet all of them.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let store = if seed.is_multiple_of(2) { StoreKind::Sqlite } else { StoreKind::Postgres };
        let mut endpoints = usize::try_from(draw.within(1, 2)).unwrap_or(1);
        let mut quorum = if endpoints > 1 && draw.chance(60) { 2 } else { 1 };
        let blocks = draw.within(9, 12);
        let kinds = kinds();
        let turn = |place: u64| {
            let all = kinds.len() as u64;
            let place = usize::try_from((seed * 3 + place) % all).unwrap_or_default();
            kinds[place]
        };
        let mut wanted: Vec<Kind> = (0..3).map(turn).collect();
        // One that a schedule does not come to is not met: answers have a turn of their own.
        let answers = AnswerFault::ALL.len() as u64;
        wanted.extend((0..3).map(|place| {
            let place = usize::try_from((seed * 3 + place) % answers).unwrap_or_default();
            Kind::Answer(AnswerFault::ALL[place])
        }));
        // Only every second schedule has the store that this one is about.
        wanted.extend((seed % 6 < 2).then_some(Kind::Paused));
        if wanted.iter().any(|kind| matches!(kind, Kind::Answer(AnswerFault::Falsified))) {
            (endpoints, quorum) = (2, 2);
        }
        let mut events: Vec<Event> = wanted
            .into_iter()
            .map(|kind| {
                // While the first rebalance is under way, or later.
                let block = if draw.chance(60) {
                    draw.below(4)
                } else {
                    draw.below(blocks.saturating_sub(2))
                };
                // Nothing is full before a keeper has made it.
                let block = if matches!(kind, Kind::Full) { block.max(1) } else { block };
                let what = what(&mut draw, kind, endpoints);
                let block = match what {
                    // The first rebalance is mined in the first block, and that is seen at the next one.
                    What::Reorganised { depth, .. } if depth > 1 && draw.chance(60) => {
                        draw.within(2, depth)
                    }
                    _ => block,
                };
                Event { block, what }
            })
            .collect();
        let passage = if draw.chance(75) { 1 } else { 2 };
        if passage == 2 || draw.chance(40) {
            events.push(Event { block: draw.within(5, 7), what: What::RatesTurn });
        }
        // Not every keeper has made a journal by the time that its disk is to be full.
        let full = Event { block: 2, what: What::Full { blocks: 1 } };
        events.extend((seed % 10 == 7).then_some(full));
        events.sort_by_key(|event| event.block);
        let mut crashes = Vec::new();
        let places = places();
        // Four of five are killed, at one place after the other.
        if seed % 5 != 4 {
            let turn = (seed / 5 * 4 + seed % 5) % places.len() as u64;
            let place = places[usize::try_from(turn).unwrap_or_default()].clone();
            crashes.push(Crash { place, passage });
            if draw.chance(30) {
                let place = usize::try_from(draw.below(places.len() as u64)).unwrap_or_default();
                crashes.push(Crash { place: places[place].clone(), passage: 1 });
            }
        }
        Self { seed, store, endpoints, quorum, blocks, crashes, events }
    }

    /// Whether an endpoint may say something else than the chain, or nothing.
    #[must_use]
    pub fn has_bad_endpoints(&self) -> bool {
        self.events.iter().any(|event| {
            matches!(
                event.what,
                What::Answer { .. }
                    | What::Lags { .. }
                    | What::StandsStill { .. }
                    | What::Silent { .. }
                    | What::Down { .. }
            )
        })
    }

    /// Whether blocks that were final are replaced.
    #[must_use]
    pub fn has_rewritten(&self) -> bool {
        let is_deep = |event: &Event| matches!(event.what, What::Reorganised { depth, .. } if depth > FINALITY);
        self.events.iter().any(is_deep)
    }
}

impl Schedule {
    /// Whether any block is replaced.
    #[must_use]
    pub fn has_reorganised(&self) -> bool {
        self.events.iter().any(|event| matches!(event.what, What::Reorganised { .. }))
    }
}

fn what(draw: &mut Draw, kind: Kind, endpoints: usize) -> What {
    let endpoint = usize::try_from(draw.below(endpoints as u64)).unwrap_or_default();
    let pool = draw.pick(&[Pool::AtOnce, Pool::Later, Pool::Lost]);
    let blocks = draw.within(1, 3);
    match kind {
        Kind::Answer(fault) => {
            let method = match fault {
                AnswerFault::Falsified => draw.pick(&[
                    "eth_call",
                    "eth_call",
                    "eth_getBlockByNumber",
                    "eth_getBlockByHash",
                    "eth_getTransactionCount",
                    "eth_getTransactionCount",
                    "eth_getTransactionReceipt",
                    "eth_getTransactionReceipt",
                ]),
                // Only a transaction can arrive later and mean something.
                AnswerFault::ArrivesLater => "eth_sendRawTransaction",
                _ => draw.pick(&METHODS),
            };
            let nth = if method == "eth_sendRawTransaction" { 0 } else { draw.below(3) };
            What::Answer { endpoint, method, nth, fault }
        }
        Kind::Lags => What::Lags { endpoint, depth: draw.within(1, 4), blocks: blocks + 1 },
        Kind::StandsStill => What::StandsStill { endpoint, blocks: blocks + 1 },
        Kind::Silent => What::Silent { endpoint, blocks },
        Kind::Down => What::Down { endpoint, blocks },
        Kind::Reorg => What::Reorganised { depth: draw.within(1, WINDOW), pool },
        Kind::DeepReorg => What::Reorganised { depth: draw.within(WINDOW + 1, FINALITY), pool },
        Kind::Rewritten => {
            What::Reorganised { depth: draw.within(FINALITY + 1, FINALITY + 2), pool }
        }
        Kind::FeeSpike => What::FeeSpike { factor: draw.within(2, 200), blocks: blocks + 1 },
        Kind::Full => What::Full { blocks },
        Kind::Paused => What::Paused { blocks },
    }
}
