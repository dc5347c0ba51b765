//! `keeper trace`: from an action to the decision behind it, and whether that is reproduced. Nothing of the operator's has to
//! be trusted: a record in a file and any endpoint with the state of its block are enough. Sends nothing.

mod again;
mod ask;
mod difference;
mod earned;
mod find;
mod finding;
mod outcome;
mod own;
mod release;
mod rerun;
mod samples;
mod seen;
mod verify;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use alloy::primitives::{Address, B256};
use serde::Serialize;
use vagus_chain::{Chain, EndpointUrl, Endpoints, HttpChain};
use vagus_journal::{
    DecisionRecord, FileError, JournalError, JournalReader, Outcome, ReadJournal as _, RecordFile,
};
use vagus_policy::Policy;

pub use ask::{Answers, Claim, ask, executed_in};
pub use earned::{Change, Cost, Earned, Executed};
pub use find::Wanted;
pub use finding::{Finding, Standing, Subject, verdict};
pub use verify::{policy_in_force, verify};

use crate::{
    JSON_SCHEMA_VERSION,
    cli::Tracing,
    config::Config,
    exit::{Exit, Failure, Verdict},
    journal::{Known, known_vaults},
    render, world,
};

/// Longest wait for one answer of an endpoint that is named on the command line: archives take their time.
const PATIENCE: Duration = Duration::from_secs(60);

/// One decision that was looked into.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// Hash of the record.
    pub decision: B256,
    /// What it came to.
    pub verdict: Verdict,
    /// The number that the process ends with, if it is the worst.
    pub exit_code: u8,
    /// Everything that was looked into, in order.
    pub findings: Vec<Finding>,
    /// The record; none if this release does not read it.
    pub record: Option<DecisionRecord>,
    /// What came of it, by the keeper's word.
    pub outcome: Option<Outcome>,
    /// What it has earned; none if this release does not read the record.
    pub earned: Option<Earned>,
    /// The document that was in force, for the page.
    #[serde(skip)]
    pub policy: Option<Policy>,
    /// Names of the configuration for strategies, for the page.
    #[serde(skip)]
    pub names: BTreeMap<Address, String>,
}

/// Looks into a file with a chain to ask.
pub async fn examine(chain: &dyn Chain, file: &RecordFile) -> Trace {
    let read = file.filed().map(vagus_journal::FiledRecord::read);
    let (record, why) = match read {
        Some(Ok(record)) => (Some(record), String::new()),
        Some(Err(error)) => (None, error.to_string()),
        None => (None, "it is not in the file".to_owned()),
    };
    let answers = ask(chain, file, record.as_ref()).await;
    let findings = verify(file, record.as_ref().ok_or(why.as_str()), &answers);
    let earned = match (&record, &answers.about) {
        (Some(record), Some(about)) => Some(earned::earned(chain, file, record, about).await),
        _ => None,
    };
    let policy = policy_in_force(file, &answers);
    Trace { earned, ..Trace::new(file, record, findings, policy) }
}

impl Trace {
    fn new(
        file: &RecordFile,
        record: Option<DecisionRecord>,
        findings: Vec<Finding>,
        policy: Option<Policy>,
    ) -> Self {
        let verdict = verdict(&findings);
        Self {
            decision: file.decision,
            verdict,
            exit_code: verdict.number(),
            findings,
            record,
            outcome: file.outcome.clone(),
            earned: None,
            policy,
            names: BTreeMap::new(),
        }
    }

    /// With one finding more.
    #[must_use]
    fn with(mut self, finding: Finding) -> Self {
        self.findings.insert(0, finding);
        self.verdict = verdict(&self.findings);
        self.exit_code = self.verdict.number();
        self
    }

    /// What it came to, as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let because = |standings: &[Standing]| {
            let found = self.findings.iter().find(|finding| standings.contains(&finding.standing));
            found.map_or_else(String::new, |finding| {
                format!(", {}: {}", finding.subject.words(), finding.words)
            })
        };
        let decision = self.decision;
        match self.verdict {
            Verdict::Reproduced => format!("Decision {decision} is reproduced."),
            Verdict::Altered => {
                let own = self.findings.iter().find(|finding| {
                    finding.standing == Standing::Differs
                        && matches!(finding.subject, Subject::Hashes | Subject::Record)
                });
                let why = own.map_or("", |finding| finding.words.as_str());
                format!("Decision {decision} is not what was recorded: {why}.")
            }
            Verdict::OtherAlgorithm => format!(
                "Decision {decision} was made by another version{}.",
                because(&[Standing::OtherVersion])
            ),
            Verdict::ChainUnavailable => format!(
                "Decision {decision} cannot be compared with the chain{}.",
                because(&[Standing::Unknown])
            ),
            Verdict::NotReproduced => {
                format!("Decision {decision} is NOT reproduced{}.", because(&[Standing::Differs]))
            }
        }
    }
}

/// What is printed, and what it comes to.
#[derive(Clone, Debug)]
pub struct Told {
    /// Text or JSON, whole; empty if there is nothing to show.
    pub text: String,
    /// The worst of all.
    pub verdict: Verdict,
    /// One sentence about the worst, if it is not the best.
    pub sentence: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    traces: &'a [Trace],
}

