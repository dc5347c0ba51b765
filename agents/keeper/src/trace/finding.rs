//! What a trace looks into, and what it found.

use std::fmt;

use serde::Serialize;

use crate::exit::Verdict;

/// What is looked into, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The text of each record has its hash, and each names the one before it.
    Hashes,
    /// The record agrees with itself.
    Record,
    /// An event of the chain names the record, or one that follows it.
    Place,
    /// The block is one of the chain.
    Block,
    /// The lens is the one that the record names, with the code it names.
    Lens,
    /// The vault stood as the record says.
    Snapshot,
    /// The past prices that a rate was taken from are the chain's; told where there are some.
    Samples,
    /// The document in force is the one that the record names.
    Policy,
    /// The same is decided again.
    Decision,
    /// The guard's rules hold for what was decided, with the numbers recorded.
    Rules,
    /// The bound on what the decision misses is proven.
    Certificate,
    /// The guard's event names the decision.
    Event,
    /// What came of it is what the chain says.
    Outcome,
}

impl Subject {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Hashes => "hashes",
            Self::Record => "record",
            Self::Place => "place",
            Self::Block => "block",
            Self::Lens => "lens",
            Self::Snapshot => "snapshot",
            Self::Samples => "samples",
            Self::Policy => "policy",
            Self::Decision => "decision",
            Self::Rules => "rules",
            Self::Certificate => "certificate",
            Self::Event => "event",
            Self::Outcome => "outcome",
        }
    }

    /// Whether the record alone shows it, without the chain.
    const fn is_records_own(self) -> bool {
        matches!(self, Self::Hashes | Self::Record)
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It holds.
    Holds,
    /// It does not.
    Differs,
    /// The endpoint does not say.
    Unknown,
    /// Another version of the algorithm would have to say.
    OtherVersion,
    /// There is nothing to look into.
    Nothing,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "yes",
            Self::Differs => "NO",
            Self::Unknown => "not known",
            Self::OtherVersion => "other version",
            Self::Nothing => "–",
        })
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// About what.
    pub subject: Subject,
    /// How it stands.
    pub standing: Standing,
    /// In words, without a full stop.
    pub words: String,
}

impl Finding {
    /// One.
    pub fn new(subject: Subject, standing: Standing, words: impl fmt::Display) -> Self {
        Self { subject, standing, words: words.to_string() }
    }
}

/// What all of it comes to. What is wrong in the record itself says more than what differs from the chain, and that more
/// than what is not known.
#[must_use]
pub fn verdict(findings: &[Finding]) -> Verdict {
    let has = |standing: Standing| findings.iter().any(|finding| finding.standing == standing);
    let is_altered = |finding: &Finding| {
        finding.standing == Standing::Differs && finding.subject.is_records_own()
    };
    if findings.iter().any(is_altered) {
        Verdict::Altered
    } else if has(Standing::Differs) {
        Verdict::NotReproduced
    } else if has(Standing::Unknown) {
        Verdict::ChainUnavailable
    } else if has(Standing::OtherVersion) {
        Verdict::OtherAlgorithm
    } else {
        Verdict::Reproduced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let finding = |subject, standing| Finding::new(subject, standing, "");
        let holds = finding(Subject::Hashes, Standing::Holds);
        let mut all = vec![holds, finding(Subject::Outcome, Standing::Nothing)];
        assert_eq!(verdict(&all), Verdict::Reproduced);
        for (subject, standing, expected) in [
            (Subject::Decision, Standing::OtherVersion, Verdict::OtherAlgorithm),
            (Subject::Snapshot, Standing::Unknown, Verdict::ChainUnavailable),
            (Subject::Event, Standing::Differs, Verdict::NotReproduced),
            (Subject::Record, Standing::Differs, Verdict::Altered),
        ] {
            all.push(finding(subject, standing));
            assert_eq!(verdict(&all), expected);
        }
    }
}
