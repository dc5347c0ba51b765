//! From a file and what the chain says about it to findings. Pure: the same answers give the same findings.

use alloy::primitives::B256;
use vagus_chain::{ChainError, guard::find_rebalanced};
use vagus_journal::{Body, DecisionRecord, Observation, RecordFile};
use vagus_policy::Policy;

use super::{
    again::certificate,
    ask::{About, Answers, Seen, executed_in},
    finding::{
        Finding,
        Standing::{Differs, Holds, Nothing, OtherVersion, Unknown},
        Subject,
    },
    outcome,
    own::consistent,
    release::deciding_so,
    rerun::guarded,
    samples,
};

/// The document that the file holds, if it holds one that can be read.
#[must_use]
pub(super) fn filed_policy(file: &RecordFile) -> Option<Policy> {
    file.policy.as_ref().and_then(|encoding| vagus_policy::decode(encoding).ok())
}

/// The document to decide under: the file's own, whose hash stands in the record, else the chain's.
#[must_use]
pub fn policy_in_force(file: &RecordFile, answers: &Answers) -> Option<Policy> {
    filed_policy(file).or_else(|| answers.about.as_ref()?.policy.as_ref()?.clone().ok())
}

/// Looks into a file. `record` is the one it is about, or why it cannot be read.
#[must_use]
pub fn verify(
    file: &RecordFile,
    record: Result<&DecisionRecord, &str>,
    answers: &Answers,
) -> Vec<Finding> {
    let mut findings = vec![hashes(file)];
    match (record, &answers.about) {
        (Ok(record), Some(about)) => {
            findings.push(own(file, record));
            findings.push(place(file, answers));
            let look = Look { file, record, about, answers };
            look.into_findings(&mut findings);
        }
        (Ok(record), None) => {
            findings.push(own(file, record));
            findings.push(place(file, answers));
        }
        (Err(why), _) => {
            findings.push(unreadable(file, why));
            findings.push(place(file, answers));
        }
    }
    findings
}

fn hashes(file: &RecordFile) -> Finding {
    let breaches = file.breaches();
    match breaches.first() {
        None => Finding::new(
            Subject::Hashes,
            Holds,
            format_args!(
                "{} records, each with its hash and after the one before",
                file.records.len()
            ),
        ),
        Some(first) => Finding::new(Subject::Hashes, Differs, first),
    }
}

fn own(file: &RecordFile, record: &DecisionRecord) -> Finding {
    let policy = filed_policy(file);
    match guarded(|| consistent(file, record, policy.as_ref())) {
        Some(Ok(())) => Finding::new(Subject::Record, Holds, "its parts agree with each other"),
        Some(Err(why)) => Finding::new(Subject::Record, Differs, why),
        None => Finding::new(Subject::Record, Differs, "its numbers cannot be"),
    }
}

/// A record that this release does not read is another release's, if it says so; its hash and its place speak for it.
fn unreadable(file: &RecordFile, why: &str) -> Finding {
    let version = file.filed().and_then(vagus_journal::FiledRecord::schema_version);
    let ours = u64::from(vagus_journal::RECORD_SCHEMA_VERSION);
    // Nothing else could tell a record of another version from one that only says so.
    let is_vouched = file.anchor.is_some();
    match version.filter(|version| *version != ours && is_vouched) {
        Some(version) => Finding::new(
            Subject::Record,
            OtherVersion,
            format_args!(
                "it is of schema version {version}: {} reads it; this one reads {ours}",
                deciding_so(file)
            ),
        ),
        None => Finding::new(Subject::Record, Differs, why),
    }
}

pub(super) fn unknown(subject: Subject, error: &ChainError) -> Finding {
    let words = error.to_string();
    Finding::new(subject, Unknown, words.trim_end_matches('.'))
}

/// Whether the chain itself vouches for the record and for everything before it.
fn place(file: &RecordFile, answers: &Answers) -> Finding {
    let Some(anchor) = &file.anchor else {
        return Finding::new(
            Subject::Place,
            Nothing,
            "no event of the chain names it or a record after it yet; what is compared below speaks for it",
        );
    };
    let expected = anchor.transaction;
    match &answers.anchor {
        Some(Ok(Some(found))) if *found == expected => {
            let words = match file.followers() {
                0 => format!("the event in block {} names it", anchor.block_number),
                count => format!(
                    "the event in block {} names the record {count} after it, which holds its hash",
                    anchor.block_number
                ),
            };
            Finding::new(Subject::Place, Holds, words)
        }
        Some(Ok(Some(found))) => Finding::new(
            Subject::Place,
            Differs,
            format_args!("the event is of transaction {found}, the file says {expected}"),
        ),
        Some(Ok(None)) => Finding::new(
            Subject::Place,
            Differs,
            format_args!("no event in block {} names {}", anchor.block_number, anchor.decision),
        ),
        Some(Err(error)) => unknown(Subject::Place, error),
        None => {
            Finding::new(Subject::Place, Differs, "the record does not say of which guard it is")
        }
    }
}

