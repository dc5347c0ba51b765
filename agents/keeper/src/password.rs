//! The keystore's password, kept no longer than needed.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

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
        .map(|key| key.with_patience(agent.sign_timeout))
        .map_err(|error| Failure::new(Exit::Key, error))
}

fn first_line(file: &Path, what: &dyn Display) -> Result<Zeroizing<String>, Failure> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
        Failure::new(Exit::Key, format_args!("{what}: the password cannot be read: {error}."))
    })?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn password(agent: &AgentConfig) -> Result<Zeroizing<String>, Failure> {
    match &agent.password {
        PasswordSource::File(file) => first_line(file, &file.display()),
        PasswordSource::Variable(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
            Failure::new(
                Exit::Key,
                format_args!("The environment variable {name} (password_env) is not set."),
            )
        }),
        PasswordSource::Descriptor(number) => {
            let file = PathBuf::from(format!("/dev/fd/{number}"));
            first_line(&file, &format_args!("File descriptor {number} (password_fd)"))
        }
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
