//! What is remembered of alerts.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;

use super::{MemoryJournal, State};
use crate::{AlertChange, AlertStore, Result, StoredAlert, StoredAlerts};

#[async_trait]
impl AlertStore for MemoryJournal {
    async fn alerts(&self) -> Result<StoredAlerts> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.read(|state| {
            let alerts = state.alerts.iter().map(|(identity, (version, body))| StoredAlert {
                identity: identity.clone(),
                version: *version,
                body: body.clone(),
            });
            Ok(StoredAlerts { now_ms, alerts: alerts.collect() })
        })
    }

    async fn change_alerts(&self, changes: &[AlertChange]) -> Result<Vec<Option<u64>>> {
        self.write("change_alerts", |state| {
            Ok(changes.iter().map(|change| state.change_alert(change)).collect())
        })
        .await
    }
}

impl State {
    fn change_alert(&mut self, change: &AlertChange) -> Option<u64> {
        let found = self.alerts.get(&change.identity).map(|(version, _)| *version);
        if found != change.expected {
            return None;
        }
        let Some(body) = &change.body else {
            self.alerts.remove(&change.identity);
            return Some(0);
        };
        self.alert_versions += 1;
        self.alerts.insert(change.identity.clone(), (self.alert_versions, body.clone()));
        Some(self.alert_versions)
    }
}
