//! The keeper around the life cycle as the sender drives it: an event is taken in and stored, its effects are carried
//! out one by one in their order, and the process may end between any two. With a planted bug in it, or none.

use std::collections::VecDeque;

use vagus_chain::lifecycle::{Effect, Phase, TxEvent, TxState, step};

use crate::world::{DEADLINE, NONCE, Offered, POLICY, Tx, World, hash_of};

/// What may be wrong with the keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bug {
    None,
    /// The bytes go out before they are in the journal.
    BroadcastBeforeStore,
    /// The next nonce is one more than the last that was given out in this process.
    NonceFromACounter,
    /// After a broadcast without an answer the nonce is free again.
    NonceFreedOnTimeout,
    /// Receipts are asked for of the newest attempt only.
    NewestHashOnly,
    /// A count that could not be read is zero.
    EmptyAnswerIsZero,
    /// A receipt is believed as soon as it is seen.
    FinalAtInclusion,
    /// A replacement takes the next nonce.
    ReplacementWithANewNonce,
    /// A receipt that is gone is not noticed.
    OrphanNotReturned,
    /// After the deadline the nonce is taken back, mined or not.
    CancelAfterInclusion,
    /// The deadline passes by the clock on the wall, which is ahead of the chain's.
    WallClockDeadline,
}

/// Something still to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Event(TxEvent),
    Effect(Effect),
}

/// How an effect that uses the network ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    Works,
    /// The question does not arrive.
    Lost,
    /// It arrives, and the answer is lost.
    AnswerLost,
}

/// The keeper: memory, journal, and what is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Keeper {
    pub state: TxState,
    pub journal: TxState,
    /// Bytes in the journal.
    pub stored: Vec<Tx>,
    /// Bytes that were signed and are in memory alone.
    pub signed: Vec<Tx>,
    pub queue: VecDeque<Item>,
    pub lag: u8,
    /// Highest head that was heard of.
    pub highest: u64,
    pub would_revert: bool,
    /// Whether a receipt is known that is not gone.
    pub is_mined: bool,
    /// What must never happen, and did.
    pub breach: Option<&'static str>,
}

impl Keeper {
    pub(crate) fn new(world: &World) -> Self {
        let state = TxState::intended(DEADLINE, world.head(0));
        Self {
            journal: state.clone(),
            state,
            stored: Vec::new(),
            signed: Vec::new(),
            queue: VecDeque::new(),
            lag: 0,
            highest: 0,
            would_revert: false,
            is_mined: false,
            breach: None,
        }
    }

    /// Hears of the newest block that its endpoint has.
    pub(crate) fn wake(&mut self, world: &World, lag: u8, bug: Bug) {
        self.lag = lag;
        let mut head = world.head(lag.into());
        let finalized_number = head.finalized_number;
        self.highest = self.highest.max(head.number);
        if bug == Bug::WallClockDeadline {
            head.timestamp += 1;
        }
        if bug == Bug::FinalAtInclusion {
            head.finalized_number = head.number;
        }
        self.queue.push_back(Item::Event(TxEvent::Head(head)));
        // As the sender: of the newest count, while it waits or has seen a gap.
        let count = world.count(world.height().saturating_sub(lag.into()));
        let missing = self.state.nonce.filter(|nonce| count < *nonce).map(|_| count);
        let is_open = !self.state.is_terminal() && self.state.phase.inclusion().is_none();
        if is_open && (missing.is_some() || self.state.gap.is_some()) {
            self.queue.push_back(Item::Event(TxEvent::NonceGap { missing }));
        }
        let count = world.count(finalized_number as usize);
        if self.state.nonce.is_some_and(|nonce| count > nonce) {
            self.queue.push_back(Item::Event(TxEvent::NonceFinalized { count, finalized_number }));
        }
    }

    /// Simulated on the newest head it fails; the sender asks only while the nonce is not used there.
    pub(crate) fn told_it_would_revert(&mut self) {
        self.would_revert = true;
        self.queue.push_back(Item::Event(TxEvent::WouldRevert));
    }

