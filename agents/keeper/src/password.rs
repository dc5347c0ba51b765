//! The keystore's password, kept no longer than needed.

use zeroize::Zeroizing;

use crate::{
    config::{AgentConfig, PasswordSource},
    exit::{Exit, Failure},
};
use vagus_chain::AgentKey;

/// Opens the agent's key.
///
/// # Errors
/// If the password cannot be had, does not open the keystore, or the key is another account's.
pub fn open_key(agent: &AgentConfig) -> Result<AgentKey, Failure> {
    let password = password(agent)?;
    AgentKey::open(&agent.keystore, &password, agent.address)
        .map_err(|error| Failure::new(Exit::Key, error))
}

fn password(agent: &AgentConfig) -> Result<Zeroizing<String>, Failure> {
    match &agent.password {
        PasswordSource::File(file) => {
            let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
                Failure::new(
                    Exit::Key,
                    format_args!("{}: the password cannot be read: {error}.", file.display()),
                )
            })?;
            Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
        }
        PasswordSource::Variable(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
            Failure::new(
                Exit::Key,
                format_args!("The environment variable {name} (password_env) is not set."),
            )
        }),
        PasswordSource::Prompt => {
            let prompt = format!("Password of {}: ", agent.keystore.display());
            rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|error| {
                Failure::new(
                    Exit::Key,
                    format_args!("The password cannot be asked for at this terminal: {error}."),
                )
            })
        }
    }
}
