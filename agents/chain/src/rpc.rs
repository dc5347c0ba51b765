//! A JSON-RPC client of our own, small enough to see that no key of an endpoint's address reaches an error or a log,
//! that every request ends in time, and that nothing is sent twice.

mod wording;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::primitives::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(crate) use wording::{BlockTrouble, block_trouble};

use crate::{ChainError, ChainResult, EndpointUrl};

/// Largest answer that is read, bytes. The largest honest one is a lens page.
const MAX_ANSWER: usize = 64 << 20;

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
    // Replaced when a request got no answer: its connections may be dead without knowing it.
    client: Mutex<reqwest::Client>,
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
        let client = Mutex::new(connect(&url, timeout)?);
        let (next_id, tallies) = (AtomicU64::new(1), Mutex::default());
        Ok(Self { client, url, timeout, next_id, tallies })
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
        let client = self.client.lock().unwrap_or_else(|e| e.into_inner()).clone();
        let exchange = async {
            let failed = |error: reqwest::Error| unreachable(causes(&error.without_url()));
            let mut response =
                client.post(self.url.expose()).json(&request).send().await.map_err(failed)?;
            let status = response.status();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
                    return Err(self.malformed(method, "it is longer than 64 MiB"));
                }
                body.extend_from_slice(&chunk);
            }
            Ok((status, body))
        };
        let (status, body) = match tokio::time::timeout(self.timeout, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                self.reconnect();
                return Err(unreachable(format!("no answer within {:?}", self.timeout)));
            }
        };
        let response: Response = match serde_json::from_slice(&body) {
            Ok(response) => response,
            Err(_) if !status.is_success() => {
                return Err(unreachable(format!("HTTP status {status}")));
            }
            Err(error) => return Err(self.malformed(method, error)),
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

    /// Drops all connections. Requests under way keep theirs.
    fn reconnect(&self) {
        // Without a new client the old one stays, and with it the chance that it finds back by itself.
        if let Ok(client) = connect(&self.url, self.timeout) {
            *self.client.lock().unwrap_or_else(|e| e.into_inner()) = client;
        }
    }
}

fn connect(url: &EndpointUrl, timeout: Duration) -> ChainResult<reqwest::Client> {
    // Fails only if a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        // The limit of a request is ours; this one only ends what was left behind.
        .timeout(timeout.saturating_mul(2))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| ChainError::Unreachable {
            endpoint: url.to_string(),
            cause: causes(&error.without_url()),
        })
}

/// An error with its causes, the outermost first.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
