//! When a keeper is killed.

use std::{fmt, time::Duration};

use vagus_draw::Draw;

use crate::book::Recorded;

/// Longest time after a block at which a keeper is killed, milliseconds.
const LATEST_MS: u64 = 60;
/// Most blocks that nobody keeps before the restart.
const MOST_BLOCKS_DOWN: u64 = 2;
/// Blocks that a restarted keeper has at least to bring everything to its end.
const BLOCKS_LEFT: u64 = 8;

/// A moment of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Blocks after the keeper was hired; the first is 1.
    pub block: u64,
    /// Time since that block was mined.
    pub delay: Duration,
}

/// What ends the first keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kill {
    /// Nothing.
    Never,
    /// Its own signal 9 at a place of the path, as in the keeper's `crash` module: `signed`, `before-broadcast:2`.
    At(String),
    /// A signal 9 from outside.
    Moment {
        /// What the moment was drawn from.
        seed: u64,
        /// When.
        moment: Moment,
    },
}

/// A kill, and how long nobody keeps the treasury after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillPlan {
    /// What ends the first keeper.
    pub kill: Kill,
    /// Blocks that are mined between its end and the restart.
    pub blocks_down: u64,
}

impl KillPlan {
    /// The story as it should go.
    #[must_use]
    pub const fn never() -> Self {
        Self { kill: Kill::Never, blocks_down: 0 }
    }

    /// A kill at a place of the path.
    #[must_use]
    pub fn at(place: &str, blocks_down: u64) -> Self {
        Self { kill: Kill::At(place.to_owned()), blocks_down }
    }

    /// A kill at a moment that follows from the seed alone, in a story of this rhythm: for every second seed at a block
    /// where a rebalance is under way, otherwise at any.
    #[must_use]
    pub fn seeded(seed: u64, rhythm: &Rhythm) -> Self {
        let mut draw = Draw::new(seed);
        let last = rhythm.blocks.saturating_sub(BLOCKS_LEFT).max(1);
        let busy: Vec<u64> = rhythm.busy.iter().copied().filter(|block| *block <= last).collect();
        let block = if seed % 2 == 1 && !busy.is_empty() {
            let place = draw.below(busy.len() as u64);
            busy[usize::try_from(place).unwrap_or_default()]
        } else {
            1 + draw.below(last)
        };
        let delay = Duration::from_millis(draw.below(LATEST_MS + 1));
        let kill = Kill::Moment { seed, moment: Moment { block, delay } };
        Self { kill, blocks_down: draw.below(MOST_BLOCKS_DOWN + 1) }
    }
}

impl fmt::Display for KillPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kill {
            Kill::Never => return write!(f, "no kill"),
            Kill::At(place) => write!(f, "kill at {place}")?,
            Kill::Moment { seed, moment } => {
                let ms = moment.delay.as_millis();
                write!(f, "kill of seed {seed}, {ms} ms after block +{}", moment.block)?;
            }
        }
        write!(f, ", nobody there for {} blocks", self.blocks_down)
    }
}

/// The blocks of a story, counted from the one at which the keeper was hired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// How many there are until the keeper is dismissed.
    pub blocks: u64,
    /// Those at which a rebalance was decided, and the one after each.
    pub busy: Vec<u64>,
}

impl Rhythm {
    /// Of a story between two heights, with the journal's records.
    #[must_use]
    pub fn of(hired_at: u64, worked_until: u64, records: &[Recorded]) -> Self {
        let mut busy: Vec<u64> = records
            .iter()
            .filter(|record| !record.is_hold)
            .flat_map(|record| [record.blocks.0, record.blocks.0 + 1])
            .filter(|block| *block > hired_at)
            .map(|block| block - hired_at)
            .collect();
        busy.dedup();
        Self { blocks: worked_until.saturating_sub(hired_at), busy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_when_and_every_second_one_strikes_a_rebalance() {
        let rhythm = Rhythm { blocks: 20, busy: vec![1, 5, 6, 10, 11, 19] };
        let drawn: Vec<Moment> = (0..200)
            .map(|seed| {
                let plan = KillPlan::seeded(seed, &rhythm);
                assert_eq!(plan, KillPlan::seeded(seed, &rhythm));
                assert!(plan.blocks_down <= MOST_BLOCKS_DOWN);
                let Kill::Moment { moment, .. } = plan.kill else { panic!("{plan}") };
                assert!(moment.delay <= Duration::from_millis(LATEST_MS));
                assert!((1..=12).contains(&moment.block), "{plan}");
                assert!(seed % 2 == 0 || rhythm.busy.contains(&moment.block), "{plan}");
                moment
            })
            .collect();
        for block in 1..=12 {
            assert!(drawn.iter().any(|moment| moment.block == block), "never at {block}");
        }
    }
}
