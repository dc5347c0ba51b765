//! From one block of a history to the next.

mod decide;
mod market;

use std::sync::Arc;

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};
use vagus_allocator::{Inputs, Reason};
use vagus_attribution::{History, Holdings, Point, Price};
use vagus_journal::DecisionRecord;
use vagus_policy::{BlockRef, Move, Rebalance};

use crate::{
    BacktestError, Outcome, Result, Rules,
    history::{Block, Head, Summary},
    outcome::Made,
    portfolio::{Portfolio, Sight},
};

/// Version of what is kept of a backtest that goes on later. Any change of what comes out is a new version.
pub const STATE_VERSION: u32 = 1;

/// Points at regular distances, for the plots.
const SAMPLES: u64 = 60;
/// Significant binary digits of a price on the way.
const PRICE_DIGITS: usize = 120;

/// A rebalance that is decided and not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    rebalance: Rebalance,
    inputs: Inputs,
    reason: Reason,
}

/// What the record carried out, or will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Expected {
    decision: B256,
    reason: Reason,
    moves: Vec<Move>,
    inputs: Inputs,
    fee_wei: Option<U256>,
}

/// All that a backtest has to know to go on, beside the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    version: u32,
    /// Lines that were gone through.
    lines: u64,
    /// Whether the positions are the recorded ones.
    agrees: bool,
    portfolio: Option<Portfolio>,
    /// Of the own portfolio.
    pending: Option<Pending>,
    /// Of the recorded one.
    expected: Option<Expected>,
    /// Hash of the last record.
    previous: B256,
    run: Option<DecisionRecord>,
    /// Hash of the recorded run that the run is compared with.
    run_of: Option<B256>,
    opening: Option<BlockRef>,
    made: Made,
}

/// A backtest on its way through a history.
#[derive(Clone, Debug)]
pub struct Backtest {
    head: Arc<Head>,
    rules: Rules,
    /// Lines between two points of the plots.
    every: u64,
    total: u64,
    last: Option<Block>,
    state: State,
}

impl Backtest {
    /// Begins before the first block. That rules and history fit is for [`Rules::fit`] to say.
    #[must_use]
    pub fn new(summary: &Summary, rules: Rules) -> Self {
        let state = State {
            version: STATE_VERSION,
            lines: 0,
            agrees: false,
            portfolio: None,
            pending: None,
            expected: None,
            previous: B256::ZERO,
            run: None,
            run_of: None,
            opening: None,
            made: Made::default(),
        };
        Self {
            head: Arc::new(summary.head.clone()),
            rules,
            every: summary.lines.div_ceil(SAMPLES).max(1),
            total: summary.lines,
            last: None,
            state,
        }
    }

