//! `keeper pause` and `keeper resume`: a person's word on a vault, written beside a running keeper. Asks no endpoint: it has
//! to work when nothing else does.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::Address;
use serde_json::json;
use vagus_chain::Deployment;
use vagus_journal::{Intervention, InterventionAction};

use crate::{
    JSON_SCHEMA_VERSION,
    cli::Intervening,
    config::Config,
    exit::{Exit, Failure},
};

/// Writes it down, and says what follows from it.
///
/// # Errors
/// If configuration, deployment file or vault is wrong, or the journal cannot be written. Nothing has changed then.
pub async fn intervene(
    wanted: &Intervening,
    action: InterventionAction,
) -> Result<String, Failure> {
    let config = Config::load(&wanted.config)?;
    let (chain_id, vault) = place(&config, &wanted.vault)?;
    let made_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let intervention = Intervention {
        chain_id,
        vault,
        action,
        person: wanted.person.clone(),
        reason: wanted.reason.clone(),
        made_at,
    };
    vagus_journal::intervene(config.journal.expose(), &intervention)
        .await
        .map_err(|error| Failure::new(Exit::Journal, format_args!("The {error}.")))?;
    if wanted.json {
        let document = json!({
            "schema": JSON_SCHEMA_VERSION,
            "name": wanted.vault,
            "intervention": intervention,
        });
        return Ok(document.to_string());
    }
    let what = match action {
        InterventionAction::Pause => {
            "paused: a running keeper stops at its next block and takes back what waits to be mined"
        }
        InterventionAction::Resume => {
            "resumed: a running keeper goes on at its next block, and the count of surprises begins anew"
        }
    };
    Ok(format!("vault {}: {what}", wanted.vault))
}

/// Chain and address of a vault, by the files alone.
fn place(config: &Config, name: &str) -> Result<(u64, Address), Failure> {
    let failed = |error| Failure::new(Exit::Deployment, error);
    for vault in config.select(Some(name))? {
        let Some(chain) = config.chains.get(vault.chain) else { continue };
        let deployment = Deployment::load(&vault.deployment).map_err(failed)?;
        let entry = deployment.vault(&vault.deployment, vault.vault).map_err(failed)?;
        return Ok((chain.chain_id, entry.vault));
    }
    // `select` gives at least one, and each stands on a chain of the configuration.
    Err(Failure::new(Exit::Internal, format_args!("The vault {name} has no chain.")))
}