    /// Nothing is left but the journal.
    pub(crate) fn restart(&mut self, world: &World) {
        self.state = self.journal.clone();
        self.state.head = world.head(0);
        self.highest = self.highest.max(self.state.head.number);
        self.signed.clear();
        self.queue = VecDeque::from([Item::Event(TxEvent::Restarted)]);
        self.lag = 0;
    }

    /// Whether the next thing to be done uses the network.
    pub(crate) fn is_networked(&self) -> bool {
        matches!(
            self.queue.front(),
            Some(Item::Effect(
                Effect::Broadcast { .. }
                    | Effect::Rebroadcast { .. }
                    | Effect::QueryReceipts { .. }
                    | Effect::ClaimNonce
            ))
        )
    }

    /// Does the next thing, and then all that does not look at the world: what happens out there meanwhile makes no
    /// difference. Ends after so many of those, if the process is to end there. Gives back how many there were.
    pub(crate) fn proceed(
        &mut self,
        world: &mut World,
        network: Network,
        bug: Bug,
        last: usize,
    ) -> usize {
        if self.is_networked()
            && let Some(Item::Effect(effect)) = self.queue.pop_front()
        {
            self.carry_out(effect, world, network, bug);
        }
        for local in 0.. {
            if local == last || self.is_networked() || self.breach.is_some() {
                return local;
            }
            match self.queue.pop_front() {
                None => return local,
                Some(Item::Event(event)) => self.take(event, bug),
                Some(Item::Effect(effect)) => self.carry_out(effect, world, network, bug),
            }
        }
        last
    }

    fn take(&mut self, event: TxEvent, bug: Bug) {
        match event {
            TxEvent::ReceiptSeen(_) => self.is_mined = true,
            TxEvent::ReceiptGone { .. } | TxEvent::Restarted => self.is_mined = false,
            _ => {}
        }
        if bug == Bug::OrphanNotReturned && matches!(event, TxEvent::ReceiptGone { .. }) {
            return;
        }
        if bug == Bug::NonceFreedOnTimeout && matches!(event, TxEvent::BroadcastUnclear { .. }) {
            self.state = TxState::intended(self.state.deadline, self.state.head);
            self.journal = self.state.clone();
            return;
        }
        let (mut next, mut effects) = step(&self.state, &event, &POLICY);
        if bug == Bug::CancelAfterInclusion
            && matches!((&event, next.phase), (TxEvent::Head(_), Phase::Included(_)))
            && next.head.timestamp > DEADLINE
            && !next.attempts.iter().any(|attempt| attempt.is_cancel)
        {
            next.phase = Phase::Cancelling;
            let (after, more) = step(&next, &event, &POLICY);
            (next, effects) = (after, more);
        }
        if bug == Bug::ReplacementWithANewNonce {
            for effect in &mut effects {
                if let Effect::Sign { nonce, replaces: Some(_), .. } = effect {
                    *nonce += 1;
                }
            }
        }
        self.state = next;
        let is_stored_late = bug == Bug::BroadcastBeforeStore
            && effects.iter().any(|effect| matches!(effect, Effect::StoreAttempt { .. }));
        // As the sender: what a signature alone comes of is stored with it.
        let is_but_signed = matches!(effects.as_slice(), [Effect::Sign { .. }]);
        if is_stored_late {
            effects.reverse();
        } else if !is_but_signed {
            self.save();
        }
        for effect in effects.into_iter().rev() {
            self.queue.push_front(Item::Effect(effect));
        }
    }

    /// State and bytes, at once.
    fn save(&mut self) {
        self.journal = self.state.clone();
        let journal = &self.journal;
        self.stored.extend(self.signed.extract_if(.., |tx| journal.is_stored(tx.hash())));
    }

