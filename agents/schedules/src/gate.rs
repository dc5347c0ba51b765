//! Faults of the journal.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use vagus_journal::{JournalError, Result, memory::Gate};

use crate::{WriteFault, plan::Plan};

/// Stands before the journal.
#[derive(Debug)]
pub(crate) struct FaultyGate {
    plan: Arc<Plan>,
    // Of the write under way: a keeper makes one at a time.
    loses_answer: AtomicBool,
}

impl FaultyGate {
    pub(crate) const fn new(plan: Arc<Plan>) -> Self {
        Self { plan, loses_answer: AtomicBool::new(false) }
    }
}

fn lost() -> JournalError {
    let (place, message) = ("memory".to_owned(), "broken off".to_owned());
    JournalError::ConnectionLost { place, message }
}

#[async_trait]
impl Gate for FaultyGate {
    async fn before(&self, call: &'static str) -> Result<()> {
        self.plan.note(call.as_bytes());
        self.plan.crash(call, false).await;
        let fault = self.plan.write_fault(call);
        if let Some(fault) = fault {
            self.plan.meet(format!("write {fault:?}"));
        }
        self.loses_answer.store(fault == Some(WriteFault::LostAfter), Ordering::Relaxed);
        let (place, message) = ("memory".to_owned(), "as planned".to_owned());
        match fault {
            None | Some(WriteFault::LostAfter) => Ok(()),
            Some(WriteFault::Full) => Err(JournalError::Full { place, message }),
            Some(WriteFault::Busy) => Err(JournalError::Busy { place, message }),
            Some(WriteFault::LostBefore) => Err(lost()),
        }
    }

    async fn after(&self, call: &'static str) -> Result<()> {
        self.plan.crash(call, true).await;
        if self.loses_answer.swap(false, Ordering::Relaxed) {
            return Err(lost());
        }
        Ok(())
    }
}
