//! Which release decides as an older version of the algorithm did.

use serde_json::Value;
use vagus_allocator::ALGORITHM_VERSION;
use vagus_journal::RecordFile;

/// A version of the algorithm with a release and a commit of it that decides so.
struct Release {
    algorithm_version: u32,
    version: &'static str,
    commit: &'static str,
}

/// Of each version the last commit before it was raised; of the newest one that has it. Whoever raises `ALGORITHM_VERSION` puts
/// the commit before into the last row, and adds none of its own: it would not know its hash.
const RELEASES: [Release; 5] = [
    Release {
        algorithm_version: 1,
        version: "0.1.0",
        commit: "eb704a2ed5802b0576804101a084c6254d4d7d26",
    },
    Release {
        algorithm_version: 2,
        version: "0.1.0",
        commit: "332f83c81673c7e40de1b95033c678e1887e22d5",
    },
    Release {
        algorithm_version: 3,
        version: "0.1.0",
        commit: "b9de840130ae48d2726516ac1da89fd09d00036e",
    },
    Release {
        algorithm_version: 4,
        version: "0.1.0",
        commit: "468d4d37949214a8d7c14ac5183c98d1a4cac981",
    },
    Release {
        algorithm_version: 5,
        version: "0.1.0",
        commit: "5817be44564798fc0fd26023c23dc1677f2a2bbf",
    },
];

/// The release that decides as a file's record was decided, in words: by the version that the record names, whatever shape the
/// record has; else the one that wrote it, by the outcome beside it.
pub(super) fn deciding_so(file: &RecordFile) -> String {
    let version = file.filed().and_then(|filed| filed.record.pointer("/header/algorithm_version"));
    let version = version.and_then(Value::as_u64);
    let is_older = |release: &&Release| {
        release.algorithm_version != ALGORITHM_VERSION
            && version == Some(release.algorithm_version.into())
    };
    if let Some(Release { version, commit, .. }) = RELEASES.iter().find(is_older) {
        return format!("release {version} of commit {commit}");
    }
    match &file.outcome {
        Some(outcome) => format!("keeper {}, which wrote it,", outcome.keeper_version),
        None => "the release that wrote it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_older_version_has_a_commit_that_decides_so() {
        for version in 1..ALGORITHM_VERSION {
            let found = RELEASES.iter().filter(|one| one.algorithm_version == version).count();
            assert_eq!(found, 1, "version {version}");
        }
        for Release { algorithm_version, commit, .. } in &RELEASES {
            let place = format!("{commit}:agents/allocator/src/lib.rs");
            let output = Command::new("git").args(["show", &place]).output();
            // Where there is a repository with all of its history.
            let Some(output) = output.ok().filter(|output| output.status.success()) else {
                continue;
            };
            let text = String::from_utf8_lossy(&output.stdout);
            let line = format!("pub const ALGORITHM_VERSION: u32 = {algorithm_version};");
            assert!(text.contains(&line), "{commit} has no {line}");
        }
    }
}
