//! Where the keeper's own words go: logs to stderr, and steps to a collector, if there is one.

use std::io::IsTerminal as _;

use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, LevelFilter, filter_fn},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::otlp::{STEPS, Traces};

/// Begins. The HTTP client's own words are never shown: they would hold the endpoints' keys.
pub fn begin(traces: Option<&Traces>) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = [
        "hyper=off",
        "hyper_util=off",
        "reqwest=off",
        "h2=off",
        "rustls=off",
        "tungstenite=off",
        "tokio_tungstenite=off",
    ]
    .iter()
    .filter_map(|directive| directive.parse().ok())
    .fold(EnvFilter::new(wanted), EnvFilter::add_directive);
    // Steps are for a collector alone; a line of the log has its own words for where it is.
    let is_no_step = filter_fn(|about| about.target() != STEPS);
    let filter = filter.and(is_no_step.with_max_level_hint(LevelFilter::TRACE));
    let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(is_coloured)
        .with_filter(filter);
    let all = tracing_subscriber::registry().with(lines);
    match traces {
        Some(traces) => all.with(traces.layer()).init(),
        None => all.init(),
    }
}
