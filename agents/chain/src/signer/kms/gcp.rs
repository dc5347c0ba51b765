//! Keys in Google Cloud KMS. Credentials are found as Google's own tools find them.

use alloy::{
    primitives::Address,
    signers::gcp::{
        GcpKeyRingRef, GcpSigner, KeySpecifier,
        gcloud_sdk::{
            GoogleApi,
            google::cloud::kms::v1::key_management_service_client::KeyManagementServiceClient,
        },
    },
};

use super::told;
use crate::{
    AgentKey, KeyError,
    signer::{Alloy, in_words},
};

const SERVICE: &str = "https://cloudkms.googleapis.com";

/// Name of a version of a key in Google Cloud KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpKeyName {
    /// Project.
    pub project: String,
    /// Location.
    pub location: String,
    /// Key ring.
    pub key_ring: String,
    /// Key.
    pub key: String,
    /// Version.
    pub version: u64,
}

impl AgentKey {
    /// A key in Google Cloud KMS: `EC_SIGN_SECP256K1_SHA256`. Asks the service for its public key.
    ///
    /// # Errors
    /// If the service does not tell of the key, or it is not of the account `expected`.
    pub async fn open_gcp_kms(name: GcpKeyName, expected: Address) -> Result<Self, KeyError> {
        let asked = async {
            let client = GoogleApi::from_function(KeyManagementServiceClient::new, SERVICE, None);
            let client = client.await.map_err(|error| in_words(&error))?;
            let ring = GcpKeyRingRef::new(&name.project, &name.location, &name.key_ring);
            let key = KeySpecifier::new(ring, &name.key, name.version);
            GcpSigner::new(client, key, None).await.map_err(|error| in_words(&error))
        };
        let signer = told("Google Cloud KMS", &name.key, asked).await?;
        Self::of(Box::new(Alloy(signer))).belonging_to(expected, name.key.as_ref())
    }
}
