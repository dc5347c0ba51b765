//! What is remembered of alerts: rows of the keeper's own, which several keepers may write without undoing each other's.

use async_trait::async_trait;
use serde_json::Value;

use crate::Result;

/// An alert as it was last stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlert {
    /// What makes it the same one from its beginning to its end.
    pub identity: String,
    /// Grows with every write.
    pub version: u64,
    /// What the keeper wrote.
    pub body: Value,
}

/// Everything that is stored, at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredAlerts {
    /// Unix time of the database's clock, milliseconds.
    pub now_ms: u64,
    /// By identity.
    pub alerts: Vec<StoredAlert>,
}

/// One change. It is made only if the alert is still as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertChange {
    /// Which.
    pub identity: String,
    /// The version that was read; none if the alert is not stored yet.
    pub expected: Option<u64>,
    /// What is stored now; none: it is forgotten.
    pub body: Option<Value>,
}

/// Memory of alerts, shared by all keepers of a journal. No lease is asked for: a change that another keeper's came
/// before is not made, and that is all there is to lose.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Everything that is stored, and the time by the database's clock.
    ///
    /// # Errors
    /// If the database fails, or what is stored is no JSON.
    async fn alerts(&self) -> Result<StoredAlerts>;

    /// Makes changes, each on its own terms and all in one commit. Gives back, in their order, the version that each left
    /// behind (zero for one that was forgotten), or none where another keeper's change came before.
    ///
    /// # Errors
    /// If the database fails; then none is made.
    async fn change_alerts(&self, changes: &[AlertChange]) -> Result<Vec<Option<u64>>>;
}
