//! Plans that are written down and not sent: a shadow's, and proposals. What becomes of them is looked at in every block.

mod proposal;
mod shadow;

use std::collections::HashMap;

use alloy::primitives::Address;
use vagus_allocator::Reason;
use vagus_chain::{Header, lifecycle::Head};
use vagus_journal::{
    DecisionRecord, Observation, Outcome, OutcomeState, RecordQuery, Simulation as SimulationNote,
};

use super::{ChainLoop, KEEPER_VERSION, RunError};
use crate::{
    crash,
    exit::{Exit, Failure},
    mode::Mode,
    report::{Event, RebalanceEvent, UpkeepEvent},
    world::VaultWorld,
};

/// Newest rebalances of a vault that are looked at; each is open for at most its deadline and finality.
const LATEST: u32 = 8;

impl ChainLoop {
    /// Writes a plan down that this keeper does not send.
    pub(super) async fn write_down(
        &self,
        vault: &VaultWorld,
        record: &DecisionRecord,
        note: SimulationNote,
        seen: Option<&Observation>,
    ) -> Result<(), RunError> {
        crash::before("stored");
        let hash = self.journal.0.append_decision(record).await?;
        let mut outcome = Outcome::new(hash, KEEPER_VERSION, self.mode.written());
        outcome.simulation = Some(note);
        self.journal.0.append_outcome(&outcome).await?;
        crash::after("stored");
        self.reporter.say(&match seen {
            Some(seen) => Event::Rebalance(RebalanceEvent::new(vault, seen, hash)),
            None => Event::Upkeep(UpkeepEvent {
                vault: vault.config.name.clone(),
                block: record.first().block().number,
                reason: record.reason(),
                decision: hash,
            }),
        });
        self.propose(vault, hash, record).await
    }

    /// Looks at what was written down and not sent. Gives back the vaults that wait for it.
    pub(super) async fn follow_unsent(
        &mut self,
        head: &Header,
        at: Head,
    ) -> Result<HashMap<Address, Reason>, RunError> {
        let mut waiting = HashMap::new();
        if self.mode.acts() {
            return Ok(waiting);
        }
        for vault in self.decided_vaults() {
            let query = RecordQuery {
                rebalances_only: true,
                newest_first: true,
                limit: Some(LATEST),
                ..RecordQuery::default()
            };
            let (chain_id, address) = (self.world.config.chain_id, vault.entry.vault);
            for stored in self.journal.0.records(chain_id, address, query).await? {
                let Some(outcome) = self.journal.0.outcome(stored.hash).await? else { continue };
                let waits = match outcome.state {
                    OutcomeState::InShadow => {
                        let is_open = self.follow_shadow(vault, &stored, outcome, head).await?;
                        is_open.then_some(Reason::InFlight)
                    }
                    OutcomeState::Proposed | OutcomeState::Included => {
                        self.follow_proposal(vault, &stored, outcome, head, at).await?
                    }
                    _ => None,
                };
                if let Some(reason) = waits {
                    let known = waiting.entry(address).or_insert(reason);
                    if reason == Reason::EndpointsDisagree {
                        *known = reason;
                    }
                }
            }
        }
        self.has_followed = true;
        Ok(waiting)
    }

    /// A journal is either of keepers that send or of their shadows: a shadow's decisions were never carried out, and
    /// nothing that was carried out may be missing among those of the others.
    pub(super) async fn refuse_the_wrong_journal(
        &self,
        stored: Option<&serde_json::Value>,
    ) -> Result<(), RunError> {
        let (chain_id, agent) = (self.world.config.chain_id, self.world.agent);
        let mut is_shadows = stored.map(|stored| stored["shadow"] == true);
        for vault in &self.world.vaults {
            let query = RecordQuery {
                rebalances_only: true,
                newest_first: true,
                limit: Some(1),
                ..RecordQuery::default()
            };
            for stored in self.journal.0.records(chain_id, vault.entry.vault, query).await? {
                let outcome = self.journal.0.outcome(stored.hash).await?;
                let state = outcome.map(|outcome| outcome.state);
                is_shadows = is_shadows.or(state
                    .map(|state| matches!(state, OutcomeState::InShadow | OutcomeState::Shadowed)));
            }
        }
        let is_shadow = self.mode == Mode::Shadow;
        match (is_shadows, is_shadow) {
            (Some(true), false) => Err(Failure::new(
                Exit::Journal,
                "The journal is a shadow's (keeper run --shadow), of which nothing was sent; expected a journal of \
                 keepers that send, or a new one.",
            )
            .into()),
            (Some(false), true) => Err(Failure::new(
                Exit::Journal,
                "The journal is of keepers that send; a shadow expects one of its own, beside it.",
            )
            .into()),
            (None, true) => {
                let mark = self.marked(serde_json::Value::Null);
                Ok(self.journal.0.put_cursor(chain_id, agent, &mark).await?)
            }
            _ => Ok(()),
        }
    }

    /// Where this keeper stands, and that it is a shadow if it is one.
    pub(super) fn marked(&self, cursor: serde_json::Value) -> serde_json::Value {
        match self.mode {
            Mode::Shadow => serde_json::json!({ "shadow": true, "cursor": cursor }),
            _ => cursor,
        }
    }
}
