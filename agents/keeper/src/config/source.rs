//! An address that may hold a secret: from the file itself, from another one, or from the environment.

use std::{fs, path::PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::Reader;
use crate::exit::Failure;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub(super) url: Option<String>,
    pub(super) url_file: Option<PathBuf>,
    pub(super) url_env: Option<String>,
}

impl Reader<'_> {
    pub(super) fn source(&self, raw: Spanned<RawSource>) -> Result<String, Failure> {
        let at = Some(raw.span().start);
        match raw.into_inner() {
            RawSource { url: Some(url), url_file: None, url_env: None } => Ok(url),
            RawSource { url: None, url_file: Some(file), url_env: None } => {
                let file = self.path(file);
                let text = fs::read_to_string(&file).map_err(|error| {
                    self.fail(at, &format!("url_file {}: {error}", file.display()))
                })?;
                Ok(text.lines().next().unwrap_or_default().trim().to_owned())
            }
            RawSource { url: None, url_file: None, url_env: Some(name) } => (self.variable)(&name)
                .ok_or_else(|| {
                    self.fail(at, &format!("the environment variable {name} (url_env) is not set"))
                }),
            _ => Err(self.fail(at, "expected exactly one of url, url_file and url_env")),
        }
    }
}
