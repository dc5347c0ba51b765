//! Where the keeper's own words go: logs to stderr, and steps to a collector, if there is one.

use std::io::IsTerminal as _;

use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, LevelFilter, filter_fn},
    layer::{Filter, SubscriberExt as _},
    registry::Registry,
    util::SubscriberInitExt as _,
};

use crate::otlp::{STEPS, Traces};

/// Beginnings of the targets that are never shown, whatever is asked for: what carries requests writes them down whole, with the
/// endpoints' keys in them, and the clients of key management services what they sign in with.
const SILENT: [&str; 11] = [
    "aws_",
    "gcloud_sdk",
    "h2",
    "hyper",
    "jsonwebtoken",
    "reqwest",
    "rustls",
    "tokio_tungstenite",
    "tonic",
    "tower",
    "tungstenite",
];

/// Begins.
pub fn begin(traces: Option<&Traces>) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(is_coloured)
        .with_filter(filter(&wanted));
    let all = tracing_subscriber::registry().with(lines);
    match traces {
        Some(traces) => all.with(traces.layer()).init(),
        None => all.init(),
    }
}

/// What of the words that are asked for, as `RUST_LOG` says it, may be shown.
fn filter(wanted: &str) -> impl Filter<Registry> + use<> {
    let is_heard = filter_fn(|about: &Metadata<'_>| {
        let target = about.target();
        // Steps are for a collector alone; a line of the log has its own words for where it is.
        target != STEPS && !SILENT.iter().any(|start| target.starts_with(start))
    });
    EnvFilter::new(wanted).and(is_heard.with_max_level_hint(LevelFilter::TRACE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::said::Said;

    /// One event at each level for each of these targets.
    macro_rules! each_says {
        ($($target:literal),* $(,)?) => {$(
            tracing::trace!(target: $target, "planted {}", $target);
            tracing::error!(target: $target, "planted {}", $target);
        )*};
    }

    #[test]
    fn what_carries_requests_and_credentials_is_never_heard() {
        // The last ones name what is silent themselves, more closely than anything else.
        for wanted in [
            "trace",
            "info",
            "trace,hyper=trace,aws_sigv4=trace",
            "aws_sigv4::http_request::sign=trace,hyper_util::client=trace,vagus_keeper=trace",
        ] {
            let said = Said::default();
            let writer = said.clone();
            let lines = tracing_subscriber::fmt::layer()
                .with_writer(move || writer.clone())
                .with_filter(filter(wanted));
            tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
                each_says!(
                    // Where the clients of AWS say what they sign, and with what they signed in.
                    "aws_sigv4::http_request::sign",
                    "aws_config::profile::credentials",
                    "aws_config::credential_process",
                    "aws_config::imds::client::token",
                    "aws_smithy_runtime::client::orchestrator",
                    "aws_smithy_http_client::client",
                    "aws_runtime::auth",
                    "aws_sdk_kms::operation",
                    // And that of Google.
                    "gcloud_sdk::token_source",
                    "jsonwebtoken::crypto",
                    "tonic::transport",
                    "tower::buffer",
                    // What carries all requests.
                    "h2::codec",
                    "hyper::proto::h1",
                    "hyper_util::client::legacy",
                    "reqwest::connect",
                    "rustls::client",
                    "tokio_tungstenite::handshake",
                    "tungstenite::protocol",
                );
                tracing::error!(target: "vagus_keeper::run", "marker");
            });
            let said = said.text();
            assert!(said.contains("marker"), "{wanted}: {said}");
            assert!(!said.contains("planted"), "{wanted}: {said}");
        }
    }

    #[test]
    fn what_else_is_asked_for_is_heard() {
        let said = Said::default();
        let writer = said.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .with_filter(filter("vagus_keeper=debug,alloy=trace"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            tracing::debug!(target: "vagus_keeper::run", "one");
            tracing::trace!(target: "alloy_provider::heart", "two");
            tracing::trace!(target: "vagus_keeper::run", "three");
        });
        let said = said.text();
        assert!(said.contains("one") && said.contains("two") && !said.contains("three"), "{said}");
    }
}