    /// What has to be kept to go on later, as JSON.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn kept(&self) -> std::result::Result<String, serde_json::Error> {
        serde_json::to_string(&self.state)
    }

    /// Lines that have been gone through.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.state.lines
    }

    /// Goes on from what was kept; `last` is the last block that had been gone through. None if it was kept by other code.
    #[must_use]
    pub fn resumed(mut self, kept: &str, last: impl FnOnce(u64) -> Option<Block>) -> Option<Self> {
        let state: State = serde_json::from_str(kept).ok()?;
        if state.version != STATE_VERSION || state.lines > self.total || state.lines == 0 {
            return None;
        }
        self.last = Some(last(state.lines)?);
        self.state = state;
        Some(self)
    }

    /// Goes on to the next block.
    ///
    /// # Errors
    /// [`BacktestError`].
    pub fn step(&mut self, block: Block) -> Result<()> {
        match self.last.take() {
            None => self.open(&block),
            Some(last) => self.go_on(&last, &block)?,
        }
        let decided = self.decide(&block)?;
        self.state.lines = self.state.lines.saturating_add(1);
        let line = self.state.lines;
        if line == 1 || line == self.total || line.is_multiple_of(self.every) {
            let head = self.head.clone();
            let sight = Sight::of(&head, &block, block.snapshot.block.timestamp);
            let at = block.snapshot.block;
            let place = self.point(&sight, at.number, at.timestamp)?;
            if let Some(standing) = self.state.made.standings.get_mut(place) {
                *standing = decided;
            }
            if line == 1 || line == self.total {
                self.exact(&sight, place)?;
            }
        }
        self.last = Some(block);
        Ok(())
    }

    fn open(&mut self, block: &Block) {
        let portfolio = Portfolio::recorded(&self.head, block);
        self.state.made.opening = Holdings { idle: portfolio.idle, shares: portfolio.shares() };
        self.state.opening = Some(block.snapshot.block);
        self.state.agrees = block.recorded.is_some() && self.rules.is_recorded(block);
        self.state.previous =
            block.recorded.as_ref().map_or(B256::ZERO, |recorded| recorded.previous);
        if !self.state.agrees {
            self.state.made.compared.own_from = Some(block.snapshot.block.number);
            self.state.previous = B256::ZERO;
        }
        self.state.portfolio = Some(portfolio);
    }

    /// The point at the end of a block, which is the last one or a new one.
    fn point(&mut self, sight: &Sight<'_>, number: u64, timestamp: u64) -> Result<usize> {
        let portfolio = self.state.portfolio.as_ref();
        let made = &mut self.state.made;
        if let Some(last) = made.points.last()
            && last.block >= number
        {
            return Ok(made.points.len() - 1);
        }
        let before = made.points.last().map(|point| point.prices.clone()).unwrap_or_default();
        let prices = sight.seen.iter().enumerate().map(|(place, seen)| {
            let Some((_, quote)) = seen else {
                return before.get(place).copied().unwrap_or(Price::NOTHING);
            };
            let position = portfolio.and_then(|all| all.positions.get(place));
            let quote = position.map_or(*quote, |own| quote.times(own.drift.price)).convert;
            let cut = quote.assets.bit_len().max(quote.shares.bit_len());
            let cut = cut.saturating_sub(PRICE_DIGITS);
            Price { assets: quote.assets >> cut, shares: (quote.shares >> cut).max(U256::ONE) }
        });
        made.points.push(Point { block: number, timestamp, prices: prices.collect() });
        made.standings.push(None);
        Ok(made.points.len() - 1)
    }

    /// Prices an end by its positions themselves, so that each is worth a whole amount.
    fn exact(&mut self, sight: &Sight<'_>, point: usize) -> Result<()> {
        let Some(portfolio) = &self.state.portfolio else { return Ok(()) };
        for (place, position) in portfolio.positions.iter().enumerate() {
            if position.shares.is_zero() {
                continue;
            }
            let Some(own) = portfolio.own(sight, place)? else {
                return Err(self.lost(sight, place));
            };
            if let Some(price) = self.state.made.points[point].prices.get_mut(place) {
                *price = Price { assets: own.state.convert_assets, shares: position.shares };
            }
        }
        Ok(())
    }

    fn lost(&self, sight: &Sight<'_>, place: usize) -> BacktestError {
        let strategy = self.head.strategies.get(place).map(|one| one.strategy).unwrap_or_default();
        BacktestError::Lost { block: sight.block.snapshot.block.number, strategy }
    }

    /// What it came to, after the last block.
    ///
    /// # Errors
    /// [`BacktestError::Record`].
    pub fn finish(mut self) -> Result<Outcome> {
        self.close_run()?;
        let made = self.state.made;
        let closing = self.last.map(|block| block.snapshot.block);
        let none = BlockRef { number: 0, hash: B256::ZERO, parent_hash: B256::ZERO, timestamp: 0 };
        Ok(Outcome {
            history: History { opening: made.opening, points: made.points, events: made.events },
            sources: made.sources,
            standings: made.standings,
            holds: made.holds,
            ends: [self.state.opening.unwrap_or(none), closing.unwrap_or(none)],
            compared: made.compared,
            followed: made.followed,
            head: self.state.previous,
        })
    }
}
