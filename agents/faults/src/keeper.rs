//! The keeper as an operator's service manager runs it: a process that is started again when it ends.

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use alloy::primitives::Address;
use anyhow::{Context, Result, ensure};
use vagus_e2e::{
    anvil::CHAIN_ID,
    keeper::Keeper,
    paths,
    process::{self, Running},
    world::World,
};

use crate::schedule::{Crash, FINALITY, WINDOW};

/// How long others wait for a keeper that says nothing; less than any pause of a schedule is none.
pub(crate) const LEASE_SECONDS: u64 = 6;
/// Longest that a question may be without an answer.
pub(crate) const TIMEOUT_MS: u64 = 400;
/// Name of the chain in the configuration.
const CHAIN: &str = "local";

/// A keeper at work.
#[derive(Debug)]
pub(crate) struct Hired {
    process: Running,
    log: PathBuf,
}

/// Writes a configuration into the world's folder.
pub(crate) fn configure(
    world: &World,
    journal: &str,
    endpoints: &[&str],
    quorum: usize,
    file: &Path,
) -> Result<()> {
    let deployment =
        world.deployment.strip_prefix(&world.folder).context("a deployment elsewhere")?;
    let asked: String =
        endpoints.iter().map(|url| format!("\n[[chains.endpoints]]\nurl = \"{url}\"\n")).collect();
    let text = format!(
        r#"[agent]
address = "{agent}"
keystore = "agent.keystore"
password_file = "agent.password"

[journal]
url = "{journal}"

[fleet]
lease_seconds = {LEASE_SECONDS}

[[chains]]
name = "{CHAIN}"
chain_id = {CHAIN_ID}
quorum = {quorum}

[chains.profile]
block_seconds = 12
finality = {FINALITY}
reorg_window = {WINDOW}
fee_model = "l1"
deadline_seconds = 72
poll_ms = 5
timeout_ms = {TIMEOUT_MS}

[chains.fees]
max_fee_gwei = "60"
priority_fee_gwei = "1"
cancel_max_fee_gwei = "120"
{asked}
[[vaults]]
name = "treasury"
chain = "{CHAIN}"
deployment = "{deployment}"
vault = "{vault}"
headroom_bps = 10
smallest_move = "1000 {symbol}"
native_price = {{ source = "fixed", assets_per_native = "3000 {symbol}" }}
gas = {{ base = 250_000, leg = 350_000, limit = 6_000_000 }}
upkeep = {{ checkpoint_hours = 0 }}
"#,
        agent = Keeper::agent()?,
        deployment = deployment.display(),
        vault = world.treasury.vault,
        symbol = world.venues.asset.symbol,
    );
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

impl Hired {
    /// Starts one, which may be about to kill itself somewhere.
    pub(crate) fn start(
        config: &Path,
        log: PathBuf,
        crash: Option<&Crash>,
        accepts_rewrite: bool,
        planted: u32,
    ) -> Result<Self> {
        // Another one is put here to see whether it is caught.
        let program = match std::env::var_os("VAGUS_FAULTS_KEEPER") {
            Some(other) => other.into(),
            None => paths::keeper()?,
        };
        let mut command = process::command(program);
        command.arg("run").arg("--config").arg(config).arg("--json");
        if accepts_rewrite {
            command.args(["--accept-rewritten", CHAIN]);
        }
        command.env("VAGUS_PLANTED_FAULT", planted.to_string());
        command.env_remove("VAGUS_CRASH_AT");
        if let Some(Crash { place, passage }) = crash {
            command.env("VAGUS_CRASH_AT", format!("{place}:{passage}"));
        }
        let process = Running::start("keeper", &mut command, &log)?;
        Ok(Self { process, log })
    }

    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.ended()
    }

    /// Its last words.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let words = text.lines().rev().find(|line| line.starts_with("keeper: "));
        words.unwrap_or("no last words").to_owned()
    }

    /// Whether it got as far as to say something of a vault.
    pub(crate) fn has_worked(&self) -> bool {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().any(|line| line.starts_with("{\"schema\""))
    }

    /// Stops it in good order.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let status = self.process.stop(Duration::from_secs(10))?;
        ensure!(status.success(), "the keeper ended with {status} when it was told to stop");
        Ok(())
    }
}

/// The account that acts.
pub(crate) fn agent() -> Result<Address> {
    Keeper::agent()
}