    fn carry_out(&mut self, effect: Effect, world: &mut World, network: Network, bug: Bug) {
        match effect {
            Effect::ClaimNonce => self.claim(world, network, bug),
            Effect::Sign { nonce, fees, .. } | Effect::SignCancel { nonce, fees } => {
                let is_cancel = matches!(effect, Effect::SignCancel { .. });
                self.watch_signature(is_cancel);
                let id = u8::try_from(self.stored.len() + self.signed.len() + 1).unwrap_or(u8::MAX);
                self.signed.push(Tx { id, nonce, fees, is_cancel });
                let event = TxEvent::AttemptSigned { hash: hash_of(id), fees, is_cancel };
                self.queue.push_back(Item::Event(event));
            }
            Effect::SignFill { nonce, fees } => {
                let id = u8::try_from(self.stored.len() + self.signed.len() + 1).unwrap_or(u8::MAX);
                self.signed.push(Tx { id, nonce, fees, is_cancel: true });
                let event = TxEvent::FillSigned { hash: hash_of(id), nonce, fees };
                self.queue.push_back(Item::Event(event));
            }
            Effect::StoreAttempt { .. } if bug == Bug::BroadcastBeforeStore => self.save(),
            Effect::Broadcast { hash } | Effect::Rebroadcast { hash } => {
                let bytes = self.stored.iter().chain(&self.signed).find(|tx| tx.hash() == hash);
                let Some(tx) = bytes.copied() else {
                    self.breach = Some("bytes to be broadcast are not in the journal");
                    return;
                };
                let offered = match network {
                    Network::Lost => None,
                    Network::AnswerLost => {
                        world.offer(tx);
                        None
                    }
                    Network::Works => Some(world.offer(tx)),
                };
                self.queue.push_back(Item::Event(match offered {
                    Some(Offered::Taken) => TxEvent::BroadcastOk { hash },
                    Some(Offered::Known) => TxEvent::AlreadyKnown { hash },
                    Some(Offered::TooLow) => TxEvent::NonceTooLow { hash },
                    Some(Offered::Underpriced) | None => TxEvent::BroadcastUnclear { hash },
                }));
            }
            Effect::QueryReceipts { hashes } => {
                if network == Network::Works {
                    self.query(&hashes, world, bug);
                }
            }
            Effect::StoreAttempt { .. } | Effect::ReleaseNonce { .. } | Effect::Alert(_) => {}
        }
    }

    fn claim(&mut self, world: &World, network: Network, bug: Bug) {
        let seen = world.height().saturating_sub(self.lag.into());
        let nonce = match (bug, network) {
            // One was given out before, for something that never was sent.
            (Bug::NonceFromACounter, _) => NONCE + 1,
            (Bug::EmptyAnswerIsZero, Network::Lost | Network::AnswerLost) => 0,
            (_, Network::Works) => world.count(seen),
            _ => return,
        };
        self.queue.push_back(Item::Event(TxEvent::NonceClaimed { nonce }));
    }

    fn query(&mut self, hashes: &[alloy::primitives::B256], world: &World, bug: Bug) {
        let head = world.head(self.lag.into());
        // An endpoint behind the head that is decided on knows less than was known already.
        if head.number < self.state.head.number {
            return;
        }
        let newest = hashes.len().saturating_sub(1);
        let asked = if bug == Bug::NewestHashOnly { &hashes[newest..] } else { hashes };
        match world.receipt(asked, head.number as usize) {
            Some(inclusion) => self.queue.push_back(Item::Event(TxEvent::ReceiptSeen(inclusion))),
            None => {
                if let Phase::Included(inclusion) = self.state.phase {
                    let gone = TxEvent::ReceiptGone { hash: inclusion.hash };
                    self.queue.push_back(Item::Event(gone));
                }
                let finalized_number = head.finalized_number;
                let missing = TxEvent::ReceiptsMissing { finalized_number };
                self.queue.push_back(Item::Event(missing));
            }
        }
    }

    /// What is signed must still be wanted.
    fn watch_signature(&mut self, is_cancel: bool) {
        if self.is_mined {
            self.breach = Some("something was signed while a receipt was known");
        }
        let is_late = self.highest > DEADLINE;
        if is_cancel && !is_late && !self.would_revert {
            self.breach = Some("the nonce was taken back although the rebalance was still wanted");
        }
    }
}
