//! One vault at one block: decide, check, hash, simulate, store, and begin to send.

use alloy::primitives::{B256, Bytes};
use vagus_allocator::Reason;
use vagus_chain::{
    ChainError, Header, KeyError,
    lifecycle::{Head, TxEvent, TxState},
};
use vagus_journal::{
    HoldNotes, HoldObservation, Outcome, OutcomeState, Simulation as SimulationNote,
    TransactionIntent,
    draft::{self, Draft},
};
use vagus_policy::{Policy, Rebalance, Snapshot, rebalance_digest};

use super::{ChainLoop, KEEPER_VERSION, RunError, rank::Rank};
use crate::{
    crash, decide, person,
    report::{Event, HoldEvent, RebalanceEvent},
    world::VaultWorld,
};

/// A plan that is checked, and waits for its turn among those of its chain.
pub(super) struct Ready<'a> {
    vault: &'a VaultWorld,
    moment: Moment<'a>,
    policy: Option<Policy>,
    draft: Draft,
    pub(super) rank: Rank,
}

/// A hold that is decided, and waits to be stored with the others of its block.
pub(super) struct Held<'a> {
    vault: &'a VaultWorld,
    hold: HoldObservation,
    notes: HoldNotes,
}

/// What was decided about a vault.
pub(super) enum Decided<'a> {
    Hold(Box<Held<'a>>),
    Plan(Box<Ready<'a>>),
}

/// When a vault is decided about, and what is known of the chain then.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) head: &'a Header,
    pub(super) at: Head,
    /// Whether the vault has its decision for this block already.
    pub(super) is_decided: bool,
    /// Why a rebalance of the vault under way has to be waited for, if there is one.
    pub(super) in_flight: Option<Reason>,
    /// Why no vault of the chain is decided about.
    pub(super) blanket: Option<Reason>,
}

impl<'a> Decided<'a> {
    fn of(held: Held<'a>) -> Option<Self> {
        Some(Self::Hold(Box::new(held)))
    }
}

