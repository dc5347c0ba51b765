//! The keystore's password, kept no longer than needed.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    config::PasswordSource,
    exit::{Exit, Failure},
};

/// First line of a file with a secret; `what` is it called in messages, and `content` what it holds.
pub(crate) fn first_line(
    file: &Path,
    what: &dyn Display,
    content: &str,
) -> Result<Zeroizing<String>, Failure> {
    let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
        Failure::new(Exit::Key, format_args!("{what}: the {content} cannot be read: {error}."))
    })?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

/// The password of a keystore.
pub(crate) fn password(
    source: &PasswordSource,
    keystore: &Path,
) -> Result<Zeroizing<String>, Failure> {
    match source {
        PasswordSource::File(file) => first_line(file, &file.display(), "password"),
        PasswordSource::Variable(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
            Failure::new(
                Exit::Key,
                format_args!("The environment variable {name} (password_env) is not set."),
            )
        }),
        PasswordSource::Descriptor(number) => {
            let file = PathBuf::from(format!("/dev/fd/{number}"));
            first_line(&file, &format_args!("File descriptor {number} (password_fd)"), "password")
        }
        PasswordSource::Prompt => {
            let prompt = format!("Password of {}: ", keystore.display());
            rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|error| {
                Failure::new(
                    Exit::Key,
                    format_args!("The password cannot be asked for at this terminal: {error}."),
                )
            })
        }
    }
}
