//! Loans that come and go, so that another market pays best from one turn to the next.

use alloy::primitives::U256;
use anyhow::Result;

use crate::{
    many::{Many, STRATEGIES, SUPPLY},
    venues,
};

/// Morpho markets of the world.
const MARKETS: usize = STRATEGIES - 2;
/// Part of a market's supply that is borrowed for a turn.
const LOAN_PERCENT: u64 = 22;

/// Which market is short of money now.
#[derive(Debug, Default)]
pub(super) struct Tide {
    turns: usize,
}

impl Tide {
    /// Ends the last loan and takes the next; both are mined with the next block.
    pub(super) async fn turn(&mut self, world: &Many) -> Result<()> {
        let unit = U256::from(10u8).pow(U256::from(world.venues.asset.decimals));
        let loan = U256::from(SUPPLY * LOAN_PERCENT / 100) * unit;
        if let Some(last) = self.turns.checked_sub(1) {
            venues::repay_morpho(&world.chain, &world.venues, last % MARKETS, loan).await?;
        }
        venues::borrow_morpho(&world.chain, &world.venues, self.turns % MARKETS, loan).await?;
        self.turns += 1;
        Ok(())
    }
}
