//! Pauses, resumptions, and what speaks against a vault.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};

use super::{
    SqlJournal,
    sql::{Pool, Row, Tx, args, damaged, stored},
};
use crate::{Intervention, InterventionAction, Outcome, Result, Standing, intervention::Strike};

/// Writes down that a person pauses or resumes a vault, in the journal at a url, while keepers may write it. A vault that
/// is resumed begins anew: what spoke against it is cleared.
///
/// # Errors
/// If the journal cannot be opened or written. Nothing was changed then.
pub async fn intervene(url: &str, intervention: &Intervention) -> Result<()> {
    let journal = SqlJournal::connect_beside(url).await?;
    let written = journal.put_intervention(intervention).await;
    journal.close().await;
    written
}

impl SqlJournal {
    async fn put_intervention(&self, made: &Intervention) -> Result<()> {
        let mut tx = self.pool.write().await?;
        // Two at once come one after the other.
        tx.lock_vault(made.chain_id, made.vault, None).await?;
        tx.run(
            "INSERT INTO interventions (chain_id, vault, sequence, action, person, reason, made_at) \
             VALUES ($1, $2, (SELECT COALESCE(MAX(sequence) + 1, 0) FROM interventions \
             WHERE chain_id = $1 AND vault = $2), $3, $4, $5, $6)",
            args![
                stored(made.chain_id)?,
                made.vault,
                name(made.action).to_owned(),
                made.person.clone(),
                made.reason.clone(),
                stored(made.made_at)?
            ],
        )
        .await?;
        if made.action == InterventionAction::Resume {
            tx.run(
                "UPDATE strikes SET is_cleared = 1 WHERE chain_id = $1 AND vault = $2",
                args![stored(made.chain_id)?, made.vault],
            )
            .await?;
        }
        tx.commit().await
    }
}

impl Tx {
    /// Keeps what an outcome says against its vault; one that was cleared stays so.
    pub(super) async fn note_strike(&mut self, outcome: &Outcome) -> Result<()> {
        match Strike::of(outcome) {
            Some(strike) => {
                self.run(
                    "INSERT INTO strikes (decision, chain_id, vault, kind, is_cleared) \
                     SELECT hash, chain_id, vault, $2, 0 FROM records WHERE hash = $1 \
                     ON CONFLICT (decision) DO UPDATE SET kind = excluded.kind",
                    args![outcome.decision, strike.name().to_owned()],
                )
                .await
            }
            None => {
                let sql = "DELETE FROM strikes WHERE decision = $1";
                self.run(sql, args![outcome.decision]).await
            }
        }
    }

    /// Keeps what a transaction cost, and what was filled before it, once that is final.
    pub(super) async fn note_fees(&mut self, outcome: &Outcome) -> Result<()> {
        for receipt in outcome.mined().filter(|_| outcome.state.is_terminal()) {
            self.run(
                "INSERT INTO fees_paid (transaction_hash, chain_id, sender, paid_at, fee_wei) \
                 SELECT $2, chain_id, sender, $3, $4 FROM transactions WHERE decision = $1 \
                 ON CONFLICT (transaction_hash) DO NOTHING",
                args![
                    outcome.decision,
                    receipt.transaction_hash,
                    stored(receipt.block_timestamp)?,
                    receipt.fee_wei().to_string()
                ],
            )
            .await?;
        }
        Ok(())
    }
}

impl Pool {
    pub(super) async fn interventions(
        &self,
        chain_id: u64,
        vault: Address,
    ) -> Result<Vec<Intervention>> {
        let sql =
            "SELECT * FROM interventions WHERE chain_id = $1 AND vault = $2 ORDER BY sequence";
        let rows = self.rows(sql, args![stored(chain_id)?, vault]).await?;
        rows.iter().map(intervention).collect()
    }

    pub(super) async fn standings(&self, chain_id: u64) -> Result<Vec<Standing>> {
        let mut tx = self.read().await?;
        let mut standings = BTreeMap::new();
        let last = tx
            .rows(
                "SELECT made.* FROM interventions AS made JOIN (SELECT vault, MAX(sequence) AS \
                 newest FROM interventions WHERE chain_id = $1 GROUP BY vault) AS last \
                 ON last.vault = made.vault AND last.newest = made.sequence \
                 WHERE made.chain_id = $1",
                args![stored(chain_id)?],
            )
            .await?;
        for row in &last {
            let made = intervention(row)?;
            let vault = made.vault;
            standings.insert(vault, Standing { last: Some(made), ..Standing::clear(vault) });
        }
        let strikes = tx
            .rows(
                "SELECT vault, kind, COUNT(*) AS count FROM strikes \
                 WHERE chain_id = $1 AND is_cleared = 0 GROUP BY vault, kind",
                args![stored(chain_id)?],
            )
            .await?;
        for row in &strikes {
            let vault: Address = row.parsed("vault")?;
            let standing = standings.entry(vault).or_insert_with(|| Standing::clear(vault));
            let count = row.number("count")?;
            match row.text("kind")?.as_str() {
                "reverted" => standing.reverted = count,
                "unpredicted" => standing.unpredicted = count,
                other => return Err(damaged("strike", &vault.to_string(), other)),
            }
        }
        Ok(standings.into_values().collect())
    }

    pub(super) async fn fees_paid(
        &self,
        chain_id: u64,
        from: Address,
        after: u64,
    ) -> Result<Vec<(B256, u128)>> {
        let sql = "SELECT transaction_hash, fee_wei FROM fees_paid \
                   WHERE chain_id = $1 AND sender = $2 AND paid_at > $3 ORDER BY paid_at";
        let args = args![stored(chain_id)?, from, stored(after)?];
        let rows = self.rows(sql, args).await?;
        rows.iter()
            .map(|row| Ok((row.parsed("transaction_hash")?, row.parsed("fee_wei")?)))
            .collect()
    }
}

const fn name(action: InterventionAction) -> &'static str {
    match action {
        InterventionAction::Pause => "pause",
        InterventionAction::Resume => "resume",
    }
}

fn intervention(row: &Row) -> Result<Intervention> {
    let vault: Address = row.parsed("vault")?;
    Ok(Intervention {
        chain_id: row.number("chain_id")?,
        vault,
        action: match row.text("action")?.as_str() {
            "pause" => InterventionAction::Pause,
            "resume" => InterventionAction::Resume,
            other => return Err(damaged("intervention", &vault.to_string(), other)),
        },
        person: row.text("person")?,
        reason: row.text("reason")?,
        made_at: row.number("made_at")?,
    })
}
