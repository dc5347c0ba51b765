//! Where a key is: in a keystore file, in a key management service, or nowhere.

use std::path::PathBuf;

use alloy::primitives::Address;
use serde::Deserialize;
use toml::Spanned;
use vagus_chain::EndpointUrl;

use super::{Reader, agent::RawContract, value};
use crate::exit::Failure;

/// An account and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyConfig {
    /// The account; the key has to be of it.
    pub address: Address,
    /// Where the key is.
    pub source: KeySource,
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In an encrypted file.
    Keystore {
        /// The file.
        file: PathBuf,
        /// Where its password comes from.
        password: PasswordSource,
    },
    /// In AWS KMS.
    AwsKms(AwsKms),
    /// In Google Cloud KMS.
    GcpKms(GcpKms),
    /// In the clear: whoever reads it has it.
    UnsafeRaw(RawKeySource),
    /// Nowhere: the account is only looked at.
    WatchOnly,
}

/// A key in AWS KMS: asymmetric, `ECC_SECG_P256K1`, for `SIGN_VERIFY`. Region and credentials that are not named are found as
/// AWS's own tools find them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsKms {
    /// Id or ARN; an alias can be pointed elsewhere.
    pub key_id: String,
    /// Region.
    pub region: Option<String>,
    /// Another address than the service's own, such as a VPC endpoint's.
    #[serde(default, deserialize_with = "value::optional_url")]
    pub endpoint: Option<EndpointUrl>,
}

/// A key in Google Cloud KMS: `EC_SIGN_SECP256K1_SHA256`. Credentials are found as Google's own tools find them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GcpKms {
    /// Project.
    pub project: String,
    /// Location, such as `europe-west1`.
    pub location: String,
    /// Key ring.
    pub key_ring: String,
    /// Key.
    pub key: String,
    /// Version of the key.
    #[serde(deserialize_with = "value::above_zero")]
    pub version: u64,
}

/// Where a key in the clear is: 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawKeySource {
    /// First line of a file.
    File(PathBuf),
    /// Environment variable.
    Variable(String),
}

/// Where the keystore's password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// First line of a file.
    File(PathBuf),
    /// Environment variable.
    Variable(String),
    /// First line of an open file descriptor.
    Descriptor(u32),
    /// Asked at the terminal.
    Prompt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKey {
    #[serde(deserialize_with = "value::address")]
    pub(super) address: Address,
    keystore: Option<PathBuf>,
    password_file: Option<PathBuf>,
    password_env: Option<Spanned<String>>,
    password_fd: Option<Spanned<u32>>,
    aws_kms: Option<AwsKms>,
    gcp_kms: Option<GcpKms>,
    unsafe_raw_key_file: Option<PathBuf>,
    unsafe_raw_key_env: Option<String>,
    #[serde(default)]
    watch_only: bool,
    // Of `[agent]` alone, which is a key and what belongs to it.
    pub(super) sign_timeout_ms: Option<Spanned<u32>>,
    pub(super) contract: Option<Spanned<Box<RawContract>>>,
}

const SOURCES: &str = "expected exactly one of keystore, aws_kms, gcp_kms, unsafe_raw_key_file, unsafe_raw_key_env and \
                       watch_only = true";

impl Reader<'_> {
    /// `at` is where the section begins.
    pub(super) fn key(&self, raw: RawKey, at: usize) -> Result<KeyConfig, Failure> {
        let foreign = raw.sign_timeout_ms.as_ref().map(|limit| limit.span().start);
        let foreign = foreign.or(raw.contract.as_ref().map(|contract| contract.span().start));
        if foreign.is_some() {
            let what = "sign_timeout_ms and contract belong to [agent], not to one of its signers";
            return Err(self.fail(foreign, what));
        }
        let has_password =
            raw.password_file.is_some() || raw.password_env.is_some() || raw.password_fd.is_some();
        if has_password && raw.keystore.is_none() {
            let what = "a password opens a keystore, and none is named";
            return Err(self.fail(Some(at), what));
        }
        let password = self.password(raw.password_file, raw.password_env, raw.password_fd)?;
        let mut sources = Vec::new();
        sources.extend(
            raw.keystore.map(|file| KeySource::Keystore { file: self.path(file), password }),
        );
        sources.extend(raw.aws_kms.map(KeySource::AwsKms));
        sources.extend(raw.gcp_kms.map(KeySource::GcpKms));
        let file = raw.unsafe_raw_key_file.map(|file| RawKeySource::File(self.path(file)));
        sources.extend(file.map(KeySource::UnsafeRaw));
        let variable = raw.unsafe_raw_key_env.map(RawKeySource::Variable);
        sources.extend(variable.map(KeySource::UnsafeRaw));
        sources.extend(raw.watch_only.then_some(KeySource::WatchOnly));
        match <[KeySource; 1]>::try_from(sources) {
            Ok([source]) => Ok(KeyConfig { address: raw.address, source }),
            Err(_) => Err(self.fail(Some(at), SOURCES)),
        }
    }

    fn password(
        &self,
        file: Option<PathBuf>,
        variable: Option<Spanned<String>>,
        descriptor: Option<Spanned<u32>>,
    ) -> Result<PasswordSource, Failure> {
        let mut sources = Vec::new();
        if let Some(file) = file {
            sources.push((None, PasswordSource::File(self.path(file))));
        }
        if let Some(name) = variable {
            sources.push((Some(name.span().start), PasswordSource::Variable(name.into_inner())));
        }
        if let Some(number) = descriptor {
            let at = Some(number.span().start);
            sources.push((at, PasswordSource::Descriptor(number.into_inner())));
        }
        match sources.len() {
            0 => Ok(PasswordSource::Prompt),
            1 => Ok(sources.remove(0).1),
            _ => {
                let at = sources.iter().rev().find_map(|(at, _)| *at);
                let what = "expected at most one of password_file, password_env and password_fd";
                Err(self.fail(at, what))
            }
        }
    }
}
