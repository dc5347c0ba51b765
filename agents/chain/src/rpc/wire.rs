//! What carries a request to an endpoint and its answer back.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;

use crate::{ChainError, ChainResult, EndpointUrl};

/// Largest answer that is read, bytes. The largest honest one is a lens page.
const MAX_ANSWER: usize = 64 << 20;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// Nothing, or not all of it, came back. The request may have arrived.
    Unreachable(String),
    /// More came back than is read.
    TooLong,
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireAnswer {
    /// Whether the carrier calls it a success; how it says no, if not.
    pub status: Result<(), String>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// Carries bytes to one endpoint. In tests a chain in the same process takes its place, and everything above it is what
/// runs on a real one.
#[async_trait]
pub trait Wire: Send + Sync + std::fmt::Debug {
    /// One request and its answer. Never repeats a request by itself. Dropped when its time is over.
    ///
    /// # Errors
    /// If nothing came back.
    async fn exchange(&self, body: Vec<u8>) -> Result<WireAnswer, WireError>;

    /// A request got no answer: connections may be dead without knowing it.
    fn distrust(&self) {}
}

/// HTTP.
#[derive(Debug)]
pub(super) struct HttpWire {
    // Requests under way keep the old client when it is replaced.
    client: Mutex<reqwest::Client>,
    url: EndpointUrl,
    timeout: Duration,
}

impl HttpWire {
    pub(super) fn new(url: EndpointUrl, timeout: Duration) -> ChainResult<Self> {
        let client = Mutex::new(connect(&url, timeout)?);
        Ok(Self { client, url, timeout })
    }
}

#[async_trait]
impl Wire for HttpWire {
    async fn exchange(&self, body: Vec<u8>) -> Result<WireAnswer, WireError> {
        let failed = |error: reqwest::Error| WireError::Unreachable(causes(&error.without_url()));
        let client = self.client.lock().unwrap_or_else(|e| e.into_inner()).clone();
        let request = client.post(self.url.expose());
        let request = request.header("content-type", "application/json").body(body);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
                return Err(WireError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let status =
            if status.is_success() { Ok(()) } else { Err(format!("HTTP status {status}")) };
        Ok(WireAnswer { status, body })
    }

    fn distrust(&self) {
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
        // The limit of a request is the caller's; this one only ends what was left behind.
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
