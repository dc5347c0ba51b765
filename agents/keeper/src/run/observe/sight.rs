//! The known end of a chain, and what is still to be done with it. Pure but for the clock that heads age by.

use std::time::Duration;

use tokio::time::Instant;
use vagus_allocator::Reason;
use vagus_chain::{Account, BlockId, Follower, HeadWatch, Header, NewHead};

use crate::config::Profile;

/// Blocks that were replaced and are not dealt with yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reorganised {
    /// The lowest height of them.
    pub(super) lowest: u64,
    /// Whether there are more of them than the window takes.
    pub(super) is_deep: bool,
}

/// The known end of the chain, and what is still to be done with it.
#[derive(Debug)]
pub(in crate::run) struct Sight {
    pub(super) follower: Follower,
    pub(super) account: Account,
    pub(super) watch: HeadWatch,
    pub(super) began: Instant,
    /// The newest block that is known to be settled.
    pub(super) finalized: Option<BlockId>,
    /// A head that is not worked off yet.
    pub(in crate::run) pending: Option<Header>,
    /// The newest head that was worked off.
    pub(in crate::run) last: Option<Header>,
    /// Height of the newest head that was decided.
    pub(super) decided: Option<u64>,
    pub(super) reorganised: Option<Reorganised>,
    /// What holds all vaults and was said already.
    pub(super) told: Option<Reason>,
    /// Whether the stored cursor was read.
    pub(super) is_resumed: bool,
    /// Whether what the cursor called final was found to stand.
    pub(super) is_finality_checked: bool,
}

impl Sight {
    pub(in crate::run) fn new(profile: &Profile) -> Self {
        Self {
            follower: Follower::new(profile.reorg_window),
            account: Account::default(),
            watch: HeadWatch::new(profile.stale_after(), Duration::ZERO),
            began: Instant::now(),
            finalized: None,
            pending: None,
            last: None,
            decided: None,
            reorganised: None,
            told: None,
            is_resumed: false,
            is_finality_checked: false,
        }
    }

    /// The block of a height, if it is among the newest known ones of the present chain.
    pub(in crate::run) fn known(&self, number: u64) -> Option<BlockId> {
        self.follower.at(number)
    }

    /// Height of the newest block that is known to be settled.
    pub(in crate::run) fn finalized_number(&self) -> Option<u64> {
        self.finalized.map(|block| block.number)
    }

    /// Age of the newest head.
    pub(in crate::run) fn head_age(&self) -> Duration {
        self.watch.age(self.began.elapsed())
    }

    /// What became of the blocks so far.
    pub(in crate::run) fn account(&self) -> Account {
        self.account
    }

    /// Whether a head is one of those to decide on: the first after `every` blocks, and any that is not above the last.
    pub(in crate::run) fn is_due(&self, head: &Header, every: u32) -> bool {
        let number = head.block.number;
        self.decided
            .is_none_or(|last| number <= last || number >= last.saturating_add(every.into()))
    }

    /// The vaults got what is theirs at this head.
    pub(in crate::run) fn decide(&mut self, head: &Header) {
        self.decided = Some(head.block.number);
    }

    /// Whether no new head came for too long.
    pub(in crate::run) fn is_stale(&self) -> bool {
        self.watch.is_stale(self.began.elapsed())
    }

    /// A head is worked off; `blanket` is why no vault was decided about at it.
    pub(in crate::run) fn done(&mut self, head: Header, blanket: Option<Reason>) {
        if blanket.is_none() {
            self.told = None;
        }
        if self.last.is_none_or(|last| last.block.hash != head.block.hash) {
            if self.decided == Some(head.block.number) {
                self.account.decide();
            } else {
                self.account.pass_over();
            }
        }
        (self.last, self.pending) = (Some(head), None);
    }

    pub(super) fn take(&mut self, new: NewHead, is_deep: bool) {
        // One that is worked off again waits for nothing.
        let is_waiting = self.pending.is_some_and(|pending| {
            self.last.is_none_or(|last| last.block.hash != pending.block.hash)
        });
        self.account.follow(new.followed, is_waiting);
        self.pending = Some(new.head);
        if new.reorg_depth == 0 {
            return;
        }
        let mut lowest = new.fork_number.saturating_add(1);
        if is_deep {
            // Where the branches part is not known: what was not final has to be looked at anew.
            lowest = lowest.min(self.finalized.map_or(0, |block| block.number.saturating_add(1)));
        }
        let before = self.reorganised.unwrap_or(Reorganised { lowest, is_deep });
        self.reorganised = Some(Reorganised {
            lowest: before.lowest.min(lowest),
            is_deep: before.is_deep || is_deep,
        });
    }
}
