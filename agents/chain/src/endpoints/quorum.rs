//! Whether what several endpoints say about one block is enough to move money on.

use std::fmt::Debug;

use alloy::primitives::B256;
use vagus_policy::Snapshot;

use crate::{ChainError, ChainResult, Header, Witness};

/// What one endpoint says, under its name.
pub(super) struct Testimony {
    pub(super) endpoint: String,
    pub(super) said: ChainResult<(Option<Header>, Witness)>,
}

/// Demands that at least `quorum` endpoints say what is expected, all of them with the same bytes, and that none says
/// otherwise.
pub(super) fn judge(
    testimonies: Vec<Testimony>,
    header: &Header,
    expected: &Snapshot,
    quorum: usize,
) -> ChainResult<()> {
    let subject = format!("vault {} at block {}", expected.vault.vault, header.block.number);
    let mut agreed = 0usize;
    let mut bytes: Option<B256> = None;
    let mut silence = None;
    for Testimony { endpoint, said } in testimonies {
        let disagrees = |expected: String, found: String| ChainError::Disagrees {
            endpoint: endpoint.clone(),
            subject: subject.clone(),
            expected,
            found,
        };
        let (own, witness) = match said {
            Ok((Some(own), witness)) => (own, witness),
            Ok((None, _)) => {
                let block = header.block.hash;
                silence.get_or_insert(ChainError::Late { endpoint: endpoint.clone(), block });
                continue;
            }
            Err(error @ ChainError::Disagrees { .. }) => return Err(error),
            Err(error) => {
                silence.get_or_insert(error);
                continue;
            }
        };
        if own != *header {
            return Err(disagrees(format!("{header:?}"), format!("{own:?}")));
        }
        match witness.sighting {
            Ok(snapshot) if snapshot == *expected => {}
            Ok(_) => {
                return Err(disagrees(
                    "what was decided on".to_owned(),
                    "another state".to_owned(),
                ));
            }
            Err(unseen) => {
                return Err(disagrees("what was decided on".to_owned(), unseen.to_string()));
            }
        }
        let first = *bytes.get_or_insert(witness.digest);
        if first != witness.digest {
            let (expected, found) = (first.to_string(), witness.digest.to_string());
            return Err(disagrees(format!("an answer with digest {expected}"), found));
        }
        agreed = agreed.saturating_add(1);
    }
    if agreed >= quorum {
        return Ok(());
    }
    let cause = silence
        .map_or_else(|| "no other endpoint is configured.".to_owned(), |error| error.to_string());
    Err(ChainError::NoQuorum { agreed, quorum, subject, cause })
}

/// What at least `quorum` endpoints say, and none says otherwise.
pub(super) fn agree<T: PartialEq + Debug>(
    answers: Vec<(String, ChainResult<T>)>,
    subject: &str,
    quorum: usize,
) -> ChainResult<T> {
    let (mut agreed, mut told, mut silence) = (0usize, None, None);
    for (endpoint, said) in answers {
        match (said, &told) {
            (Err(error), _) => {
                silence.get_or_insert(error);
                continue;
            }
            (Ok(found), None) => told = Some(found),
            (Ok(found), Some(expected)) if found != *expected => {
                return Err(ChainError::Disagrees {
                    endpoint,
                    subject: subject.to_owned(),
                    expected: format!("{expected:?}"),
                    found: format!("{found:?}"),
                });
            }
            (Ok(_), Some(_)) => {}
        }
        agreed = agreed.saturating_add(1);
    }
    match told {
        Some(told) if agreed >= quorum => Ok(told),
        _ => {
            let cause = silence.map_or_else(
                || "no other endpoint is configured.".to_owned(),
                |error| error.to_string(),
            );
            Err(ChainError::NoQuorum { agreed, quorum, subject: subject.to_owned(), cause })
        }
    }
}
