//! A JSON-RPC client of our own, small enough to see that no key of an endpoint's address reaches an error or a log,
//! that every request ends in time, and that nothing is sent twice.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use alloy::primitives::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{ChainError, ChainResult, EndpointUrl};

/// Largest answer that is read, bytes. The largest honest one is a lens page.
const MAX_ANSWER: usize = 64 << 20;

#[derive(Debug)]
pub(crate) struct Rpc {
    client: reqwest::Client,
    url: EndpointUrl,
    timeout: Duration,
    next_id: AtomicU64,
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
    // Absent and null are both the answer "none".
    #[serde(default)]
    result: Value,
    error: Option<ErrorObject>,
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
        // Fails only if a provider is installed already, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ChainError::Unreachable {
                endpoint: url.to_string(),
                cause: causes(&error.without_url()),
            })?;
        Ok(Self { client, url, timeout, next_id: AtomicU64::new(1) })
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

    pub(crate) async fn request<P: Serialize + Send, R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: P,
    ) -> ChainResult<R> {
        let unreachable =
            |cause: String| ChainError::Unreachable { endpoint: self.endpoint(), cause };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = Request { jsonrpc: "2.0", id, method, params };
        let exchange = async {
            let failed = |error: reqwest::Error| unreachable(causes(&error.without_url()));
            let mut response =
                self.client.post(self.url.expose()).json(&request).send().await.map_err(failed)?;
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
        let (status, body) = tokio::time::timeout(self.timeout, exchange)
            .await
            .map_err(|_| unreachable(format!("no answer within {:?}", self.timeout)))??;
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
        serde_json::from_value(response.result).map_err(|error| self.malformed(method, error))
    }
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
