//! How the app signs in.

use super::certificate::Certificate;
use super::{Microsoft365Secrets, SYSTEM};
use crate::directory::Error;
use crate::http::new_id;
use jiff::Timestamp;
use std::path::PathBuf;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) enum Credential {
    Secret(String),
    Certificate(Box<Certificate>),
    /// A file that the kubelet keeps fresh.
    Federated(PathBuf),
}

impl Credential {
    pub(super) fn new(secrets: Microsoft365Secrets) -> Result<Self, Error> {
        let empty = |what: &str| Error::Unauthenticated { system: SYSTEM, hint: format!("the {what} is empty") };
        match secrets {
            Microsoft365Secrets::ClientSecret(secret) if secret.is_empty() => Err(empty("client secret")),
            Microsoft365Secrets::ClientSecret(secret) => Ok(Self::Secret(secret)),
            Microsoft365Secrets::Certificate { certificate, key } => {
                Ok(Self::Certificate(Box::new(Certificate::new(&certificate, &key)?)))
            }
            Microsoft365Secrets::Federated { token_file } => Ok(Self::Federated(token_file)),
        }
    }

    pub(super) fn expires(&self) -> Option<Timestamp> {
        match self {
            Self::Certificate(certificate) => certificate.expires,
            Self::Secret(_) | Self::Federated(_) => None,
        }
    }

    /// What goes into the form of a token request.
    pub(super) async fn fields(&self, client: &str, endpoint: &str) -> Result<Vec<(&'static str, String)>, Error> {
        let assertion = match self {
            Self::Secret(secret) => return Ok(vec![("client_secret", secret.clone())]),
            Self::Certificate(certificate) => certificate.assertion(client, endpoint, &new_id(), Timestamp::now()),
            // Read each time: the kubelet replaces it long before it expires.
            Self::Federated(file) => {
                let token = tokio::fs::read_to_string(file).await.map_err(|_| Error::Unauthenticated {
                    system: SYSTEM,
                    hint: format!(
                        "there is no service account token at {}; workloadIdentity works in a Job of the operator, \
                         or where AZURE_FEDERATED_TOKEN_FILE names one",
                        file.display()
                    ),
                })?;
                token.trim().to_owned()
            }
        };
        Ok(vec![("client_assertion_type", ASSERTION_TYPE.to_owned()), ("client_assertion", assertion)])
    }
}
