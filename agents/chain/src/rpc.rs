//! A JSON-RPC client of our own, small enough to see that no key of an endpoint's address reaches an error or a log,
//! that every request ends in time, and that nothing is sent twice.

mod wire;
mod wording;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::primitives::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use self::wire::HttpWire;
pub use wire::{Wire, WireAnswer, WireError};
pub(crate) use wording::{BlockTrouble, block_trouble, is_revert};

use crate::{ChainError, ChainResult, EndpointUrl};

/// How often a method was asked of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests.
    pub asked: u64,
    /// Those of them that got no answer, an error, or one that makes no sense.
    pub failed: u64,
}

#[derive(Debug)]
pub(crate) struct Rpc {
    wire: Arc<dyn Wire>,
    url: EndpointUrl,
    timeout: Duration,
    next_id: AtomicU64,
    tallies: Mutex<BTreeMap<&'static str, Tally>>,
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'static str,
    id: u64,
    method: &'a str,
    params: P,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    id: Value,
    // Null is the answer "none"; absent is no answer.
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<ErrorObject>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct ErrorObject {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Value,
}

/// Revert data hides in different places: the text itself, or inside an object.
fn revert_data(data: &Value) -> Option<Bytes> {
    match data {
        Value::String(text) => text.parse().ok(),
        Value::Object(fields) => fields.values().find_map(revert_data),
        _ => None,
    }
}

impl Rpc {
    pub(crate) fn new(url: EndpointUrl, timeout: Duration) -> ChainResult<Self> {
        let wire = HttpWire::new(url.clone(), timeout)?;
        Ok(Self::over(Arc::new(wire), url, timeout))
    }

    pub(crate) fn over(wire: Arc<dyn Wire>, url: EndpointUrl, timeout: Duration) -> Self {
        let (next_id, tallies) = (AtomicU64::new(1), Mutex::default());
        Self { wire, url, timeout, next_id, tallies }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.url.to_string()
    }

    pub(crate) fn malformed(
        &self,
        method: &'static str,
        cause: impl std::fmt::Display,
    ) -> ChainError {
        ChainError::Malformed { endpoint: self.endpoint(), method, cause: cause.to_string() }
    }

    pub(crate) fn tallies(&self) -> Vec<(&'static str, Tally)> {
        let tallies = self.tallies.lock().unwrap_or_else(|e| e.into_inner());
        tallies.iter().map(|(method, tally)| (*method, *tally)).collect()
    }

    pub(crate) async fn request<P: Serialize + Send, R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: P,
    ) -> ChainResult<R> {
        // Counted before it is known how it ends, so that one that is dropped half-way counts as well.
        self.count(method, |tally| tally.asked = tally.asked.saturating_add(1));
        let answer = self.exchange(method, params).await;
        let answer = answer.and_then(|result| {
            serde_json::from_value(result).map_err(|error| self.malformed(method, error))
        });
        if answer.is_err() {
            self.count(method, |tally| tally.failed = tally.failed.saturating_add(1));
        }
        answer
    }

    fn count(&self, method: &'static str, change: impl FnOnce(&mut Tally)) {
        // A poisoned lock only means that another task died between two whole numbers.
        let mut tallies = self.tallies.lock().unwrap_or_else(|e| e.into_inner());
        change(tallies.entry(method).or_default());
    }

    async fn exchange<P: Serialize + Send>(
        &self,
        method: &'static str,
        params: P,
    ) -> ChainResult<Value> {
        let unreachable =
            |cause: String| ChainError::Unreachable { endpoint: self.endpoint(), cause };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = Request { jsonrpc: "2.0", id, method, params };
        let request = serde_json::to_vec(&request)
            .map_err(|error| self.malformed(method, format_args!("the question: {error}")))?;
        let exchange = self.wire.exchange(request);
        let WireAnswer { status, body } = match tokio::time::timeout(self.timeout, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(WireError::Unreachable(cause))) => return Err(unreachable(cause)),
            Ok(Err(WireError::TooLong)) => {
                return Err(self.malformed(method, "it is longer than 64 MiB"));
            }
            Err(_) => {
                self.wire.distrust();
                return Err(unreachable(format!("no answer within {:?}", self.timeout)));
            }
        };
        let response: Response = match serde_json::from_slice(&body) {
            Ok(response) => response,
            Err(error) => {
                return Err(match status {
                    Ok(()) => self.malformed(method, error),
                    Err(status) => unreachable(status),
                });
            }
        };
        if let Some(error) = response.error {
            return Err(ChainError::Refused {
                endpoint: self.endpoint(),
                method,
                code: error.code,
                message: error.message.replace('\n', " ").trim_end_matches('.').to_owned(),
                data: revert_data(&error.data),
            });
        }
        let Some(result) = response.result else {
            return Err(self.malformed(method, "it has neither a result nor an error"));
        };
        if response.id != id {
            return Err(self.malformed(method, "it answers another request"));
        }
        Ok(result)
    }
}
