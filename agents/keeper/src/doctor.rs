//! `keeper doctor`: everything that the keeper needs, looked at one by one. Sends nothing, stores nothing, and goes on
//! after what it finds wrong.

mod chain;
mod gas;
mod local;
mod vault;
mod ways;

use serde::Serialize;

use crate::{
    JSON_SCHEMA_VERSION,
    config::Config,
    exit::{Exit, Failure},
};

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// In order.
    Ok,
    /// The keeper can work, and a person should know.
    Warn,
    /// The keeper cannot work so.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it belongs to: "config", "chain mainnet", "vault treasury".
    pub area: String,
    /// What was looked at.
    pub subject: String,
    /// How it was found.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it; none if nothing.
    pub remedy: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    ok: bool,
    findings: &'a [Finding],
}

/// Collects what is found.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    fn put(&mut self, area: &str, subject: &str, level: Level, found: String, remedy: &str) {
        let remedy = (level != Level::Ok && !remedy.is_empty()).then(|| remedy.to_owned());
        let found = found.trim_end_matches('.').to_owned();
        let (area, subject) = (area.to_owned(), subject.to_owned());
        self.0.push(Finding { area, subject, level, found, remedy });
    }

    fn ok(&mut self, area: &str, subject: &str, found: impl Into<String>) {
        self.put(area, subject, Level::Ok, found.into(), "");
    }

    fn warn(&mut self, area: &str, subject: &str, found: impl Into<String>, remedy: &str) {
        self.put(area, subject, Level::Warn, found.into(), remedy);
    }

    fn fail(&mut self, area: &str, subject: &str, found: impl Into<String>, remedy: &str) {
        self.put(area, subject, Level::Fail, found.into(), remedy);
    }
}

/// Looks at everything of the chosen vaults.
///
/// # Errors
/// If the configuration names no such vault.
pub async fn examine(config: &Config, vault: Option<&str>) -> Result<Vec<Finding>, Failure> {
    let chosen = config.select(vault)?;
    let mut findings = Findings::default();
    local::program(&mut findings);
    local::keys(&mut findings, &config.agent).await;
    local::journal(&mut findings, config, vault).await;
    if let Some(http) = &config.http {
        local::http(&mut findings, http);
    }
    for (place, chain) in config.chains.iter().enumerate() {
        let vaults: Vec<_> = chosen.iter().copied().filter(|vault| vault.chain == place).collect();
        if !vaults.is_empty() {
            chain::chain(&mut findings, config, chain, &vaults).await;
        }
    }
    Ok(findings.0)
}

/// What was found, as text or JSON.
///
/// # Errors
/// Never in practice: a list can be written.
pub fn report(findings: &[Finding], is_json: bool) -> Result<String, Failure> {
    if is_json {
        let ok = is_ok(findings);
        return serde_json::to_string_pretty(&Document {
            schema: JSON_SCHEMA_VERSION,
            ok,
            findings,
        })
        .map_err(|error| Failure::new(Exit::Internal, error));
    }
    Ok(crate::render::doctor::text(findings))
}

/// Whether nothing was found that keeps the keeper from working.
#[must_use]
pub fn is_ok(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.level != Level::Fail)
}

#[cfg(test)]
mod tests;