/// What is looked into, beside what is known of it.
pub(super) struct Look<'a> {
    pub(super) file: &'a RecordFile,
    pub(super) record: &'a DecisionRecord,
    pub(super) about: &'a About,
    pub(super) answers: &'a Answers,
}

impl Look<'_> {
    fn into_findings(self, findings: &mut Vec<Finding>) {
        let record = self.record;
        let runs: Vec<(&Observation, &Seen)> = [(record.first(), Some(&self.about.first))]
            .into_iter()
            .chain([(record.last(), self.about.last.as_ref())])
            .filter_map(|(observation, seen)| Some((observation, seen?)))
            .collect();
        // Of a run: what is wrong with its first block, else what there is to say of its last.
        let of_each = |look: &dyn Fn(&Observation, &Seen) -> Finding| {
            let all: Vec<_> =
                runs.iter().map(|(observation, seen)| look(observation, seen)).collect();
            let is_bad =
                |finding: &&Finding| finding.standing != Holds && finding.standing != Nothing;
            all.iter().find(is_bad).or(all.last()).cloned()
        };
        findings.extend(of_each(&|observation, seen| self.block(observation, seen)));
        findings.extend(of_each(&|_, seen| self.lens(seen)));
        findings.extend(of_each(&|observation, seen| self.snapshot(observation, seen)));
        let is_sampled = runs.iter().any(|(_, seen)| !seen.samples.is_empty());
        if is_sampled {
            findings.extend(of_each(&|_, seen| {
                samples::finding(&seen.samples).unwrap_or_else(|| {
                    Finding::new(Subject::Samples, Nothing, "no rate was taken from a past")
                })
            }));
        }
        findings.push(self.policy());
        let policy = policy_in_force(self.file, self.answers);
        let policy = policy.as_ref();
        findings.extend(of_each(&|observation, _| self.decision(policy, observation)));
        findings.extend(of_each(&|observation, _| self.rules(policy, observation)));
        findings.extend(of_each(&|observation, _| certificate(policy, observation)));
        findings.push(self.event());
        findings.push(outcome::outcome(self.file, self.record, self.about));
    }

    fn event(&self) -> Finding {
        let of = |standing, words: String| Finding::new(Subject::Event, standing, words);
        let said = executed_in(self.file.outcome.as_ref());
        match (&self.about.execution, said) {
            (None, _) => of(Nothing, "the guard names rebalances alone".to_owned()),
            (Some(Err(error)), _) => unknown(Subject::Event, error),
            (Some(Ok(None)), Some(block)) => {
                of(Differs, format!("no event in block {block} names the decision"))
            }
            (Some(Ok(None)), None) => {
                of(Nothing, "no event names it: it was not carried out".to_owned())
            }
            (Some(Ok(Some(transaction))), _) => self.event_of(*transaction).unwrap_or_else(|| {
                of(Holds, format!("transaction {transaction} names the decision"))
            }),
        }
    }

    /// What the event says beside the decision, if that is another's.
    fn event_of(&self, transaction: B256) -> Option<Finding> {
        let receipt = match &self.about.mined.as_ref()?.receipt {
            Ok(Some(receipt)) if receipt.hash == transaction => receipt,
            _ => return None,
        };
        let header = &self.record.header;
        let Body::Rebalance { rebalance, .. } = &self.record.body else { return None };
        let event = find_rebalanced(header.guard, &receipt.logs)?;
        let is_ours = (event.agent, event.nonce, event.decision)
            == (header.agent, rebalance.nonce, self.file.decision);
        (!is_ours).then(|| {
            Finding::new(
                Subject::Event,
                Differs,
                format_args!(
                    "the event is of agent {}, nonce {}, decision {}",
                    event.agent, event.nonce, event.decision
                ),
            )
        })
    }
}
