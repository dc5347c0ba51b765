//! `keeper policy validate`: a file by itself, or against the live treasury.

use alloy::primitives::{Address, B256, U256};
use serde::Serialize;
use vagus_policy::{
    AssetInfo, Policy, Promise, decimal, hash,
    review::{Code, Facts, Finding, Severity, review},
    toml::{Context, Document, PolicyError, read},
};

use super::{desk, desk::Desk};
use crate::{
    board::unix_now,
    cli::Validating,
    exit::{Exit, Failure},
    page::Page,
    render,
};

/// A span that the promise is told for: a day.
pub(super) const PROMISE_SECONDS: u64 = 86_400;

/// A finding with its place in the file.
#[derive(Clone, Debug, Serialize)]
pub struct Placed {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// What one stolen key can cost at most. Shares in 10^-8 of base, rounded up.
#[derive(Clone, Debug, Serialize)]
pub struct Promised {
    /// The agent; none for all keys together.
    pub agent: Option<Address>,
    /// Its name in the file.
    pub name: String,
    /// Last second of its mandate, Unix time; none for all keys together.
    pub expires_at: Option<u64>,
    /// Seconds in which the budgets are free again.
    pub window_seconds: u32,
    /// Most measured loss at once.
    #[serde(with = "decimal")]
    pub loss_at_once_e8: U256,
    /// Within a day.
    #[serde(with = "decimal")]
    pub loss_in_a_day_e8: U256,
    /// Most lost besides at once, where an accomplice moves prices.
    #[serde(with = "decimal")]
    pub pushed_at_once_e8: U256,
    /// Within a day.
    #[serde(with = "decimal")]
    pub pushed_in_a_day_e8: U256,
    /// The same in words.
    pub in_words: String,
}

/// What a review came to.
#[derive(Clone, Debug, Serialize)]
pub struct Review {
    /// The file.
    pub file: String,
    /// Identity of the policy in it; none if it is none.
    pub hash: Option<B256>,
    /// The vault that it was looked at for; none if the file was looked at by itself.
    pub vault: Option<String>,
    /// What was found, errors first.
    pub findings: Vec<Placed>,
    /// What stolen keys can cost: each agent, then all together.
    pub promises: Vec<Promised>,
}

impl Review {
    /// Findings of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|placed| placed.finding.severity == severity).count()
    }
}

pub(super) async fn validate(wanted: &Validating) -> Result<Page, Failure> {
    let file = wanted.file.display().to_string();
    let text = desk::text_of(&wanted.file)?;
    let desk = match &wanted.of.config {
        None => None,
        Some(config) => Some(Desk::open(config, wanted.of.vault.as_deref()).await?),
    };
    let vault = desk.as_ref().map(|desk| desk.vault.config.name.clone());
    let mut seen = match read(&text, &file, desk.as_ref().map(|desk| &desk.context)) {
        Err(error) => unreadable(file, &error),
        Ok(document) => {
            let facts = match &desk {
                None => Facts { at: Some(unix_now()), ..Facts::default() },
                Some(desk) => desk.facts(&document).await?,
            };
            let base = desk
                .as_ref()
                .map(|desk| (desk.snapshot.vault.nav.base_assets, &desk.snapshot.vault.asset));
            Review {
                file,
                hash: Some(hash(&document.policy)),
                vault: None,
                findings: placed(&document, &facts),
                promises: promises(&document.policy, &document.context, base),
            }
        }
    };
    seen.vault = vault;
    let is_refused =
        seen.count(Severity::Error) > 0 || wanted.strict && seen.count(Severity::Warning) > 0;
    let page = super::page(&seen, wanted.of.json, render::policy::review)?;
    let missing = is_refused.then(|| {
        let counted = render::policy::counted(&seen);
        Failure::new(Exit::PolicyInvalid, format_args!("{}: {counted}.", seen.file))
    });
    Ok(Page { missing, ..page })
}

/// A file that is no policy: one finding, where it stops being one.
fn unreadable(file: String, error: &PolicyError) -> Review {
    let PolicyError { line, column, key, problem, expected, .. } = error.clone();
    let finding = Finding {
        code: Code::Unreadable,
        severity: Severity::Error,
        key,
        problem,
        advice: format!("expected {expected}"),
    };
    let findings = vec![Placed { line, column, finding }];
    Review { file, hash: None, vault: None, findings, promises: Vec::new() }
}

/// Findings of a document with their places, errors first, then by place.
pub(super) fn placed(document: &Document, facts: &Facts) -> Vec<Placed> {
    let found = review(&document.policy, &document.context, facts).into_iter();
    let mut placed: Vec<Placed> = found
        .map(|finding| {
            let place = document.place_of(&finding.key);
            Placed { line: place.line, column: place.column, finding }
        })
        .collect();
    placed.sort_by_key(|it| (it.finding.severity, it.line, it.column));
    placed
}

/// What stolen keys can cost under a policy; in amounts too, if the base is known.
pub(super) fn promises(
    policy: &Policy,
    context: &Context,
    base: Option<(U256, &AssetInfo)>,
) -> Vec<Promised> {
    let promised = |agent: Option<(Address, u64)>, promise: Promise| {
        let name = agent.map_or("all agents".to_owned(), |(agent, _)| context.account(agent));
        let mut promised = Promised {
            agent: agent.map(|(agent, _)| agent),
            name,
            expires_at: agent.map(|(_, at)| at),
            window_seconds: promise.window_seconds,
            loss_at_once_e8: promise.loss_up(0),
            loss_in_a_day_e8: promise.loss_up(PROMISE_SECONDS),
            pushed_at_once_e8: promise.pushed_up(0),
            pushed_in_a_day_e8: promise.pushed_up(PROMISE_SECONDS),
            in_words: String::new(),
        };
        promised.in_words = render::policy::promise(&promised, base);
        promised
    };
    let mut all: Vec<Promised> = policy
        .agents
        .iter()
        .map(|agent| promised(Some((agent.agent, agent.expires_at)), Promise::of(policy, agent)))
        .collect();
    if all.len() > 1 {
        all.push(promised(None, Promise::of_all(policy)));
    }
    all
}
