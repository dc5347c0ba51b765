//! SIGHUP: the configuration is read again and taken over while the keeper runs, where that is safe; else nothing of it is,
//! and the log says why.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;
use vagus_chain::lifecycle::bumped_up;

use crate::{
    board::{Board, ChainView},
    config::{AlertsConfig, ChainConfig, Config, NativePriceSource, VaultConfig},
    exit::{Exit, Failure},
};

/// What reads the configuration again.
#[derive(Debug)]
pub struct Reload {
    path: PathBuf,
    current: Config,
    board: Arc<Board>,
    chains: watch::Sender<Option<Arc<Config>>>,
    alerts: watch::Sender<AlertsConfig>,
}

/// Where what is taken over is heard of.
#[derive(Clone, Debug)]
pub struct Channels {
    /// By the loops of chains.
    pub chains: watch::Receiver<Option<Arc<Config>>>,
    /// By what tells people.
    pub alerts: watch::Receiver<AlertsConfig>,
}

impl Reload {
    /// Of a file that was read, as it was read.
    #[must_use]
    pub fn new(path: PathBuf, current: Config, board: Arc<Board>) -> (Self, Channels) {
        let (chains, of_chains) = watch::channel(None);
        let (alerts, of_alerts) = watch::channel(current.alerts.clone());
        let channels = Channels { chains: of_chains, alerts: of_alerts };
        (Self { path, current, board, chains, alerts }, channels)
    }

    /// Reads again at every SIGHUP, until told to stop.
    ///
    /// # Errors
    /// If the signal cannot be listened to.
    pub fn listen(mut self, mut stop: watch::Receiver<bool>) -> Result<(), Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangups = signal(SignalKind::hangup()).map_err(|error| {
            Failure::new(Exit::Internal, format_args!("Signals cannot be listened to: {error}."))
        })?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = stop.wait_for(|is_stopped| *is_stopped) => return,
                    heard = hangups.recv() => if heard.is_none() { return },
                }
                match self.reload() {
                    Ok(changes) if changes.is_empty() => {
                        tracing::info!("SIGHUP: nothing has changed")
                    }
                    Ok(changes) => tracing::info!("SIGHUP: taken over: {}", changes.join(", ")),
                    Err(why) => tracing::error!("SIGHUP: nothing is taken over: {why}"),
                }
            }
        });
        Ok(())
    }

    /// Reads again, and takes over all of it or nothing. Gives back what has changed.
    ///
    /// # Errors
    /// Why nothing is taken over.
    pub fn reload(&mut self) -> Result<Vec<String>, String> {
        let new = Config::load(&self.path).map_err(|failure| failure.sentence)?;
        let changes = changes(&self.current, &new, &self.board.views())?;
        if !changes.is_empty() {
            self.alerts.send_replace(new.alerts.clone());
            self.chains.send_replace(Some(Arc::new(new.clone())));
            self.current = new;
        }
        Ok(changes)
    }
}

fn restart(what: &str) -> String {
    format!("{what} has changed, which needs a restart.")
}

/// What of a new configuration is taken over.
///
/// # Errors
/// The first thing that may not change while the keeper runs.
pub fn changes(
    old: &Config,
    new: &Config,
    views: &[Arc<ChainView>],
) -> Result<Vec<String>, String> {
    // Named one by one, so that a section that is added later has to be thought of here.
    let Config { agent, journal, retention, fleet, http, alerts, traces, chains, vaults } = old;
    for (what, is_same) in [
        ("[agent]", *agent == new.agent),
        ("[journal]", *journal == new.journal && *retention == new.retention),
        ("[fleet]", *fleet == new.fleet),
        ("[http]", *http == new.http),
        ("[traces]", *traces == new.traces),
        ("The list of [[chains]]", names(chains) == names(&new.chains)),
        ("The list of [[vaults]]", vault_names(vaults) == vault_names(&new.vaults)),
    ] {
        if !is_same {
            return Err(restart(what));
        }
    }
    let mut changed = Vec::new();
    if *alerts != new.alerts {
        changed.push("[alerts]".to_owned());
    }
    for (old, new) in chains.iter().zip(&new.chains) {
        let view = views.iter().find(|view| view.name == old.name);
        if of_chain(old, new, view.map(|view| &**view))? {
            changed.push(format!("fees of chain {}", old.name));
        }
    }
    for (old, new) in vaults.iter().zip(&new.vaults) {
        if of_vault(old, new, views)? {
            changed.push(format!("vault {}", old.name));
        }
    }
    Ok(changed)
}

fn names(chains: &[ChainConfig]) -> Vec<&str> {
    chains.iter().map(|chain| chain.name.as_str()).collect()
}

fn vault_names(vaults: &[VaultConfig]) -> Vec<(&str, usize)> {
    vaults.iter().map(|vault| (vault.name.as_str(), vault.chain)).collect()
}

fn of_chain(
    old: &ChainConfig,
    new: &ChainConfig,
    view: Option<&ChainView>,
) -> Result<bool, String> {
    let name = &old.name;
    if old.with_changes_of(new) != *new {
        return Err(restart(&format!("Chain {name}: something besides its fees")));
    }
    // What is under way was signed for up to the old cap; a cancellation has to be able to replace it.
    let needed = bumped_up(old.fees.max_fee_gwei.wei);
    let is_in_flight = view.is_some_and(|view| view.vaults.iter().any(|vault| vault.is_in_flight));
    if is_in_flight && new.fees.cancel_max_fee_gwei.wei < needed {
        return Err(format!(
            "Chain {name}: cancel_max_fee_gwei is too low to take back what is under way; try again when nothing is."
        ));
    }
    Ok(old != new)
}

fn of_vault(
    old: &VaultConfig,
    new: &VaultConfig,
    views: &[Arc<ChainView>],
) -> Result<bool, String> {
    let name = &old.name;
    if old.with_changes_of(new) != *new {
        return Err(restart(&format!("Vault {name}: its deployment")));
    }
    if old == new {
        return Ok(false);
    }
    // A wrong amount would end the keeper at its next decision.
    let seen = views
        .iter()
        .flat_map(|view| view.vaults.iter())
        .find(|vault| vault.name == *name)
        .map(|vault| vault.seen.as_ref());
    let asset = match seen {
        // Another keeper of the configuration's vaults works on it.
        None => return Ok(true),
        Some(None) => {
            return Err(format!("Vault {name} was not read yet, so that its asset is not known."));
        }
        Some(Some(seen)) => &seen.asset,
    };
    let fixed = match &new.native_price {
        NativePriceSource::Fixed { assets_per_native } => Some(assets_per_native),
        NativePriceSource::Native => None,
    };
    for amount in std::iter::once(&new.smallest_move).chain(fixed) {
        amount
            .in_units(&asset.symbol, asset.decimals)
            .map_err(|error| format!("Vault {name}: {error}."))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
