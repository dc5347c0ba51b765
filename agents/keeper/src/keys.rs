//! From the configuration to keys that sign.

use std::path::Path;

use alloy::primitives::{B256, hex};
use vagus_chain::{AgentKey, KeyError};
use zeroize::Zeroizing;

use crate::{
    config::{AgentConfig, KeyConfig, KeySource, RawKeySource},
    exit::{Exit, Failure},
    password::{first_line, password},
};

/// Opens every key of the agent, and puts them together. A key in the clear is warned of each time.
///
/// # Errors
/// If a key cannot be had or is another account's, if the agent is only watched, and if a key lies in the clear and
/// `is_unsafe_allowed` is not said.
pub async fn open(agent: &AgentConfig, is_unsafe_allowed: bool) -> Result<AgentKey, Failure> {
    if agent.is_watch_only() {
        return Err(Failure::new(
            Exit::Key,
            "[agent] is watch_only: there is no key to sign with; expected one, or `keeper run --shadow`, which sends \
             nothing.",
        ));
    }
    let account = key(&agent.account, agent, is_unsafe_allowed).await?;
    let Some(contract) = &agent.contract else { return Ok(account) };
    let mut signers = Vec::new();
    for signer in &contract.signers {
        signers.push(key(signer, agent, is_unsafe_allowed).await?);
    }
    Ok(account.on_behalf_of(agent.address, contract.form, signers))
}

/// What stands for the key of an agent that is only watched: it has the address, and signs nothing.
#[must_use]
pub fn watched(agent: &AgentConfig) -> AgentKey {
    let account = AgentKey::watch_only(agent.account.address);
    match &agent.contract {
        None => account,
        Some(contract) => account.on_behalf_of(agent.address, contract.form, Vec::new()),
    }
}

async fn key(
    key: &KeyConfig,
    agent: &AgentConfig,
    is_unsafe_allowed: bool,
) -> Result<AgentKey, Failure> {
    let failed = |error: KeyError| Failure::new(Exit::Key, error);
    let expected = key.address;
    let opened = match &key.source {
        KeySource::Keystore { file, password: source } => {
            let password = password(source, file)?;
            AgentKey::open(file, &password, expected).map_err(failed)?
        }
        KeySource::UnsafeRaw(source) => raw_key(source, is_unsafe_allowed, expected)?,
        KeySource::AwsKms(place) => {
            #[cfg(feature = "aws-kms")]
            {
                let url = place.endpoint.as_ref();
                let opening =
                    AgentKey::open_aws_kms(&place.key_id, place.region.as_deref(), url, expected);
                opening.await.map_err(failed)?
            }
            #[cfg(not(feature = "aws-kms"))]
            return Err(not_built(&format_args!("aws_kms key {}", place.key_id), "aws-kms"));
        }
        KeySource::GcpKms(place) => {
            #[cfg(feature = "gcp-kms")]
            {
                let name = vagus_chain::signer::GcpKeyName {
                    project: place.project.clone(),
                    location: place.location.clone(),
                    key_ring: place.key_ring.clone(),
                    key: place.key.clone(),
                    version: place.version,
                };
                AgentKey::open_gcp_kms(name, expected).await.map_err(failed)?
            }
            #[cfg(not(feature = "gcp-kms"))]
            return Err(not_built(&format_args!("gcp_kms key {}", place.key), "gcp-kms"));
        }
        // Found before.
        KeySource::WatchOnly => AgentKey::watch_only(expected),
    };
    Ok(opened.with_patience(agent.sign_timeout))
}

#[cfg(not(all(feature = "aws-kms", feature = "gcp-kms")))]
fn not_built(what: &dyn std::fmt::Display, feature: &str) -> Failure {
    Failure::new(
        Exit::Key,
        format_args!("[agent] {what}: expected a keeper that was built with --features {feature}."),
    )
}

fn raw_key(
    source: &RawKeySource,
    is_allowed: bool,
    expected: alloy::primitives::Address,
) -> Result<AgentKey, Failure> {
    let place = match source {
        RawKeySource::File(file) => file.display().to_string(),
        RawKeySource::Variable(name) => format!("${name}"),
    };
    if !is_allowed {
        return Err(Failure::new(
            Exit::Key,
            format_args!(
                "{place}: a key in the clear is used only with --unsafe-raw-key; expected an encrypted keystore."
            ),
        ));
    }
    let text = match source {
        RawKeySource::File(file) => first_line(file, &file.display(), "key")?,
        RawKeySource::Variable(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
            Failure::new(
                Exit::Key,
                format_args!("The environment variable {name} (unsafe_raw_key_env) is not set."),
            )
        })?,
    };
    let mut secret = Zeroizing::new([0_u8; 32]);
    let digits = text.trim();
    hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), &mut *secret).map_err(
        // What stands there is not repeated: it may be the key with a digit too many.
        |_| {
            Failure::new(
                Exit::Key,
                format_args!("{place}: expected a key of 64 hexadecimal digits."),
            )
        },
    )?;
    let key = AgentKey::unsafe_raw(&B256::from(*secret), Path::new(&place), expected)
        .map_err(|error| Failure::new(Exit::Key, error))?;
    tracing::warn!(
        "UNSAFE: the key of {expected} lies in the clear in {place}: whoever reads it can act for the agent. Use an \
         encrypted keystore or a key management service."
    );
    Ok(key)
}

#[cfg(test)]
mod tests;
