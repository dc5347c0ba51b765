//! Which code the build makes: the hash of each contract's runtime code with its immutables set to zero.

use std::{collections::BTreeMap, fs, path::Path};

use alloy::primitives::{B256, keccak256};
use serde::Deserialize;
use serde_json::Value;

/// What the build of this release makes, written by `make code-hashes`.
const OF_THIS_RELEASE: &str = include_str!("../../../../deployments/code-hashes.json");

/// One contract of a build.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Bytes of its runtime code.
    pub bytes: usize,
    /// Keccak-256 of that code with every immutable set to zero.
    pub hash: B256,
    /// Where immutables stand: first byte and number of bytes.
    pub immutables: Vec<(usize, usize)>,
}

impl Known {
    /// Whether a code is this contract's, whatever its immutables say.
    #[must_use]
    pub fn is(&self, code: &[u8]) -> bool {
        code.len() == self.bytes && self.masked(code) == Some(self.hash)
    }

    fn masked(&self, code: &[u8]) -> Option<B256> {
        let mut code = code.to_vec();
        for (start, length) in &self.immutables {
            code.get_mut(*start..start.checked_add(*length)?)?.fill(0);
        }
        Some(keccak256(code))
    }
}

/// The contracts of a build by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeList {
    schema: u32,
    contracts: BTreeMap<String, Known>,
}

impl CodeList {
    /// That of this release.
    ///
    /// # Errors
    /// If the release was built with a list that is none.
    pub fn of_this_release() -> Result<Self, String> {
        Self::parse(OF_THIS_RELEASE, "the list of this release")
    }

    /// From a file that `make code-hashes` wrote, or from a folder of forge's artifacts (`out`).
    ///
    /// # Errors
    /// One sentence without a full stop.
    pub fn load(path: &Path) -> Result<Self, String> {
        let place = path.display().to_string();
        if path.is_dir() {
            return Self::of_artifacts(path);
        }
        let text = fs::read_to_string(path).map_err(|error| format!("{place}: {error}"))?;
        Self::parse(&text, &place)
    }

    fn parse(text: &str, place: &str) -> Result<Self, String> {
        let list: Self = serde_json::from_str(text)
            .map_err(|error| format!("{place}: expected a list of code hashes: {error}"))?;
        if list.schema != 1 {
            return Err(format!("{place}: schema {} is not understood; expected 1", list.schema));
        }
        Ok(list)
    }

    /// The same contracts as in the list of this release, out of a build.
    fn of_artifacts(folder: &Path) -> Result<Self, String> {
        let mut contracts = BTreeMap::new();
        for name in Self::of_this_release()?.contracts.into_keys() {
            let file = folder.join(format!("{name}.sol")).join(format!("{name}.json"));
            let failed = |cause: String| format!("{}: {cause}", file.display());
            let text = fs::read_to_string(&file).map_err(|error| failed(error.to_string()))?;
            let known = of_artifact(&text).map_err(failed)?;
            contracts.insert(name, known);
        }
        Ok(Self { schema: 1, contracts })
    }

    /// A contract by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Known> {
        self.contracts.get(name)
    }

    /// The contract whose code this is.
    #[must_use]
    pub fn name_of(&self, code: &[u8]) -> Option<&str> {
        let found = self.contracts.iter().find(|(_, known)| known.is(code));
        found.map(|(name, _)| name.as_str())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    deployed_bytecode: Deployed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployed {
    object: alloy::primitives::Bytes,
    #[serde(default)]
    immutable_references: BTreeMap<String, Vec<Place>>,
    #[serde(default)]
    link_references: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

fn of_artifact(text: &str) -> Result<Known, String> {
    let artifact: Artifact = serde_json::from_str(text)
        .map_err(|error| format!("expected an artifact of forge: {error}"))?;
    let deployed = artifact.deployed_bytecode;
    if !deployed.link_references.is_empty() {
        return Err("it needs a library beside it, whose code nothing would compare".to_owned());
    }
    let places = deployed.immutable_references.into_values().flatten();
    let mut known = Known {
        bytes: deployed.object.len(),
        hash: B256::ZERO,
        immutables: places.map(|place| (place.start, place.length)).collect(),
    };
    known.immutables.sort_unstable();
    known.hash =
        known.masked(&deployed.object).ok_or("an immutable stands outside the code".to_owned())?;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known { bytes: 6, hash: keccak256([1, 2, 0, 0, 0, 6]), immutables: vec![(2, 3)] }
    }

    #[test]
    fn a_code_is_known_whatever_its_immutables_say_and_in_nothing_else() {
        assert!(known().is(&[1, 2, 0, 0, 0, 6]));
        assert!(known().is(&[1, 2, 9, 8, 7, 6]));
        assert!(!known().is(&[1, 3, 9, 8, 7, 6]), "before them");
        assert!(!known().is(&[1, 2, 9, 8, 7, 7]), "after them");
        assert!(!known().is(&[1, 2, 9, 8, 7]), "shorter");
        assert!(!known().is(&[1, 2, 9, 8, 7, 6, 0]), "longer");
        assert!(!known().is(&[]));
        let outside = Known { immutables: vec![(5, 2)], ..known() };
        assert!(!outside.is(&[1, 2, 0, 0, 0, 6]), "no panic on a list that is wrong");
    }

    #[test]
    fn an_artifact_gives_what_the_list_has() {
        let text = r#"{"deployedBytecode":{"object":"0x010209080706","immutableReferences":{"7":[{"start":2,"length":3}]}}}"#;
        assert_eq!(of_artifact(text), Ok(known()));
        let linked = text.replace("\"immutable", "\"linkReferences\":{\"a.sol\":{}},\"immutable");
        assert!(of_artifact(&linked).unwrap_err().contains("library"));
        assert!(of_artifact("{}").unwrap_err().contains("artifact"));
    }

    #[test]
    fn the_list_of_this_release_is_read() {
        let list = CodeList::of_this_release().unwrap();
        for name in ["TreasuryVault", "Conduit", "PolicyGuard", "GuardRules", "TreasuryLens"] {
            assert!(list.get(name).is_some_and(|known| known.bytes > 1_000), "{name}");
        }
        assert_eq!(list.name_of(&[]), None);
        let other = CodeList::parse(r#"{"schema":2,"contracts":{}}"#, "list.json").unwrap_err();
        assert_eq!(other, "list.json: schema 2 is not understood; expected 1");
    }
}
