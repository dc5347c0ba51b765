//! Leases over PostgreSQL; a SQLite file has one process, which holds everything.

use std::{sync::Arc, time::Duration};

use alloy_primitives::Address;
use async_trait::async_trait;

use super::{
    Journal, SqlJournal,
    sql::{Row, Tx, args, damaged, stored},
};
use crate::{Lease, LeaseKey, Leases, LiveKeeper, Result, Scope, Service, Session};

/// The one session of a journal of one process, and the token of all its leases.
const ALONE: Session = Session(1);
/// A session that has said nothing for so long, in milliseconds, is forgotten.
const FORGOTTEN_AFTER: i64 = 24 * 3_600 * 1_000;

fn milliseconds(time: Duration) -> Result<i64> {
    stored(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[async_trait]
impl Leases for SqlJournal {
    async fn join(&self, name: &str) -> Result<Session> {
        if !self.pool.is_postgres() {
            return Ok(ALONE);
        }
        let mut tx = self.pool.write().await?;
        tx.run(
            "DELETE FROM keepers WHERE session < journal_now() - $1 AND NOT EXISTS (SELECT 1 FROM members \
             WHERE members.session = keepers.session AND expires_at > journal_now() - $1)",
            args![FORGOTTEN_AFTER],
        )
        .await?;
        // The clock makes sessions of a database that was set up anew different from those of the one before.
        let row = tx
            .row(
                "INSERT INTO keepers (session, name) VALUES ((SELECT GREATEST(journal_now(), \
                 COALESCE(MAX(session) + 1, 0)) FROM keepers), $1) RETURNING session",
                args![name.to_owned()],
            )
            .await?
            .ok_or_else(|| damaged("keeper", name, "it cannot be entered"))?;
        tx.commit().await?;
        Ok(Session(row.number("session")?))
    }

    async fn beat(
        &self,
        session: Session,
        chain_id: u64,
        keys: &[LeaseKey],
        time: Duration,
    ) -> Result<Vec<Service>> {
        if !self.pool.is_postgres() {
            let own = |key: &LeaseKey| Service { key: *key, session, holder: Some(session) };
            return Ok(keys.iter().map(own).collect());
        }
        let mut tx = self.pool.write().await?;
        tx.run(
            "INSERT INTO members (session, chain_id, expires_at) VALUES ($1, $2, journal_now() + $3) \
             ON CONFLICT (session, chain_id) DO UPDATE SET expires_at = excluded.expires_at",
            args![stored(session.0)?, stored(chain_id)?, milliseconds(time)?],
        )
        .await?;
        tx.serve(session, chain_id, keys).await?;
        let rows = tx
            .rows(
                "SELECT services.session, services.chain_id, services.scope, services.account, \
                 CASE WHEN leases.expires_at > journal_now() THEN leases.session END AS holder \
                 FROM services JOIN members USING (session, chain_id) \
                 LEFT JOIN leases USING (chain_id, scope, account) \
                 WHERE members.expires_at > journal_now()",
                args![],
            )
            .await?;
        tx.commit().await?;
        rows.iter().map(service).collect()
    }

    async fn acquire(
        &self,
        session: Session,
        key: LeaseKey,
        time: Duration,
    ) -> Result<Option<Lease>> {
        if !self.pool.is_postgres() {
            return Ok(Some(Lease { key, session, token: 1 }));
        }
        let mut tx = self.pool.write().await?;
        let row = tx
            .row(
                "INSERT INTO leases (chain_id, scope, account, token, session, expires_at) \
                 VALUES ($1, $2, $3, 1, $4, journal_now() + $5) \
                 ON CONFLICT (chain_id, scope, account) DO UPDATE SET \
                 token = CASE WHEN leases.session = $4 THEN leases.token ELSE leases.token + 1 END, \
                 session = $4, expires_at = journal_now() + $5 \
                 WHERE leases.session IS NULL OR leases.session = $4 \
                 OR leases.expires_at <= journal_now() RETURNING token",
                args![
                    stored(key.chain_id)?,
                    key.scope.name().to_owned(),
                    key.account,
                    stored(session.0)?,
                    milliseconds(time)?
                ],
            )
            .await?;
        tx.commit().await?;
        row.map(|row| Ok(Lease { key, session, token: row.number("token")? })).transpose()
    }

    async fn renew(&self, leases: &[Lease], time: Duration) -> Result<Vec<Lease>> {
        if !self.pool.is_postgres() {
            return Ok(leases.to_vec());
        }
        let mut tx = self.pool.write().await?;
        let mut held = Vec::new();
        for lease in in_order(leases) {
            let sql = "UPDATE leases SET expires_at = journal_now() + $6 WHERE chain_id = $1 \
                       AND scope = $2 AND account = $3 AND session = $4 AND token = $5 \
                       RETURNING token";
            let [chain_id, scope, account, session, token] = named(&lease)?;
            let values = [chain_id, scope, account, session, token, milliseconds(time)?.into()];
            if tx.row(sql, values).await?.is_some() {
                held.push(lease);
            }
        }
        tx.commit().await?;
        Ok(held)
    }

    async fn release(&self, leases: &[Lease]) -> Result<()> {
        if !self.pool.is_postgres() {
            return Ok(());
        }
        let mut tx = self.pool.write().await?;
        for lease in in_order(leases) {
            tx.run(
                "UPDATE leases SET session = NULL, expires_at = journal_now() WHERE chain_id = $1 \
                 AND scope = $2 AND account = $3 AND session = $4 AND token = $5",
                named(&lease)?,
            )
            .await?;
        }
        tx.commit().await
    }

    async fn leave(&self, session: Session, chain_id: u64) -> Result<()> {
        if !self.pool.is_postgres() {
            return Ok(());
        }
        let mut tx = self.pool.write().await?;
        let values = || Ok::<_, crate::JournalError>(args![stored(session.0)?, stored(chain_id)?]);
        tx.run(
            "UPDATE leases SET session = NULL, expires_at = journal_now() \
             WHERE session = $1 AND chain_id = $2",
            values()?,
        )
        .await?;
        tx.run("DELETE FROM members WHERE session = $1 AND chain_id = $2", values()?).await?;
        tx.commit().await
    }

    async fn live_keepers(&self) -> Result<Vec<LiveKeeper>> {
        if !self.pool.is_postgres() {
            return Ok(Vec::new());
        }
        let sql = "SELECT session, name, (SELECT COUNT(*) FROM leases WHERE \
                   leases.session = keepers.session AND expires_at > journal_now()) AS leases \
                   FROM keepers WHERE EXISTS (SELECT 1 FROM members WHERE \
                   members.session = keepers.session AND expires_at > journal_now()) \
                   ORDER BY session";
        let rows = self.pool.rows(sql, args![]).await?;
        let keeper = |row: &Row| {
            let session = Session(row.number("session")?);
            Ok(LiveKeeper { session, name: row.text("name")?, leases: row.number("leases")? })
        };
        rows.iter().map(keeper).collect()
    }

    fn fenced(&self, leases: &[Lease]) -> Arc<dyn Journal> {
        Arc::new(self.under(leases))
    }
}

impl Tx {
    /// Notes what a session could hold on a chain; usually it is noted already.
    async fn serve(&mut self, session: Session, chain_id: u64, keys: &[LeaseKey]) -> Result<()> {
        let known = self
            .rows(
                "SELECT session, chain_id, scope, account, CAST(NULL AS BIGINT) AS holder \
                 FROM services WHERE session = $1 AND chain_id = $2",
                args![stored(session.0)?, stored(chain_id)?],
            )
            .await?;
        let known = known.iter().map(service).collect::<Result<Vec<_>>>()?;
        let is_known = |key: &LeaseKey| known.iter().any(|service| service.key == *key);
        for gone in known.iter().filter(|service| !keys.contains(&service.key)) {
            self.run(
                "DELETE FROM services WHERE chain_id = $1 AND scope = $2 AND account = $3 \
                 AND session = $4",
                args![
                    stored(chain_id)?,
                    gone.key.scope.name().to_owned(),
                    gone.key.account,
                    stored(session.0)?
                ],
            )
            .await?;
        }
        for key in keys.iter().filter(|key| key.chain_id == chain_id && !is_known(key)) {
            self.run(
                "INSERT INTO services (chain_id, scope, account, session) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT DO NOTHING",
                args![
                    stored(chain_id)?,
                    key.scope.name().to_owned(),
                    key.account,
                    stored(session.0)?
                ],
            )
            .await?;
        }
        Ok(())
    }
}

/// All lock rows in one order, so that no two wait for each other.
fn in_order(leases: &[Lease]) -> Vec<Lease> {
    let mut leases = leases.to_vec();
    leases.sort_unstable_by_key(|lease| lease.key);
    leases
}

fn named(lease: &Lease) -> Result<[super::sql::Arg; 5]> {
    Ok(args![
        stored(lease.key.chain_id)?,
        lease.key.scope.name().to_owned(),
        lease.key.account,
        stored(lease.session.0)?,
        stored(lease.token)?
    ])
}

fn service(row: &Row) -> Result<Service> {
    let scope = match row.text("scope")?.as_str() {
        "vault" => Scope::Vault,
        "key" => Scope::Key,
        other => return Err(damaged("scope", other, "expected vault or key")),
    };
    let account: Address = row.parsed("account")?;
    Ok(Service {
        key: LeaseKey { chain_id: row.number("chain_id")?, scope, account },
        session: Session(row.number("session")?),
        holder: row.optional_number("holder")?.map(Session),
    })
}
