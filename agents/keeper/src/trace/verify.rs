//! From a file and what the chain says about it to findings. Pure: the same answers give the same findings.

use alloy::primitives::B256;
use vagus_allocator::{ALGORITHM_VERSION, Reason, verify_certificate};
use vagus_chain::{ChainError, ChainResult, Header, guard::find_rebalanced};
use vagus_journal::{Body, DecisionRecord, Observation, RecordFile};
use vagus_policy::Policy;

use super::{
    ask::{About, Answers, Seen, executed_in},
    difference::first_difference,
    finding::{Finding, Standing, Subject},
    outcome,
    own::consistent,
    rerun::{drafts, guarded, recorded},
};
use crate::decide::{self, Place};

use Standing::{Differs, Holds, Nothing, OtherVersion, Unknown};

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
            format_args!("it is of schema version {version}, this release reads {ours}"),
        ),
        None => Finding::new(Subject::Record, Differs, why),
    }
}

fn unknown(subject: Subject, error: &ChainError) -> Finding {
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

struct Look<'a> {
    file: &'a RecordFile,
    record: &'a DecisionRecord,
    about: &'a About,
    answers: &'a Answers,
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
        findings.push(self.policy());
        let policy = policy_in_force(self.file, self.answers);
        let policy = policy.as_ref();
        findings.extend(of_each(&|observation, _| self.decision(policy, observation)));
        findings.extend(of_each(&|observation, _| self.rules(policy, observation)));
        findings.extend(of_each(&|observation, _| certificate(policy, observation)));
        findings.push(self.event());
        findings.push(outcome::outcome(self.file, self.record, self.about));
    }

    fn block(&self, observation: &Observation, seen: &Seen) -> Finding {
        let of = |standing, words: String| Finding::new(Subject::Block, standing, words);
        let (block, chain_id) = (observation.block(), self.record.header.chain_id);
        match &self.answers.chain_id {
            Ok(id) if *id == chain_id => {}
            Ok(id) => {
                return of(
                    Differs,
                    format!("the endpoint is of chain {id}, the record of {chain_id}"),
                );
            }
            Err(error) => return unknown(Subject::Block, error),
        }
        let header = match &seen.header {
            Ok(Some(header)) => header,
            Ok(None) => return missing(observation, self.file, &seen.at_height),
            Err(error) => return unknown(Subject::Block, error),
        };
        let expected = Header { block, base_fee_wei: observation.snapshot.base_fee_wei };
        match first_difference(&expected, header) {
            None => of(Holds, format!("block {} is {}", block.number, block.hash)),
            Some(difference) => of(Differs, difference),
        }
    }

    fn lens(&self, seen: &Seen) -> Finding {
        let expected = self.record.header.lens_code_hash;
        match &seen.lens_code {
            Some(Ok(found)) if *found == expected => {
                Finding::new(Subject::Lens, Holds, format_args!("code {found}"))
            }
            Some(Ok(found)) => Finding::new(
                Subject::Lens,
                Differs,
                format_args!("its code hashes to {found}, the record names {expected}"),
            ),
            Some(Err(error)) => unknown(Subject::Lens, error),
            None => Finding::new(Subject::Lens, Unknown, "without the block it cannot be asked"),
        }
    }

    fn snapshot(&self, observation: &Observation, seen: &Seen) -> Finding {
        let of = |standing, words: &str| Finding::new(Subject::Snapshot, standing, words);
        let (Some(sighting), Ok(Some(header))) = (&seen.sighting, &seen.header) else {
            return of(Unknown, "without the block the lens cannot be asked");
        };
        let sighting = match sighting {
            Ok(sighting) => sighting,
            Err(error) => return unknown(Subject::Snapshot, error),
        };
        let recorded = &observation.snapshot;
        if observation.decision.reason == Reason::VaultUnread {
            let state = sighting.as_ref().map_or(&recorded.vault, |found| &found.vault);
            let place = Place {
                vault: self.record.header.vault,
                guard: state.guard,
                asset: state.asset.address,
                lens_version: recorded.lens_version,
            };
            let agent = self.record.header.agent;
            let blank = decide::unseen(self.record.header.chain_id, place, header, agent);
            return match (first_difference(recorded, &blank), sighting) {
                (Some(difference), _) => of(Differs, &difference),
                (None, Ok(_)) => of(Holds, "nothing was seen; by this endpoint it can be read"),
                (None, Err(unseen)) => {
                    of(Holds, &format!("nothing was seen, nor is it now: {}", unseen.cause))
                }
            };
        }
        match sighting {
            Ok(found) => match first_difference(recorded, found) {
                None => of(Holds, "read again through the lens: the same in every number"),
                Some(difference) => of(Differs, &format!("{difference} by the chain")),
            },
            Err(unseen) => of(Unknown, &unseen.to_string()),
        }
    }

    fn policy(&self) -> Finding {
        let of = |standing, words: String| Finding::new(Subject::Policy, standing, words);
        let header = &self.record.header;
        let filed = filed_policy(self.file);
        match (&self.about.policy, filed) {
            (None, _) => of(Nothing, "none was in force".to_owned()),
            (Some(_), _) if self.record.reason() == Reason::PolicyUnread => {
                of(Nothing, "it could not be read".to_owned())
            }
            (Some(Ok(found)), Some(filed)) if *found != filed => {
                of(Differs, "the chain's document is another than the file's".to_owned())
            }
            (Some(Ok(found)), _) if vagus_policy::hash(found) != header.policy_hash => {
                of(Differs, "the chain's document has another hash".to_owned())
            }
            (Some(Ok(_)), _) => {
                of(Holds, format!("version {}, hash {}", header.policy_version, header.policy_hash))
            }
            (Some(Err(_)), Some(_)) => of(
                Holds,
                "from the file: it has the hash that the guard names, its event was not to be had"
                    .to_owned(),
            ),
            (Some(Err(error)), None) => unknown(Subject::Policy, error),
        }
    }

    fn decision(&self, policy: Option<&Policy>, observation: &Observation) -> Finding {
        let of = |standing, words: &str| Finding::new(Subject::Decision, standing, words);
        if self.needs_policy(observation) && policy.is_none() {
            return of(Unknown, "without the document in force it cannot be made again");
        }
        let version = observation.decision.algorithm_version;
        if version != ALGORITHM_VERSION {
            return of(OtherVersion, &self.release(version));
        }
        let recorded = recorded(&self.record.body, observation);
        let Some(all) = guarded(|| drafts(policy, observation)) else {
            return of(Differs, "its numbers cannot be decided about");
        };
        if all.contains(&recorded) {
            return of(Holds, "made again: the same, to the last digit");
        }
        let difference = all.first().and_then(|draft| {
            let (a, b) = (&recorded.observation, &draft.observation);
            first_difference(a, b).or_else(|| {
                let plans = recorded.plan.as_ref().zip(draft.plan.as_ref());
                let sent = plans.and_then(|(a, b)| first_difference(&a.rebalance, &b.rebalance));
                sent.or_else(|| {
                    plans.and_then(|(a, b)| first_difference(&a.predicted, &b.predicted))
                })
            })
        });
        let words = difference.unwrap_or_else(|| {
            "a plan comes out where the record has none, or none where it has one".to_owned()
        });
        of(Differs, &format!("made again it is another: {words}"))
    }

    /// Which release makes the decision again.
    fn release(&self, version: u32) -> String {
        let by = self.file.outcome.as_ref().map(|outcome| outcome.keeper_version.as_str());
        let by = by.map_or("the release that wrote it".to_owned(), |by| {
            format!("keeper {by}, which wrote it,")
        });
        format!("algorithm {version}: {by} makes it again; this one has {ALGORITHM_VERSION}")
    }

    fn needs_policy(&self, observation: &Observation) -> bool {
        let reason = observation.decision.reason;
        let is_blind = matches!(
            reason,
            Reason::VaultUnread
                | Reason::PolicyUnread
                | Reason::StaleHead
                | Reason::DeepReorg
                | Reason::Paused
                | Reason::ModelMistrust
        );
        self.record.header.policy_version != 0 && !is_blind && !reason.is_upkeep()
    }

    fn rules(&self, policy: Option<&Policy>, observation: &Observation) -> Finding {
        let of = |standing, words: &str| Finding::new(Subject::Rules, standing, words);
        let Body::Rebalance { .. } = &self.record.body else {
            return of(Nothing, "nothing was to be sent");
        };
        let Some(policy) = policy else {
            return of(Unknown, "without the document in force they cannot be checked");
        };
        let recorded = recorded(&self.record.body, observation);
        let (snapshot, inputs) = (&observation.snapshot, &observation.inputs);
        let decision = observation.decision.clone();
        match guarded(|| decide::checked(policy, snapshot, inputs, decision)) {
            Some(draft) if draft == recorded => of(
                Holds,
                &format!("{} checks with headroom, the same numbers", observation.checks.len()),
            ),
            Some(draft) if draft.plan.is_none() => {
                of(Differs, "a rule refuses what was to be sent")
            }
            Some(draft) => {
                let difference = first_difference(&observation.checks, &draft.observation.checks);
                of(
                    Differs,
                    &difference.unwrap_or_else(|| {
                        "what was to be sent, or is predicted, is another".to_owned()
                    }),
                )
            }
            None => of(Differs, "its numbers cannot be checked"),
        }
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

/// The endpoint has no block of the record's hash.
fn missing(
    observation: &Observation,
    file: &RecordFile,
    at_height: &ChainResult<Option<Header>>,
) -> Finding {
    let of = |standing, words: String| Finding::new(Subject::Block, standing, words);
    let number = observation.block().number;
    let is_orphaned = file.outcome.as_ref().is_some_and(|outcome| outcome.is_orphaned);
    match at_height {
        Ok(Some(_)) if is_orphaned => of(
            Unknown,
            format!("block {number} was reorganised away after the decision, as its outcome says"),
        ),
        Ok(Some(found)) => of(
            Differs,
            format!(
                "block {number} is {}, the record says {}",
                found.block.hash,
                observation.block().hash
            ),
        ),
        Ok(None) => of(Unknown, format!("the endpoint has no block {number}")),
        Err(error) => unknown(Subject::Block, error),
    }
}

fn certificate(policy: Option<&Policy>, observation: &Observation) -> Finding {
    let of = |standing, words: String| Finding::new(Subject::Certificate, standing, words);
    let decision = &observation.decision;
    if decision.lines.is_empty() {
        return of(Nothing, "nothing was weighed".to_owned());
    }
    let Some(policy) = policy else {
        return of(Unknown, "without the document in force it cannot be recomputed".to_owned());
    };
    let (snapshot, inputs) = (&observation.snapshot, &observation.inputs);
    match guarded(|| verify_certificate(policy, snapshot, inputs, decision)) {
        Some(Ok(())) => of(Holds, "recomputed from its prices, without the search".to_owned()),
        Some(Err(error)) => of(Differs, error.to_string()),
        None => of(Differs, "its numbers cannot be recomputed".to_owned()),
    }
}
