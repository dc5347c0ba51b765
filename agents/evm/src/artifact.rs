//! Creation code and selectors from the Solidity builds.

use std::{env, fs, path::Path};

use alloy_primitives::{Address, Bytes, hex};
use serde_json::Value;

/// What a build says of one contract.
#[derive(Debug)]
pub struct Artifact {
    json: Value,
    /// File and command that makes it, for messages.
    place: String,
}

impl Artifact {
    /// The artifact of a contract of `contracts` or `test` that has a file of its own name.
    ///
    /// # Errors
    /// If it was not built.
    pub fn read(contract: &str) -> Result<Self, String> {
        let out = env::var("FOUNDRY_OUT").unwrap_or_else(|_| "out".to_owned());
        Self::read_from(&out, contract, "make contracts")
    }

    /// The artifact of a contract of `venues`, or of one that these use.
    ///
    /// # Errors
    /// If it was not built.
    pub fn of_venues(contract: &str) -> Result<Self, String> {
        Self::read_from("venues/out", contract, "make venues")
    }

    fn read_from(out: &str, contract: &str, make: &str) -> Result<Self, String> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(""));
        let path = root.join(out).join(format!("{contract}.sol")).join(format!("{contract}.json"));
        let text = fs::read_to_string(&path)
            .map_err(|_| format!("{} is missing: run `{make}` first", path.display()))?;
        let json = serde_json::from_str(&text)
            .map_err(|error| format!("{} is no JSON: {error}", path.display()))?;
        Ok(Self { json, place: format!("{} (made by `{make}`)", path.display()) })
    }

    /// Creation code of a contract without libraries.
    ///
    /// # Errors
    /// If there is none, or it needs libraries.
    pub fn creation_code(&self) -> Result<Bytes, String> {
        self.linked(|library| Err(format!("it needs the library {library}")))
    }

    /// Creation code with the libraries that it needs, each asked for by its name.
    ///
    /// # Errors
    /// If there is none, and the errors of `library`.
    pub fn linked(
        &self,
        mut library: impl FnMut(&str) -> Result<Address, String>,
    ) -> Result<Bytes, String> {
        let of = |cause: String| format!("{}: {cause}", self.place);
        let mut code = self.json["bytecode"]["object"].as_str().unwrap_or_default().to_owned();
        if code.starts_with("0x") {
            code.replace_range(..2, "");
        }
        let files = self.json["bytecode"]["linkReferences"].as_object().into_iter().flatten();
        let libraries = files.flat_map(|(_, names)| names.as_object().into_iter().flatten());
        for (name, references) in libraries {
            let address = hex::encode(library(name).map_err(of)?);
            for start in references.as_array().into_iter().flatten() {
                let start = start["start"].as_u64().and_then(|start| usize::try_from(start).ok());
                // Two digits a byte; the placeholder is as long as an address.
                let digits = start.map(|start| 2 * start..2 * start + address.len());
                let digits = digits.filter(|digits| digits.end <= code.len());
                let digits = digits.ok_or_else(|| of(format!("no place for {name}")))?;
                code.replace_range(digits, &address);
            }
        }
        match hex::decode(&code) {
            Ok(code) if !code.is_empty() => Ok(code.into()),
            _ => Err(of("it holds no creation code".to_owned())),
        }
    }

    /// The selector of the only function of that name.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn selector(&self, function: &str) -> Result<[u8; 4], String> {
        let start = format!("{function}(");
        let selectors = self.json["methodIdentifiers"].as_object();
        let selector = selectors
            .and_then(|all| all.iter().find(|(signature, _)| signature.starts_with(&start)))
            .and_then(|(_, selector)| selector.as_str())
            .and_then(|selector| hex::decode_to_array(selector).ok());
        selector.ok_or_else(|| format!("the build has no function {function}"))
    }
}
