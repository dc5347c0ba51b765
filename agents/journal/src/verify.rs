//! Whether the records of a vault are still the chain that was written.

use alloy_primitives::{Address, B256, keccak256};

use crate::{
    DecisionRecord, Result,
    store::{
        decisions::kind,
        sql::{Row, Tx, args, stored},
    },
};

/// What is wrong at one place of the chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// The text of a record does not have its hash.
    #[error("record {sequence}: the text hashes to {found}, expected {expected}")]
    Altered {
        /// Place of the record.
        sequence: u64,
        /// Hash of the text as it stands.
        found: B256,
        /// Hash it is stored under.
        expected: B256,
    },
    /// The text of a record is none.
    #[error("record {sequence}: {message}")]
    Unreadable {
        /// Place of the record.
        sequence: u64,
        /// Why.
        message: String,
    },
    /// A record does not name the one before it.
    #[error("record {sequence}: names {found} as the one before it, expected {expected}")]
    Unlinked {
        /// Place of the record.
        sequence: u64,
        /// The one named.
        found: B256,
        /// Hash of the record before it.
        expected: B256,
    },
    /// A place in the chain is empty.
    #[error("record {sequence} is missing")]
    Missing {
        /// The place.
        sequence: u64,
    },
    /// What is listed of a record is not what stands in it.
    #[error("record {sequence}: listed with another {what} than it holds")]
    Mislisted {
        /// Place of the record.
        sequence: u64,
        /// Which column.
        what: &'static str,
    },
    /// The journal's note of the last record is not the last record.
    #[error("the last record is {found}, expected {expected}")]
    WrongHead {
        /// Hash of the last record.
        found: B256,
        /// Hash noted.
        expected: B256,
    },
    /// The open run of holds is none, or does not follow the last record.
    #[error("the open run of holds: {message}")]
    OpenRun {
        /// Why.
        message: String,
    },
}

/// What a check of a chain found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Number of frozen records looked at.
    pub records: u64,
    /// How many of them are holds whose bodies were dropped by retention: of these, hash and links alone could be looked at.
    pub dropped: u64,
    /// Hash of the last one, zero if there is none.
    pub head: B256,
    /// Everything wrong, in the order of the chain.
    pub breaches: Vec<Breach>,
}

impl ChainReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.breaches.is_empty()
    }
}

/// Records read at once.
const PAGE: i64 = 256;

/// Walks the chain of a vault from its first record to its open run.
pub(crate) async fn verify(tx: &mut Tx, chain_id: u64, vault: Address) -> Result<ChainReport> {
    let mut walk =
        Walk { chain_id, vault, sequence: 0, dropped_before: 0, report: ChainReport::default() };
    let line = "SELECT next_sequence, head, dropped_before FROM vaults \
                WHERE chain_id = $1 AND vault = $2";
    let line = tx.row(line, args![stored(chain_id)?, vault]).await?;
    if let Some(row) = &line {
        walk.dropped_before = row.number("dropped_before")?;
    }
    loop {
        let page = tx
            .rows(
                "SELECT sequence, hash, kind, reason, first_block, last_block, body, previous FROM records \
                 WHERE chain_id = $1 AND vault = $2 AND sequence >= $3 ORDER BY sequence LIMIT $4",
                args![stored(chain_id)?, vault, stored(walk.sequence)?, PAGE],
            )
            .await?;
        if page.is_empty() {
            break;
        }
        for row in &page {
            walk.visit(row)?;
        }
    }
    if let Some(row) = line {
        walk.reach(row.number("next_sequence")?);
        let expected: B256 = row.parsed("head")?;
        if expected != walk.report.head {
            let found = walk.report.head;
            walk.report.breaches.push(Breach::WrongHead { found, expected });
        }
    }
    let sql = "SELECT body FROM open_runs WHERE chain_id = $1 AND vault = $2";
    if let Some(row) = tx.row(sql, args![stored(chain_id)?, vault]).await? {
        walk.open_run(&row.text("body")?);
    }
    Ok(walk.report)
}

struct Walk {
    chain_id: u64,
    vault: Address,
    /// The place that comes next.
    sequence: u64,
    /// Holds before this place may have no body.
    dropped_before: u64,
    report: ChainReport,
}

impl Walk {
    fn visit(&mut self, row: &Row) -> Result<()> {
        self.reach(row.number("sequence")?);
        let sequence = self.sequence;
        let expected: B256 = row.parsed("hash")?;
        let body = row.text("body")?;
        let is_dropped =
            body.is_empty() && sequence < self.dropped_before && row.text("kind")? == "hold";
        if is_dropped {
            self.link(row.parsed("previous")?);
            self.report.dropped += 1;
            self.pass(expected);
            return Ok(());
        }
        let found = keccak256(&body);
        let breaches = &mut self.report.breaches;
        if found != expected {
            breaches.push(Breach::Altered { sequence, found, expected });
        }
        match read(&body) {
            Err(message) => breaches.push(Breach::Unreadable { sequence, message }),
            Ok(record) => {
                self.link(record.previous);
                if let Some(what) = mislisted(row, &record, self.chain_id, self.vault)? {
                    self.report.breaches.push(Breach::Mislisted { sequence, what });
                }
            }
        }
        self.pass(expected);
        Ok(())
    }

    fn link(&mut self, found: B256) {
        let (sequence, expected) = (self.sequence, self.report.head);
        if found != expected {
            self.report.breaches.push(Breach::Unlinked { sequence, found, expected });
        }
    }

    fn pass(&mut self, hash: B256) {
        self.sequence += 1;
        self.report.records += 1;
        self.report.head = hash;
    }

    /// Everything between the next place and this one is missing.
    fn reach(&mut self, sequence: u64) {
        while self.sequence < sequence {
            self.report.breaches.push(Breach::Missing { sequence: self.sequence });
            self.sequence += 1;
        }
    }

    fn open_run(&mut self, body: &str) {
        let message = match read(body) {
            Err(message) => message,
            Ok(run) if !run.is_hold() => "it is not a run of holds".to_owned(),
            Ok(run) if run.header.chain_id != self.chain_id || run.header.vault != self.vault => {
                "it is another vault's".to_owned()
            }
            Ok(run) if run.previous != self.report.head => {
                "it does not follow the last record".to_owned()
            }
            Ok(_) => return,
        };
        self.report.breaches.push(Breach::OpenRun { message });
    }
}

fn read(body: &str) -> std::result::Result<DecisionRecord, String> {
    let record = DecisionRecord::from_canonical(body).map_err(|error| error.to_string())?;
    record.validate().map_err(|error| error.to_string())?;
    Ok(record)
}

/// The first column that says something else than the record.
fn mislisted(
    row: &Row,
    record: &DecisionRecord,
    chain_id: u64,
    vault: Address,
) -> Result<Option<&'static str>> {
    let checks = [
        ("chain", record.header.chain_id == chain_id),
        ("vault", record.header.vault == vault),
        ("kind", row.text("kind")? == kind(record)),
        ("reason", row.text("reason")? == format!("{:?}", record.reason())),
        ("first block", row.number("first_block")? == record.first().block().number),
        ("last block", row.number("last_block")? == record.last().block().number),
    ];
    Ok(checks.into_iter().find(|(_, is_right)| !is_right).map(|(what, _)| what))
}
