//! From what a person has in hand (a transaction, a decision, a block) to the records that it is about.

use std::str::FromStr;

use alloy::primitives::{Address, B256};
use vagus_chain::{ChainWriter as _, Endpoints, guard::find_rebalanced};
use vagus_journal::{JournalError, JournalReader, ReadJournal as _, RecordFile, RecordQuery};

use crate::{
    exit::{Exit, Failure},
    journal::{Known, file_of, file_of_run},
};

/// Records of rebalances that are read at once in search of a transaction.
const PAGE: u32 = 64;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A decision, or a transaction that carried one out.
    Hash(B256),
    /// The first hexadecimal digits of a decision's hash.
    Digits(String),
    /// Whatever was decided at a height.
    Block(u64),
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected a block's number, the hash of a decision or a transaction, or the first digits of a \
                        decision's hash, at least eight, with 0x before them";
        let Some(digits) = text.strip_prefix("0x") else {
            return text.parse().map(Self::Block).map_err(|_| expected.to_owned());
        };
        let is_hash = (8..=64).contains(&digits.len())
            && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        match text.parse() {
            Ok(hash) => Ok(Self::Hash(hash)),
            Err(_) if is_hash => Ok(Self::Digits(digits.to_ascii_lowercase())),
            Err(_) => Err(expected.to_owned()),
        }
    }
}

/// A vault whose journal is searched, with where to ask about its chain.
#[derive(Debug)]
pub(crate) struct Searched<'a> {
    /// The vault.
    pub(crate) vault: &'a Known,
    /// Endpoints of its chain.
    pub(crate) endpoints: &'a Endpoints,
}

fn failure(error: JournalError) -> Failure {
    match error {
        // The journal is as it should be: the body is not there any more.
        JournalError::Dropped(hash) => nothing(format_args!(
            "{hash}: its body was dropped by retention, and its hash alone is left"
        )),
        error => Failure::new(Exit::Journal, format_args!("The {error}.")),
    }
}

/// The files of what is asked for, each with the place of its vault in the list.
///
/// # Errors
/// If the journal fails, or holds nothing of the kind.
pub(crate) async fn find(
    journal: &JournalReader,
    vaults: &[Searched<'_>],
    wanted: &Wanted,
) -> Result<Vec<(usize, RecordFile)>, Failure> {
    let hash = match wanted {
        Wanted::Block(number) => return covering(journal, vaults, *number).await,
        Wanted::Digits(digits) => begun(journal, digits).await?,
        Wanted::Hash(hash) => *hash,
    };
    let found = match journal.record(hash).await.map_err(failure)? {
        Some(stored) => Some(stored),
        None => match carried_by(journal, vaults, hash).await? {
            Some(decision) => journal.record(decision).await.map_err(failure)?,
            None => None,
        },
    };
    let Some(stored) = found else {
        return Err(nothing(format_args!(
            "{hash}: the journal holds no such decision, and none that was carried out by such a transaction"
        )));
    };
    let vault = stored.record.header.vault;
    let Some(place) = vaults.iter().position(|searched| searched.vault.vault == vault) else {
        return Err(nothing(format_args!(
            "{hash}: it is of vault {vault}, expected one that is asked for"
        )));
    };
    Ok(vec![(place, file_of(journal, &stored).await.map_err(failure)?)])
}

fn nothing(what: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format_args!("{what}."))
}

async fn begun(journal: &JournalReader, digits: &str) -> Result<B256, Failure> {
    match journal.find(digits, 3).await.map_err(failure)?.as_slice() {
        [] => Err(nothing(format_args!("0x{digits}: the journal holds no such decision"))),
        [(hash, true)] => Ok(*hash),
        [(hash, false)] => Err(nothing(format_args!(
            "{hash}: its body was dropped by retention, and its hash alone is left"
        ))),
        _ => Err(nothing(format_args!(
            "0x{digits}: several decisions begin so; expected more digits"
        ))),
    }
}

/// What was decided at a block: records that cover it, in the order in which they were made. After a reorganisation there may
/// be several.
async fn covering(
    journal: &JournalReader,
    vaults: &[Searched<'_>],
    number: u64,
) -> Result<Vec<(usize, RecordFile)>, Failure> {
    let query =
        RecordQuery { from_block: Some(number), to_block: Some(number), ..RecordQuery::default() };
    let mut files = Vec::new();
    for (place, Searched { vault: Known { chain_id, vault, .. }, .. }) in vaults.iter().enumerate()
    {
        for stored in journal.records(*chain_id, *vault, query).await.map_err(failure)? {
            files.push((place, file_of(journal, &stored).await.map_err(failure)?));
        }
        let open = journal.open_run(*chain_id, *vault).await.map_err(failure)?;
        let covers = |run: &vagus_journal::DecisionRecord| {
            (run.first().block().number..=run.last().block().number).contains(&number)
        };
        if let Some(run) = open.filter(covers) {
            files.push((place, file_of_run(journal, &run).await.map_err(failure)?));
        }
    }
    if files.is_empty() {
        return Err(nothing(format_args!(
            "block {number}: nothing was decided at it, or retention has dropped it"
        )));
    }
    Ok(files)
}

/// The decision that a transaction carried out, by the guard's event, or tried to, by what was signed for it.
async fn carried_by(
    journal: &JournalReader,
    vaults: &[Searched<'_>],
    transaction: B256,
) -> Result<Option<B256>, Failure> {
    for searched in vaults {
        // An endpoint that does not know it is no proof that it is not one of ours.
        let Ok(Some(receipt)) = searched.endpoints.receipt(transaction).await else { continue };
        let guards: Vec<Address> = receipt.logs.iter().map(|log| log.address).collect();
        let event = guards.iter().find_map(|guard| find_rebalanced(*guard, &receipt.logs));
        if let Some(event) = event {
            return Ok(Some(event.decision));
        }
    }
    for Searched { vault: Known { chain_id, vault, .. }, .. } in vaults {
        let mut before_sequence = None;
        loop {
            let query = RecordQuery {
                rebalances_only: true,
                newest_first: true,
                limit: Some(PAGE),
                before_sequence,
                ..RecordQuery::default()
            };
            let page = journal.records(*chain_id, *vault, query).await.map_err(failure)?;
            let Some(last) = page.last() else { break };
            before_sequence = Some(last.sequence);
            for stored in &page {
                let attempts = journal.attempts(stored.hash).await.map_err(failure)?;
                if attempts.iter().any(|attempt| attempt.hash == transaction) {
                    return Ok(Some(stored.hash));
                }
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_told_by_its_form() {
        let hash = B256::repeat_byte(0xab);
        assert_eq!(hash.to_string().parse(), Ok(Wanted::Hash(hash)));
        assert_eq!("0xABABABAB".parse(), Ok(Wanted::Digits("abababab".to_owned())));
        assert_eq!("12345678".parse(), Ok(Wanted::Block(12_345_678)));
        for wrong in ["0xabababa", "abababab", "", "-1", "0x1234567g", "99999999999999999999"] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong}");
        }
    }
}
