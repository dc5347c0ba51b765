//! The sixteen histories: their seeds and what kind of year each is.
//!
//! Seeds and kinds were chosen by what a year can be like, and committed before the allocator was run on any of them; only what
//! standing still brings in them had been looked at. A
//! change of either makes all figures new.

/// Where a market is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Venue {
    /// A market of Aave V3, entered through Aave's static token.
    AaveV3,
    /// A market of Morpho Blue with the adaptive curve, entered through our strategy.
    MorphoBlue,
}

/// A factor around one that wanders from step to step and comes back. Parts of a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wander {
    /// Longest way that it goes in a step.
    pub step: u64,
    /// Part of its distance from one that it comes back in a step.
    pub back: u64,
}

/// What happens now and then at a market, and passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Chance in a step, of a thousand.
    pub chance: u64,
    /// The factor at its height, of a thousand.
    pub factor: u64,
    /// Steps that it lasts.
    pub steps: u64,
}

/// Never.
const NEVER: Event = Event { chance: 0, factor: 1_000, steps: 0 };
/// As it is.
const STILL: Wander = Wander { step: 0, back: 0 };

/// One year of some markets and of the treasury among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Its name in the figures.
    pub name: &'static str,
    /// Decides everything that is drawn.
    pub seed: u64,
    /// What kind of year it is, for people.
    pub about: &'static str,
    /// The treasury at the beginning, whole units of the asset.
    pub treasury: u64,
    /// Base fee, gwei, drawn anew at each step.
    pub base_fee_gwei: (u64, u64),
    /// The markets.
    pub venues: &'static [Venue],
    /// What others have lent to a market at the beginning, whole units.
    pub lent: (u64, u64),
    /// The yearly borrow rate at which borrowers take the whole of what they ask for, basis points.
    pub fair_rate_bps: (u64, u64),
    /// Part of what is lent at the beginning that borrowers of a market ask for at the fair rate, basis points.
    pub asked_bps: (u64, u64),
    /// Where the fair rates of all markets are at the end of the year, of a thousand.
    pub trend: u64,
    /// How the fair rates of all markets wander together.
    pub common: Wander,
    /// How the fair rate of each market wanders by itself.
    pub own: Wander,
    /// How what others lend to each market wanders.
    pub lenders: Wander,
    /// Days after which another market is in favour, with a fair rate half as high again; zero: none ever is.
    pub favour_days: u64,
    /// Borrowers of a market want far more for a while.
    pub rush: Event,
    /// Lenders of a market leave for a while.
    pub flight: Event,
}

impl History {
    /// Whether nothing happens at one market that does not happen at all of them.
    #[must_use]
    pub const fn is_alike(&self) -> bool {
        self.own.step == 0 && self.lenders.step == 0
    }
}

const AAVE: Venue = Venue::AaveV3;
const MORPHO: Venue = Venue::MorphoBlue;
const MIXED: &[Venue] = &[AAVE, MORPHO, AAVE, MORPHO];
const FOUR_MORPHO: &[Venue] = &[MORPHO, MORPHO, MORPHO, MORPHO];

/// An ordinary year, of which the others differ.
const CALM: History = History {
    name: "calm",
    seed: 1,
    about: "rates wander a little, each market by itself",
    treasury: 5_000_000,
    base_fee_gwei: (1, 8),
    venues: MIXED,
    lent: (20_000_000, 60_000_000),
    fair_rate_bps: (350, 700),
    asked_bps: (8_000, 9_500),
    trend: 1_000,
    common: Wander { step: 10, back: 10 },
    own: Wander { step: 20, back: 15 },
    lenders: Wander { step: 10, back: 15 },
    favour_days: 0,
    rush: NEVER,
    flight: NEVER,
};

/// All of them.
pub const HISTORIES: [History; 16] = [
    CALM,
    History {
        name: "large treasury",
        seed: 2,
        about: "a treasury that moves the rates of the markets it enters",
        treasury: 40_000_000,
        ..CALM
    },
    History {
        name: "four Morpho markets",
        seed: 3,
        about: "adaptive curves alone, for which the two bots were made",
        treasury: 10_000_000,
        venues: FOUR_MORPHO,
        ..CALM
    },
    History {
        name: "small Morpho markets",
        seed: 4,
        about: "adaptive curves alone, in markets not much larger than the treasury",
        treasury: 6_000_000,
        venues: FOUR_MORPHO,
        lent: (3_000_000, 12_000_000),
        own: Wander { step: 30, back: 15 },
        ..CALM
    },
    History {
        name: "long rushes",
        seed: 5,
        about: "borrowers of a market want twice as much for ten days",
        rush: Event { chance: 5, factor: 2_000, steps: 30 },
        ..CALM
    },
    History {
        name: "short rushes",
        seed: 6,
        about: "borrowers of a market want three times as much for 16 hours: over before it is worth following",
        rush: Event { chance: 20, factor: 3_000, steps: 2 },
        ..CALM
    },
    History {
        name: "collapse",
        seed: 7,
        about: "rates fall to a fifth over the year",
        trend: 200,
        ..CALM
    },
    History {
        name: "boom",
        seed: 8,
        about: "rates rise to the threefold over the year",
        trend: 3_000,
        own: Wander { step: 30, back: 15 },
        ..CALM
    },
    History {
        name: "changing favour",
        seed: 9,
        about: "every 45 days borrowers prefer another market",
        favour_days: 45,
        ..CALM
    },
    History {
        name: "flights",
        seed: 10,
        about: "half of the lenders of a market leave for a week: rates jump and nobody gets out",
        flight: Event { chance: 5, factor: 500, steps: 21 },
        ..CALM
    },
    History {
        name: "flights and rushes",
        seed: 11,
        about: "both, in markets not much larger than the treasury",
        treasury: 3_000_000,
        lent: (3_000_000, 12_000_000),
        rush: Event { chance: 8, factor: 2_000, steps: 9 },
        flight: Event { chance: 8, factor: 600, steps: 9 },
        ..CALM
    },
    History {
        name: "dear gas",
        seed: 12,
        about: "gas is dear for a treasury of this size",
        treasury: 60_000,
        base_fee_gwei: (40, 120),
        ..CALM
    },
    History {
        name: "tiny treasury",
        seed: 13,
        about: "a rebalance costs what the treasury earns in weeks",
        treasury: 15_000,
        base_fee_gwei: (20, 50),
        ..CALM
    },
    History {
        name: "tiny treasury, short rushes",
        seed: 14,
        about: "the same where rates jump and fall back",
        treasury: 15_000,
        base_fee_gwei: (20, 50),
        rush: Event { chance: 20, factor: 3_000, steps: 2 },
        ..CALM
    },
    History {
        name: "all together",
        seed: 15,
        about: "the same terms everywhere, and rates that move together: there is nothing to choose",
        venues: FOUR_MORPHO,
        fair_rate_bps: (500, 500),
        asked_bps: (9_000, 9_000),
        common: Wander { step: 40, back: 10 },
        own: STILL,
        lenders: STILL,
        ..CALM
    },
    History {
        name: "all together, dear gas",
        seed: 16,
        about: "the same for a small treasury under dear gas",
        treasury: 200_000,
        base_fee_gwei: (60, 150),
        venues: FOUR_MORPHO,
        fair_rate_bps: (500, 500),
        asked_bps: (9_000, 9_000),
        common: Wander { step: 40, back: 10 },
        own: STILL,
        lenders: STILL,
        ..CALM
    },
];
