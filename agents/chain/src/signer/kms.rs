//! Keys in key management services, which sign and never show them.

#[cfg(feature = "aws-kms")]
mod aws;
#[cfg(feature = "gcp-kms")]
mod gcp;

use std::{future::Future, time::Duration};

#[cfg(feature = "gcp-kms")]
pub use gcp::GcpKeyName;

use super::KeyError;

/// Longest wait for a service to tell of a key when the keeper starts.
const OPEN_WITHIN: Duration = Duration::from_secs(15);

/// What a service says of a key, or that it says nothing.
async fn told<T>(
    service: &'static str,
    key: &str,
    asked: impl Future<Output = Result<T, String>>,
) -> Result<T, KeyError> {
    let failed = |cause| KeyError::Service { service, key: key.to_owned(), cause };
    match tokio::time::timeout(OPEN_WITHIN, asked).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(failed(format!("no answer within {} seconds", OPEN_WITHIN.as_secs()))),
    }
}