impl ChainLoop {
    /// Holds a vault that could not be read. Nothing in the record's snapshot but its place was seen.
    pub(super) async fn unseen<'a>(
        &self,
        vault: &'a VaultWorld,
        moment: Moment<'_>,
        cause: &str,
    ) -> Result<Option<Decided<'a>>, RunError> {
        if moment.is_decided {
            return Ok(None);
        }
        tracing::warn!("vault {}: not seen: {cause}", vault.config.name);
        let inputs = self.world.blind_inputs(vault, moment.head.base_fee_wei);
        let snapshot = decide::blank(self.world.config.chain_id, vault, moment.head, inputs.agent);
        let draft = draft::hold(&snapshot, &inputs, Reason::VaultUnread);
        self.hold(vault, moment.head, None, draft, None).await.map(Decided::of)
    }

    /// Gives a vault its decision for a block, once: a hold, or a plan that waits for its turn.
    pub(super) async fn vault<'a>(
        &self,
        vault: &'a VaultWorld,
        moment: Moment<'a>,
        snapshot: &Snapshot,
    ) -> Result<Option<Decided<'a>>, RunError> {
        let _step = self.step("decide", &vault.config.name);
        let Moment { head, in_flight, blanket, .. } = moment;
        let is_done = match &self.wanted {
            Some(wanted) => !wanted.is_open(),
            None => moment.is_decided,
        };
        if is_done {
            return Ok(None);
        }
        let inputs = self.data_fee.charge(self.world.inputs(vault, snapshot)?);
        let inputs = self.with_pasts(vault, inputs);
        if let Some(reason) = blanket.or_else(|| self.distrust(vault.entry.vault)) {
            let draft = draft::hold(snapshot, &inputs, reason);
            return self.hold(vault, head, None, draft, None).await.map(Decided::of);
        }
        let policy = match self.world.policy(snapshot).await {
            Err(
                error @ (ChainError::PolicyNotFound { .. } | ChainError::PolicyUnreadable { .. }),
            ) => {
                tracing::error!("vault {}: {error}", vault.config.name);
                let draft = draft::hold(snapshot, &inputs, Reason::PolicyUnread);
                return self.hold(vault, head, None, draft, None).await.map(Decided::of);
            }
            policy => policy?,
        };
        self.show_vault(vault, policy.as_ref(), snapshot);
        crash::before("decided");
        let draft = if let Some(reason) = in_flight {
            draft::hold(snapshot, &inputs, reason)
        } else {
            crash::before("checked");
            let draft = match &self.wanted {
                Some(wanted) => person::draft(policy.as_ref(), snapshot, &inputs, &wanted.moves),
                None => draft::draft(policy.as_ref(), snapshot, &inputs),
            };
            crash::after("checked");
            draft
        };
        crash::after("decided");
        if draft.plan.is_none() {
            if in_flight.is_none()
                && self.wanted.is_none()
                && self.tend(vault, moment, policy.as_ref(), snapshot, &inputs).await?
            {
                return Ok(None);
            }
            return self.hold(vault, head, policy.as_ref(), draft, None).await.map(Decided::of);
        }
        let rank = Rank::of(&draft.observation);
        Ok(Some(Decided::Plan(Box::new(Ready { vault, moment, policy, draft, rank }))))
    }

    /// Carries a plan out if there is room for it: confirmed, rehearsed, stored, sent. Otherwise gives back the hold that
    /// came of it.
    pub(super) async fn act<'a>(&self, ready: Ready<'a>) -> Result<Option<Held<'a>>, RunError> {
        let Ready { vault, moment, policy, draft, .. } = ready;
        let _step = self.step("act", &vault.config.name);
        let Moment { head, at, .. } = moment;
        let (chain_id, address) = (self.world.config.chain_id, vault.entry.vault);
        if let Some(reason) = self.no_room(head, vault.config.gas.limit, None).await? {
            let draft = draft.into_hold(reason);
            return self.hold(vault, head, policy.as_ref(), draft, None).await.map(Some);
        }
        let header = draft.header(vault.entry.lens, vault.entry.code_hashes.lens);
        let previous = self.journal.0.head_hash(chain_id, address).await?;
        let Some((record, hash, rebalance)) = draft.record(header.clone(), previous)? else {
            return self.hold(vault, head, policy.as_ref(), draft, None).await.map(Some);
        };

        let query = self.world.query(vault);
        let snapshot = &draft.observation.snapshot;
        let confirmed = self.world.endpoints.confirm(vault.entry.lens, query, head, snapshot).await;
        if let Some(reason) = self.unconfirmed(&vault.config.name, confirmed)? {
            let draft = draft.into_hold(reason);
            return self.hold(vault, head, policy.as_ref(), draft, None).await.map(Some);
        }
        let word = match self.word_on(vault, &rebalance).await {
            Ok(word) => word,
            Err(error) => {
                tracing::error!("vault {}: nothing is sent: {error}", vault.config.name);
                let draft = draft.into_hold(Reason::SignerFailed);
                return self.hold(vault, head, policy.as_ref(), draft, None).await.map(Some);
            }
        };
        crash::before("simulated");
        let call = self.rebalance_call(vault, self.world.agent, &rebalance, word.as_ref());
        let (note, newest) = self.rehearse(&call, head, rebalance.deadline).await?;
        crash::after("simulated");
        if !note.is_success {
            let draft = draft.into_failed_simulation(note.refusal);
            return self.hold(vault, head, policy.as_ref(), draft, Some(note)).await.map(Some);
        }

        if !self.mode.acts() {
            let seen = Some(&draft.observation);
            return self.write_down(vault, &record, note, seen).await.map(|()| None);
        }

        crash::before("stored");
        let state = TxState::intended(rebalance.deadline, at).with_word(word);
        let intent = TransactionIntent {
            decision: hash,
            from: self.key.address(),
            state: serde_json::to_value(&state)?,
        };
        let mut outcome = Outcome::new(hash, KEEPER_VERSION, OutcomeState::Submitted);
        outcome.simulation = Some(note);
        outcome.person = self.wanted.as_ref().map(|wanted| wanted.person.clone());
        self.journal.0.append_rebalance(&record, &intent, &outcome).await?;
        crash::after("stored");
        self.records.keep(hash, record.into());
        self.wanted.iter().for_each(|wanted| wanted.stored(hash));
        self.reporter.say(&Event::Rebalance(RebalanceEvent::new(vault, &draft.observation, hash)));

        let from = self.key.address();
        if !self.sends_for(from) {
            // The keeper that holds the key finds it.
            return Ok(None);
        }
        let sent = self.drive(hash, from, state, TxEvent::Head(at), newest).await;
        // Known from here on: everything that could be handed in was.
        if let Some(stored) = self.journal.0.transaction(hash).await? {
            let state: TxState = serde_json::from_value(stored.state)?;
            outcome.attempts = super::settle::attempts(&state, stored.from);
        }
        self.journal.0.append_outcome(&outcome).await?;
        sent.map(|_| None)
    }

    /// The word of an agent that is a contract on a rebalance, by the keys that make it; none if the agent has a key itself.
    async fn word_on(
        &self,
        vault: &VaultWorld,
        rebalance: &Rebalance,
    ) -> Result<Option<Bytes>, KeyError> {
        let Some(contract) = self.key.contract().filter(|_| self.mode.acts()) else {
            return Ok(None);
        };
        let chain_id = self.world.config.chain_id;
        let digest = rebalance_digest(rebalance, contract.agent, chain_id, vault.entry.guard);
        contract.word_on(digest, chain_id).await.map(Some)
    }

    /// Why a plan is given up because of what endpoints say; none if they agree.
    pub(super) fn unconfirmed(
        &self,
        name: &str,
        confirmed: Result<(), ChainError>,
    ) -> Result<Option<Reason>, RunError> {
        match confirmed {
            Ok(()) => Ok(None),
            Err(error @ ChainError::Disagrees { .. }) => {
                tracing::error!("vault {name}: nothing is sent: {error}");
                Ok(Some(Reason::EndpointsDisagree))
            }
            Err(error @ ChainError::NoQuorum { .. }) => {
                tracing::warn!("vault {name}: nothing is sent: {error}");
                Ok(Some(Reason::NoQuorum))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A hold as it will be stored.
    async fn hold<'a>(
        &self,
        vault: &'a VaultWorld,
        head: &Header,
        policy: Option<&Policy>,
        draft: Draft,
        simulation: Option<SimulationNote>,
    ) -> Result<Held<'a>, RunError> {
        let reason = draft.observation.decision.reason;
        if let Some(wanted) = &self.wanted {
            let message = simulation.as_ref().and_then(|note| note.message.as_deref());
            wanted.refused(person::refusal(&draft, message));
        }
        let simulation = match (reason, policy) {
            (Reason::NoMandate, Some(policy)) => {
                self.confirm_refusal(vault, head, policy, &draft).await?
            }
            _ => simulation,
        };
        let header = draft.header(vault.entry.lens, vault.entry.code_hashes.lens);
        let notes = HoldNotes { keeper_version: KEEPER_VERSION.to_owned(), simulation };
        Ok(Held { vault, hold: draft.into_hold_observation(header), notes })
    }

    /// Stores the holds of a block, all or none: one commit, however many vaults there are.
    pub(super) async fn store_holds(&self, held: Vec<Held<'_>>) -> Result<(), RunError> {
        if held.is_empty() {
            return Ok(());
        }
        let (vaults, holds): (Vec<_>, Vec<_>) =
            held.into_iter().map(|held| (held.vault, (held.hold, held.notes))).unzip();
        crash::before("stored");
        let runs = self.journal.0.observe_holds(&holds).await?;
        crash::after("stored");
        for ((vault, (hold, _)), run) in vaults.into_iter().zip(&holds).zip(runs) {
            let event = HoldEvent::new(vault, &hold.observation, run.hash, run.count);
            self.reporter.say(&Event::Hold(event));
        }
        Ok(())
    }

    /// Asks the guard itself whether it refuses the agent, once per run of holds, with the smallest moves there are.
    async fn confirm_refusal(
        &self,
        vault: &VaultWorld,
        head: &Header,
        policy: &Policy,
        draft: &Draft,
    ) -> Result<Option<SimulationNote>, RunError> {
        let snapshot = &draft.observation.snapshot;
        let open = self.journal.0.open_run(snapshot.chain_id, snapshot.vault.vault).await?;
        if open.is_some_and(|run| run.reason() == Reason::NoMandate) {
            return Ok(None);
        }
        let Some(moves) = draft::smallest_moves(policy, snapshot) else { return Ok(None) };
        let mut rebalance = draft::rebalance(None, snapshot, &draft.observation.inputs, moves);
        rebalance.decision = B256::ZERO;
        let at = self.next_block_at(head).min(rebalance.deadline);
        let call = self.rebalance_call(vault, self.world.agent, &rebalance, None);
        let note = self.try_out(&call, head, at).await?;
        if note.is_success {
            tracing::error!(
                "vault {}: the rules here refuse the agent, but the guard would not; nothing is sent",
                vault.config.name
            );
        }
        Ok(Some(note))
    }
}
