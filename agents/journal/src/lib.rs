//! The journal: why the keeper did what it did, and what came of it.
//!
//! A decision is recorded in two parts. The [`DecisionRecord`] is hashed: everything the decision was made from and
//! everything it says, and nothing that another machine would not see. Its hash is the `decision` in the rebalance and
//! in the guard's event, and each record names the one before it, so that the records of a vault are a chain. The
//! [`Outcome`] is appended beside it: simulation, attempts, receipt, finality.
//!
//! [`Journal`] is what the keeper writes to and [`ReadJournal`] what everything else reads from; [`SqlJournal`]
//! implements both on one SQLite file or on PostgreSQL, [`JournalReader`] the reading alone, from another process.
//! [`Leases`] keep several keepers on one PostgreSQL apart; [`backup`] and [`restore`] copy a whole journal, and [`judge`]
//! says whether one is older than what the chain knows. A [`RecordFile`] carries one decision out of it.

mod alerts;
mod continuity;
pub mod draft;
mod error;
pub mod file;
mod intervention;
pub mod lease;
pub mod memory;
pub mod outcome;
pub mod record;
pub mod run;
mod store;
pub mod transaction;
mod verify;

pub use alerts::{AlertChange, AlertStore, StoredAlert, StoredAlerts};
pub use continuity::{Adoption, Continuity, Known, OnChain, judge, known};
pub use error::{ErrorKind, JournalError, Result};
pub use file::{Anchor, FileError, FiledRecord, RECORD_FILE_VERSION, RecordFile};
pub use intervention::{
    Intervention, InterventionAction, MOST_REVERTED, MOST_UNPREDICTED, Standing,
};
pub use lease::{Lease, LeaseKey, Leases, LiveKeeper, Scope, Service, Session, spread};
pub use memory::MemoryJournal;
pub use outcome::{
    AttemptSummary, Outcome, OutcomeState, Person, ReceiptSummary, Revert, RevertCause, Settlement,
    ShadowEnd, ShadowLeg, ShadowNotes, Simulation,
};
pub use record::{
    Body, Check, DecisionRecord, Header, HoldObservation, Observation, RECORD_SCHEMA_VERSION,
    RecordError, RunKey, Upkeep, canonical_hash,
};
pub use store::{
    CopyReport, HoldNotes, HoldRun, Journal, JournalReader, JournalSize, LONGEST_RUN_SECONDS,
    Patience, Pauses, ReadJournal, RecordQuery, SqlJournal, StoredRecord, backup, intervene,
    restore,
};
pub use transaction::{Attempt, StoredTransaction, TransactionIntent, TransactionUpdate};
pub use verify::{Breach, ChainReport};
