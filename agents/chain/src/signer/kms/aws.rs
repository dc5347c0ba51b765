//! Keys in AWS KMS. Credentials are found as AWS's own tools find them: environment, profile, web identity, container, instance.

use alloy::{
    primitives::Address,
    signers::aws::{
        AwsSigner, aws_config,
        aws_config::{BehaviorVersion, Region},
        aws_sdk_kms::Client,
    },
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use super::told;
use crate::{
    AgentKey, EndpointUrl, KeyError,
    signer::{Alloy, in_words},
};

impl AgentKey {
    /// A key in AWS KMS: asymmetric, `ECC_SECG_P256K1`, for `SIGN_VERIFY`. Asks the service for its public key.
    ///
    /// # Errors
    /// If the service does not tell of the key, or it is not of the account `expected`.
    pub async fn open_aws_kms(
        key_id: &str,
        region: Option<&str>,
        endpoint: Option<&EndpointUrl>,
        expected: Address,
    ) -> Result<Self, KeyError> {
        let asked = async {
            let http =
                Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
            let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
            if let Some(region) = region {
                loader = loader.region(Region::new(region.to_owned()));
            }
            if let Some(endpoint) = endpoint {
                loader = loader.endpoint_url(endpoint.expose().as_str());
            }
            let client = Client::new(&loader.load().await);
            let signer = AwsSigner::new(client, key_id.to_owned(), None).await;
            signer.map_err(|error| in_words(&error))
        };
        let signer = told("AWS KMS", key_id, asked).await?;
        Self::of(Box::new(Alloy(signer))).belonging_to(expected, key_id.as_ref())
    }
}

#[cfg(test)]
mod tests;
