//! A collector, and what is told to it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use alloy::primitives::bytes::Bytes;
use async_trait::async_trait;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use reqwest::Client;
use tokio::runtime::Handle;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use super::STEPS;
use crate::{
    config::{Config, TracesConfig},
    exit::{Exit, Failure},
};

/// How long a collector may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last steps may take at the end.
const LAST: Duration = Duration::from_secs(3);

/// Tells steps to a collector, in batches and from a thread of its own: whatever becomes of them, the keeper waits for nothing.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Those that the configuration asks for.
    ///
    /// # Errors
    /// If there is no HTTP client for them.
    pub fn of(config: &Config, runtime: &Handle) -> Result<Option<Self>, Failure> {
        config
            .traces
            .as_ref()
            .map(|traces| Self::to(traces, &config.fleet.name, runtime))
            .transpose()
    }

    fn to(traces: &TracesConfig, keeper: &str, runtime: &Handle) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Config, format_args!("[traces] {traces}: {error}."))
        };
        // Fails only if a provider is installed already, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        let collector = Collector {
            client: client.build().map_err(|error| failed(&error.without_url()))?,
            traces: traces.clone(),
            runtime: runtime.clone(),
            is_lost: AtomicBool::new(false),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            // Where they go is the client's matter, which keeps the address to itself.
            .with_endpoint(traces.to_string())
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| failed(&error))?;
        let resource = Resource::builder()
            .with_service_name("vagus-keeper")
            .with_attributes([
                KeyValue::new("service.instance.id", keeper.to_owned()),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource);
        Ok(Self(provider.build()))
    }

    /// What takes steps up, and nothing else.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        // Places in the source and threads are nobody's business.
        tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            // Steps are not entered, so that nobody knows when they were busy.
            .with_tracked_inactivity(false)
            .with_tracer(self.0.tracer("vagus"))
            .with_filter(filter_fn(|about| about.target() == STEPS))
    }

    /// Tells what is left, for as long as that may take. Blocks.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST) {
            tracing::debug!("the last traces are lost: {error}");
        }
    }
}

/// Takes batches over the HTTP client that everything else uses.
#[derive(Debug)]
struct Collector {
    client: Client,
    traces: TracesConfig,
    runtime: Handle,
    /// Whether it failed the last time, which is said once.
    is_lost: AtomicBool,
}

impl Collector {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (about, body) = request.into_parts();
        let asked = self.client.post(self.traces.url.expose()).headers(about.headers).body(body);
        // The exporter's thread is no part of the runtime that the client needs.
        let answered = self.runtime.spawn(async move {
            let answer = asked.send().await.map_err(reqwest::Error::without_url)?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let (status, body) = answered.await??;
        if !status.is_success() {
            return Err(format!("it answers {status}").into());
        }
        Ok(Response::new(body))
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.exchange(request).await;
        match &answer {
            Ok(_) if self.is_lost.swap(false, Ordering::Relaxed) => {
                tracing::info!("traces: {} takes them again", self.traces);
            }
            Err(error) if !self.is_lost.swap(true, Ordering::Relaxed) => {
                tracing::warn!("traces: {} does not take them: {error}", self.traces);
            }
            _ => {}
        }
        answer
    }
}
