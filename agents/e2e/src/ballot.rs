//! A policy file on its way to a vote, by the keeper's own commands: reviewed, compared with what is in force, proposed.

use std::{path::PathBuf, process::Output};

use alloy::primitives::{Address, Bytes};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use vagus_policy::{Policy, toml};

use crate::{governance::Proposal, keeper::Keeper, world::World};

/// A policy file in the folder of a world.
#[derive(Clone, Debug)]
pub struct Ballot {
    config: PathBuf,
    /// Its name in that folder.
    pub name: String,
    file: String,
}

impl Ballot {
    /// Writes the file, with the names that it uses, and a keeper's configuration beside it.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(world: &World, name: &str, policy: &Policy) -> Result<Self> {
        let file = world.folder.join(name);
        std::fs::write(&file, toml::render_alone(policy, world.policies.context()))
            .with_context(|| format!("writing {}", file.display()))?;
        let config = Keeper::prepare(world)?;
        Ok(Self { config, name: name.to_owned(), file: file.display().to_string() })
    }

    fn ask(&self, verb: &str, arguments: &[&str]) -> Result<String> {
        let output: Output = Keeper::ask_under(&self.config, &["policy", verb], arguments)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "keeper policy {verb} {}: {said}", self.name);
        let told = String::from_utf8_lossy(&output.stdout);
        Ok(told.replace(&self.file, &self.name))
    }

    /// What `keeper policy validate` says of it.
    ///
    /// # Errors
    /// If it finds an error.
    pub fn review(&self) -> Result<String> {
        self.ask("validate", &[&self.file])
    }

    /// What `keeper policy diff` says of it beside what is in force.
    ///
    /// # Errors
    /// If nothing is in force.
    pub fn changes(&self) -> Result<String> {
        self.ask("diff", &["on-chain", &self.file])
    }

    /// What `keeper policy propose` makes of it.
    ///
    /// # Errors
    /// If it refuses.
    pub fn proposal(&self) -> Result<Proposal> {
        let told: Value = serde_json::from_str(&self.ask("propose", &[&self.file, "--json"])?)?;
        let text = |part: &str| {
            let value = told.pointer(part).and_then(Value::as_str);
            value.with_context(|| format!("a proposal without {part}"))
        };
        Ok(Proposal {
            target: text("/proposal/target")?.parse()?,
            data: text("/proposal/calldata")?.parse()?,
            description: text("/description")?.to_owned(),
        })
    }

    /// What `keeper policy activate` would have sent: whom to call, and with what.
    ///
    /// # Errors
    /// If it is too early, or nothing waits.
    pub fn activation(&self) -> Result<(Address, Bytes)> {
        let told: Value = serde_json::from_str(&self.ask("activate", &["--json"])?)?;
        let text = |key: &str| told[key].as_str().context("an activation without one of its parts");
        Ok((text("to")?.parse()?, text("data")?.parse()?))
    }
}
