//! The keeper as an operator runs it: a process with a config file and an encrypted key.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
    time::Duration,
};

use alloy::{
    primitives::{Address, B256, keccak256},
    signers::local::PrivateKeySigner,
};
use anyhow::{Context, Result, ensure};

use crate::{anvil::Head, book::Book, paths, process, process::Running, world::World};

/// Password of the play key. Neither guards anything.
const PASSWORD: &str = "play";

/// A running keeper.
#[derive(Debug)]
pub struct Keeper {
    process: Running,
    config: PathBuf,
    log: PathBuf,
}

impl Keeper {
    /// The play key's account.
    ///
    /// # Errors
    /// Never in practice: the key is fixed.
    pub fn agent() -> Result<Address> {
        Ok(PrivateKeySigner::from_bytes(&Self::key()).context("the play key")?.address())
    }

    /// A key that everybody can compute: it is for local chains only.
    fn key() -> B256 {
        keccak256("the keeper of a play treasury")
    }

    /// Writes a keystore with the play password, unless it is there. Gives back the key's account.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keystore(folder: &Path, name: &str, key: B256) -> Result<Address> {
        if !folder.join(name).exists() {
            process::run(
                "cast wallet import",
                Command::new(paths::foundry("cast")?)
                    .args(["wallet", "import", name, "--unsafe-password", PASSWORD])
                    .args(["--private-key", &key.to_string()])
                    .arg("--keystore-dir")
                    .arg(folder),
                &folder.join("keystore.log"),
                Duration::from_secs(30),
            )?;
        }
        Ok(PrivateKeySigner::from_bytes(&key).context("a play key")?.address())
    }

    /// Writes keystore and password of the play key into a folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn keep_key(folder: &Path) -> Result<()> {
        std::fs::write(folder.join("agent.password"), format!("{PASSWORD}\n"))?;
        Self::keystore(folder, "agent.keystore", Self::key())?;
        Ok(())
    }

    /// Writes `keeper.toml`, keystore and password into the world's folder. Returns the config's path.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn prepare(world: &World) -> Result<PathBuf> {
        let folder = &world.folder;
        let config = folder.join("keeper.toml");
        Self::keep_key(folder)?;
        let deployment = world
            .deployment
            .strip_prefix(folder)
            .context("the deployment file is not in the world's folder")?;
        let names: String = world
            .strategies
            .iter()
            .map(|(name, strategy, _)| format!("\"{strategy}\" = \"{name}\"\n"))
            .collect();
        std::fs::write(
            &config,
            format!(
                r#"# Keeper of the play treasury.
[agent]
address = "{agent}"
keystore = "agent.keystore"
password_file = "agent.password"

[journal]
url = "sqlite:journal.db"

[[chains]]
name = "local"
chain_id = {chain_id}

[chains.profile]
block_seconds = 12
finality = "tag"
reorg_window = 64
fee_model = "l1"
deadline_seconds = 300
poll_ms = 10

[chains.fees]
max_fee_gwei = "60"
priority_fee_gwei = "1"
cancel_max_fee_gwei = "120"

[[chains.endpoints]]
url = "{url}"

[[vaults]]
name = "treasury"
chain = "local"
deployment = "{deployment}"
vault = "{vault}"
headroom_bps = 10
smallest_move = "1000 {symbol}"
native_price = {{ source = "fixed", assets_per_native = "3000 {symbol}" }}

[vaults.gas]
base = 250_000
leg = 350_000
limit = 6_000_000

# The people of the story refresh the vault themselves; tests of upkeep say otherwise.
[vaults.upkeep]
checkpoint_hours = 0

[vaults.strategies]
{names}"#,
                agent = Self::agent()?,
                chain_id = crate::anvil::CHAIN_ID,
                url = world.clock.chain.url,
                deployment = deployment.display(),
                vault = world.treasury.vault,
                symbol = world.venues.asset.symbol,
            ),
        )?;
        Ok(config)
    }

    /// Prepares and starts one.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(world: &World) -> Result<Self> {
        let config = Self::prepare(world)?;
        Self::start_with(&config, &world.folder, &[])
    }

    /// Starts one on a config that exists, with further environment variables.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_with(config: &Path, folder: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let log = folder.join(format!("keeper-{}.log", next_log(folder)));
        let mut command = process::command(paths::keeper()?);
        command.arg("run").arg("--config").arg(config).arg("--json");
        for (name, value) in variables {
            command.env(name, value);
        }
        let process = Running::start("keeper", &mut command, &log)?;
        Ok(Self { process, config: config.to_path_buf(), log })
    }

    /// Runs another verb of the keeper to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn ask(config: &Path, verb: &str, arguments: &[&str]) -> Result<Output> {
        Self::ask_under(config, &[verb], arguments)
    }

    /// As [`Keeper::ask`], for a verb below another one.
    ///
    /// # Errors
    /// As [`Keeper::ask`].
    pub fn ask_under(config: &Path, verbs: &[&str], arguments: &[&str]) -> Result<Output> {
        Command::new(paths::keeper()?)
            .args(verbs)
            .arg("--config")
            .arg(config)
            .args(arguments)
            .output()
            .with_context(|| format!("running keeper {}", verbs.join(" ")))
    }

    /// Its config file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its exit status if it has ended.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.ended()
    }

    /// Kills it without warning.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Stops it in good order.
    ///
    /// # Errors
    /// If it takes longer than ten seconds or ends with another exit code than 0.
    pub fn stop(&mut self) -> Result<()> {
        let status = self.process.stop(Duration::from_secs(10))?;
        ensure!(status.success(), "the keeper ended with {status}; see {}", self.log.display());
        Ok(())
    }

    /// Whether the journal holds its decision for a block, and everything it wants mined is in the pool.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn is_done_with(&self, head: &Head) -> Result<bool> {
        let folder = self.config.parent().context("a config without a folder")?;
        // Before the keeper has made its journal there is nothing to read.
        if !folder.join("journal.db").exists() {
            return Ok(false);
        }
        match Book::open(folder).await {
            Ok(book) => book.is_done_with(head).await,
            Err(_) => Ok(false),
        }
    }
}

fn next_log(folder: &Path) -> usize {
    (1..).find(|n| !folder.join(format!("keeper-{n}.log")).exists()).unwrap_or(0)
}
