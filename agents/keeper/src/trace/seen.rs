//! Whether what a record says was seen is what the chain says: block, lens, vault and document.

use vagus_allocator::Reason;
use vagus_chain::{ChainResult, Header};
use vagus_journal::{Observation, RecordFile};

use super::{
    ask::Seen,
    difference::first_difference,
    finding::{
        Finding,
        Standing::{Differs, Holds, Nothing, Unknown},
        Subject,
    },
    verify::{Look, filed_policy, unknown},
};
use crate::decide::{self, Place};

impl Look<'_> {
    pub(super) fn block(&self, observation: &Observation, seen: &Seen) -> Finding {
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

    pub(super) fn lens(&self, seen: &Seen) -> Finding {
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

    pub(super) fn snapshot(&self, observation: &Observation, seen: &Seen) -> Finding {
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

    pub(super) fn policy(&self) -> Finding {
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
