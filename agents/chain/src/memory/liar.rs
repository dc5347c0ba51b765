//! An endpoint that does not tell the truth.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;

use super::MemoryChain;
use crate::{Chain, EndpointUrl, HttpChain, Wire, WireAnswer, WireError};

/// Answers for a chain in process, and changes what it answers to one method while it lies.
#[derive(Debug)]
pub struct Liar {
    /// Of which it tells.
    pub chain: Arc<MemoryChain>,
    /// Whether it lies now.
    pub lies: Arc<AtomicBool>,
    /// What it lies about.
    pub method: &'static str,
    /// What it makes of the result.
    pub change: fn(&mut Value),
}

impl Liar {
    /// As an endpoint.
    ///
    /// # Panics
    /// Never: the address is a fixed one.
    #[must_use]
    pub fn endpoint(self) -> Arc<dyn Chain> {
        let Ok(url) = EndpointUrl::parse("http://liar") else { unreachable!("a fixed address") };
        Arc::new(HttpChain::over(Arc::new(self), url, Duration::from_secs(5)))
    }
}

#[async_trait]
impl Wire for Liar {
    async fn exchange(&self, body: Vec<u8>) -> Result<WireAnswer, WireError> {
        let failed = |error: serde_json::Error| WireError::Unreachable(error.to_string());
        let request: Value = serde_json::from_slice(&body).map_err(failed)?;
        let mut answer = self.chain.answer(&request, 0);
        if self.lies.load(Ordering::SeqCst) && request["method"] == self.method {
            (self.change)(&mut answer["result"]);
        }
        Ok(WireAnswer { status: Ok(()), body: answer.to_string().into_bytes() })
    }
}
