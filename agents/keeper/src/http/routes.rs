//! What is served where. The table, the code and `openapi.json` are compared by a test.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::{Served, api, ready};
use crate::{JSON_SCHEMA_VERSION, metrics, version};

/// The description of everything that is served.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Something that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Whether it lives.
    Health,
    /// Whether it does its work.
    Ready,
    /// For Prometheus.
    Metrics,
    /// The description.
    OpenApi,
    /// What runs.
    Version,
    /// All chains.
    Chains,
    /// All vaults.
    Vaults,
    /// One vault.
    Vault,
    /// The latest decisions about a vault.
    Decisions,
    /// One decision.
    Decision,
}

/// Every route with its path, as `openapi.json` writes it.
pub const ROUTES: [(&str, Route); 10] = [
    ("/health", Route::Health),
    ("/ready", Route::Ready),
    ("/metrics", Route::Metrics),
    ("/api/v1/openapi.json", Route::OpenApi),
    ("/api/v1/version", Route::Version),
    ("/api/v1/chains", Route::Chains),
    ("/api/v1/vaults", Route::Vaults),
    ("/api/v1/vaults/{vault}", Route::Vault),
    ("/api/v1/vaults/{vault}/decisions", Route::Decisions),
    ("/api/v1/decisions/{decision}", Route::Decision),
];

/// What is answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(body) => Self { status, content_type: "application/json", body },
            Err(error) => {
                tracing::error!("http: an answer cannot be written: {error}");
                Self::problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written")
            }
        }
    }

    pub(super) fn problem(status: StatusCode, what: &str) -> Self {
        let body = json!({ "schema": JSON_SCHEMA_VERSION, "error": what }).to_string();
        Self { status, content_type: "application/json", body }
    }

    fn text(content_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, content_type, body }
    }
}

/// The route of a path, and the value of its one parameter.
fn find(path: &str) -> Option<(Route, &str)> {
    ROUTES.iter().find_map(|(pattern, route)| Some((*route, matched(pattern, path)?)))
}

fn matched<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut parameter = "";
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameter),
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {
                parameter = given;
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

pub(super) async fn route(served: &Served, path: &str, query: &str) -> Answer {
    let Some((route, parameter)) = find(path) else {
        return Answer::problem(
            StatusCode::NOT_FOUND,
            "nothing is served here; /api/v1/openapi.json describes what is",
        );
    };
    let views = served.board.views();
    match route {
        Route::Health if ready::is_alive(&views) => {
            Answer::json(StatusCode::OK, &json!({ "schema": JSON_SCHEMA_VERSION, "alive": true }))
        }
        Route::Health => Answer::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({ "schema": JSON_SCHEMA_VERSION, "alive": false }),
        ),
        Route::Ready => {
            let components = ready::components(&views);
            let is_ready = components.iter().all(|component| component.is_ok);
            let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let body = json!({
                "schema": JSON_SCHEMA_VERSION, "ready": is_ready, "components": components,
            });
            Answer::json(status, &body)
        }
        Route::Metrics => {
            let journal = served.journal.size().await;
            Answer::text(metrics::CONTENT_TYPE, metrics::text(&served.board, journal))
        }
        Route::OpenApi => Answer::text("application/json", OPENAPI.to_owned()),
        Route::Version => Answer::json(StatusCode::OK, &version::version()),
        Route::Chains => Answer::json(StatusCode::OK, &api::chains(&views)),
        Route::Vaults => Answer::json(StatusCode::OK, &api::vaults(&views)),
        Route::Vault => match api::vault(&views, parameter) {
            Some(vault) => Answer::json(StatusCode::OK, &vault),
            None => no_such("vault"),
        },
        Route::Decisions => match api::find_vault(&views, parameter) {
            Some((chain_id, vault)) => {
                served.journal.decisions(chain_id, &vault.name, vault.vault, query).await
            }
            None => no_such("vault"),
        },
        Route::Decision => served.journal.decision(parameter).await,
    }
}

pub(super) fn no_such(what: &str) -> Answer {
    Answer::problem(StatusCode::NOT_FOUND, &format!("there is no such {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_whole() {
        assert_eq!(find("/api/v1/vaults/main/decisions"), Some((Route::Decisions, "main")));
        assert_eq!(find("/api/v1/vaults/main"), Some((Route::Vault, "main")));
        for path in
            ["", "/", "/health/", "/api/v1/vaults/", "/api/v1/vaults//decisions", "//health"]
        {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