fn told(traces: &[Trace], is_json: bool) -> Result<Told, Failure> {
    let text = if is_json {
        serde_json::to_string_pretty(&Document { schema: JSON_SCHEMA_VERSION, traces })
            .map_err(|error| Failure::new(Exit::Internal, error))?
    } else {
        traces.iter().map(render::trace::page).collect::<Vec<_>>().join("\n\n\n")
    };
    // The worst first: what is wrong in a record, what differs, what is not known, what another release would have to say.
    let rank = |trace: &&Trace| match trace.verdict {
        Verdict::Altered => 0,
        Verdict::NotReproduced => 1,
        Verdict::ChainUnavailable => 2,
        Verdict::OtherAlgorithm => 3,
        Verdict::Reproduced => 4,
    };
    let worst = traces.iter().min_by_key(rank);
    let verdict = worst.map_or(Verdict::Reproduced, |worst| worst.verdict);
    let sentence = worst.filter(|_| verdict != Verdict::Reproduced).map(Trace::sentence);
    Ok(Told { text, verdict, sentence })
}

/// A record that is not even one any more.
fn altered(sentence: String) -> Told {
    Told { text: String::new(), verdict: Verdict::Altered, sentence: Some(sentence) }
}

/// Traces what is asked for.
///
/// # Errors
/// If the command line, the configuration or a file of another kind is wrong (all of them a wrong command line here, because the
/// verdicts have numbers of their own), or the journal cannot be read.
pub async fn trace(wanted: &Tracing) -> Result<Told, Failure> {
    let told = match (&wanted.record, &wanted.rpc, &wanted.config, &wanted.what) {
        (Some(file), Some(url), _, _) => of_file(file, url, wanted.json).await,
        (None, _, Some(config), Some(what)) => of_journal(config, what, wanted).await,
        _ => Err(Failure::new(
            Exit::Usage,
            "Expected either --record FILE with --rpc URL, or --config FILE with what to trace.",
        )),
    };
    told.map_err(|failure| match failure.exit {
        Exit::Config | Exit::Deployment => Failure { exit: Exit::Usage, ..failure },
        _ => failure,
    })
}

/// A file and an endpoint, and nothing else.
async fn of_file(path: &Path, url: &str, is_json: bool) -> Result<Told, Failure> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Exit::Usage, format_args!("{name}: it cannot be read: {error}."))
    })?;
    let file = match RecordFile::parse(&text) {
        Ok(file) => file,
        Err(error @ FileError::Changed(_)) => return Ok(altered(format!("{name}: {error}."))),
        Err(error) => return Err(Failure::new(Exit::Usage, format_args!("{name}: {error}."))),
    };
    let url = EndpointUrl::parse(url)
        .map_err(|error| Failure::new(Exit::Usage, format_args!("--rpc: {error}.")))?;
    let http = HttpChain::new(url, PATIENCE).map_err(|error| world::chain_failure(&error))?;
    // As several endpoints are asked: an endpoint that lags is asked again.
    let chain = Endpoints::new(vec![Arc::new(http)]);
    told(&[examine(&chain, &file).await], is_json)
}

/// The journal of a configuration, and its endpoints.
async fn of_journal(config: &Path, what: &Wanted, wanted: &Tracing) -> Result<Told, Failure> {
    let config = Config::load(config)?;
    let config = if wanted.shadow { crate::mode::Mode::Shadow.applied(&config, 0) } else { config };
    let vaults = known_vaults(&config, wanted.vault.as_deref())?;
    let chosen = config.select(wanted.vault.as_deref())?;
    let mut searched = Vec::new();
    let endpoints: Vec<Endpoints> =
        config.chains.iter().map(world::connect).collect::<Result<_, _>>()?;
    for (vault, of) in vaults.iter().zip(&chosen) {
        searched.push(find::Searched { vault, endpoints: &endpoints[of.chain] });
    }
    let journal = JournalReader::connect(config.journal.expose())
        .await
        .map_err(|error| Failure::new(Exit::Journal, format_args!("The {error}.")))?;
    // What was changed behind the journal's back is found before anything is read of it.
    let mut breaches = Vec::with_capacity(vaults.len());
    for Known { name, chain_id, vault } in &vaults {
        let report = journal.verify_chain(*chain_id, *vault).await;
        let report = match report {
            Ok(report) => report,
            Err(error @ JournalError::Damaged { .. }) => {
                return Ok(altered(format!("The {error}.")));
            }
            Err(error) => return Err(Failure::new(Exit::Journal, format_args!("The {error}."))),
        };
        breaches.push(report.breaches.into_iter().next().map(|breach| (name.clone(), breach)));
    }
    let found = match find::find(&journal, &searched, what).await {
        Ok(found) => found,
        Err(failure) => {
            // A record that is changed cannot be read: what is wrong with it is the answer.
            return match breaches.iter().flatten().next() {
                Some((name, breach)) if failure.exit == Exit::Journal => {
                    Ok(altered(format!("Vault {name}: the chain of records is broken: {breach}.")))
                }
                _ => Err(failure),
            };
        }
    };
    let names: BTreeMap<_, _> =
        config.vaults.iter().flat_map(|vault| vault.strategies.clone()).collect();
    let mut traces = Vec::new();
    for (place, mut file) in found {
        let endpoints = searched[place].endpoints;
        if let Some(record) = file.filed().and_then(|filed| filed.read().ok()) {
            file.policy = crate::journal::policy_of(endpoints, &record).await;
        }
        let mut trace = examine(endpoints, &file).await;
        trace.names.clone_from(&names);
        traces.push(match &breaches[place] {
            None => trace,
            Some((name, breach)) => trace.with(Finding::new(
                Subject::Hashes,
                Standing::Differs,
                format_args!(
                    "the chain of records of vault {name} is broken in the journal: {breach}"
                ),
            )),
        });
    }
    told(&traces, wanted.json)
}

#[cfg(test)]
mod tests;
