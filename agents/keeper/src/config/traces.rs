//! `[traces]`: where the path of every block is told to, step by step. Without this section nowhere.

use std::{fmt, path::PathBuf};

use serde::Deserialize;
use toml::Spanned;
use vagus_chain::EndpointUrl;

use super::{Reader, Secret, source::RawSource};
use crate::exit::Failure;

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracesConfig {
    /// Address that takes OTLP over HTTP; it may hold a secret.
    pub url: Secret,
}

/// The host alone.
impl fmt::Display for TracesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match EndpointUrl::parse(self.url.expose()) {
            Ok(url) => write!(f, "{url}"),
            Err(_) => f.write_str("…"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTraces {
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
}

impl Reader<'_> {
    pub(super) fn traces(&self, raw: Spanned<RawTraces>) -> Result<TracesConfig, Failure> {
        let span = raw.span();
        let RawTraces { url, url_file, url_env } = raw.into_inner();
        let at = Some(span.start);
        let url = self.source(Spanned::new(span, RawSource { url, url_file, url_env }))?;
        EndpointUrl::parse(&url).map_err(|_| {
            self.fail(at, "[traces]: expected an http:// or https:// address of a collector")
        })?;
        Ok(TracesConfig { url: Secret::new(url) })
    }
}
