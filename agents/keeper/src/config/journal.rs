//! `[journal]`: where it is, and how long it keeps holds.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::{Reader, source::RawSource, value};
use crate::exit::Failure;

/// Address of the journal. It may hold a password, so it prints without what follows the scheme.
#[derive(Clone, PartialEq, Eq)]
pub struct JournalUrl(String);

impl JournalUrl {
    /// The whole address, for opening it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Where a shadow of this keeper writes: a file beside the file, `journal.shadow.db` beside `journal.db`; a database beside
    /// the database, `vagus_shadow` beside `vagus`.
    #[must_use]
    pub fn shadow(&self) -> Self {
        let (url, parameters) = match self.0.split_once('?') {
            Some((url, parameters)) => (url, format!("?{parameters}")),
            None => (self.0.as_str(), String::new()),
        };
        let Some(file) = url.strip_prefix("sqlite:") else {
            return Self(format!("{url}_shadow{parameters}"));
        };
        let path = std::path::Path::new(file);
        let name = match (path.file_stem(), path.extension()) {
            (Some(stem), Some(ending)) => {
                format!("{}.shadow.{}", stem.to_string_lossy(), ending.to_string_lossy())
            }
            _ => format!("{}.shadow", path.file_name().unwrap_or_default().to_string_lossy()),
        };
        Self(format!("sqlite:{}{parameters}", path.with_file_name(name).display()))
    }
}

impl std::fmt::Debug for JournalUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::fmt::Display for JournalUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.split_once(':') {
            Some(("sqlite", _)) | None => f.write_str(&self.0),
            Some((scheme, rest)) => {
                let host = rest.rsplit('@').next().unwrap_or_default().trim_start_matches('/');
                write!(f, "{scheme}://{}", host.split(['/', '?']).next().unwrap_or_default())
            }
        }
    }
}

/// How long bodies of holds are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days of block time; none: for ever.
    pub keep_holds_days: Option<u32>,
}

impl Retention {
    /// In seconds of block time; none: for ever.
    #[must_use]
    pub fn keep_seconds(self) -> Option<u64> {
        self.keep_holds_days.map(|days| u64::from(days) * 86_400)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJournal {
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_env: Option<String>,
    #[serde(default = "value::default_keep_holds_days")]
    keep_holds_days: u32,
}

impl RawJournal {
    pub(super) fn retention(&self) -> Retention {
        // Zero is for ever: a limit that was meant to be none must not drop everything.
        let days = self.keep_holds_days;
        Retention { keep_holds_days: (days > 0).then_some(days) }
    }
}

impl Reader<'_> {
    pub(super) fn journal(&self, raw: Spanned<RawJournal>) -> Result<JournalUrl, Failure> {
        let span = raw.span();
        let at = span.start;
        let RawJournal { url, url_file, url_env, .. } = raw.into_inner();
        let url = self.source(Spanned::new(span, RawSource { url, url_file, url_env }))?;
        match url.split_once(':') {
            Some(("sqlite", file)) => {
                let file = file.strip_prefix("//").unwrap_or(file);
                if file.is_empty() {
                    return Err(self.fail(Some(at), "expected the name of a file after sqlite:"));
                }
                let file = self.path(PathBuf::from(file));
                Ok(JournalUrl(format!("sqlite:{}", file.display())))
            }
            Some(("postgres" | "postgresql", _)) => Ok(JournalUrl(url)),
            _ => Err(self
                .fail(Some(at), "expected the journal's url to start with sqlite: or postgres://")),
        }
    }
}
