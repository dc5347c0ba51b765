//! Creation code and selectors from the Solidity build.

use std::{env, fs, path::Path};

use alloy_primitives::{Bytes, hex};
use serde_json::Value;

/// What the build says of one contract.
#[derive(Debug)]
pub(crate) struct Artifact {
    pub(crate) creation_code: Bytes,
    json: Value,
}

impl Artifact {
    /// The artifact of a contract that has a file of its own name.
    pub(crate) fn read(contract: &str) -> Result<Self, String> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(""));
        let out = root.join(env::var("FOUNDRY_OUT").unwrap_or_else(|_| "out".to_owned()));
        let path = out.join(format!("{contract}.sol")).join(format!("{contract}.json"));
        let text = fs::read_to_string(&path)
            .map_err(|_| format!("{} is missing: run `make contracts` first", path.display()))?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{} is no JSON: {error}", path.display()))?;
        let code = json["bytecode"]["object"].as_str().unwrap_or_default();
        let code = hex::decode(code).unwrap_or_default();
        if code.is_empty() {
            let path = path.display();
            return Err(format!(
                "{path} holds no linked creation code: run `make contracts` first"
            ));
        }
        Ok(Self { creation_code: code.into(), json })
    }

    /// The selector of the only function of that name.
    pub(crate) fn selector(&self, function: &str) -> Result<[u8; 4], String> {
        let start = format!("{function}(");
        let selectors = self.json["methodIdentifiers"].as_object();
        let selector = selectors
            .and_then(|all| all.iter().find(|(signature, _)| signature.starts_with(&start)))
            .and_then(|(_, selector)| selector.as_str())
            .and_then(|selector| hex::decode_to_array(selector).ok());
        selector.ok_or_else(|| format!("the build has no function {function}"))
    }
}
