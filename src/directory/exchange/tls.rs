//! How connections to domain controllers are protected: TLS 1.2 or later, with the system's authorities or a bundle.

use crate::directory::Error;
use crate::directory::certificate::not_after;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// `ca_bundle` = certificates in PEM; absent = what the system trusts.
///
/// # Errors
/// [`Error::Configuration`] for a bundle without any usable certificate, or with expired ones only: TLS libraries do
/// not look at the dates of a trusted authority.
pub(super) fn client_config(ca_bundle: Option<&[u8]>, now: Timestamp) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    match ca_bundle {
        Some(pem) => {
            let certificates: Vec<CertificateDer<'static>> =
                CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
            let ends: Option<Vec<Timestamp>> = certificates.iter().map(|der| not_after(der)).collect();
            let last = ends.and_then(|ends| ends.into_iter().max()).filter(|last| *last < now);
            if let Some(last) = last {
                return Err(Error::Configuration(format!(
                    "every certificate in the CA bundle has expired, the last one at {last}; put the authority's renewed one there"
                )));
            }
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(Error::Configuration("the CA bundle holds no certificate in PEM form".into()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    // The provider is named here: two in one process would make the default ambiguous, which panics.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD as BASE64;

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        let now = Timestamp::now();
        for bundle in [&b""[..], b"not pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(client_config(Some(bundle), now), Err(Error::Configuration(_))));
        }
        assert!(client_config(None, now).is_ok());
    }

    #[test]
    fn a_bundle_of_expired_authorities_is_refused_with_the_date() {
        let now = Timestamp::now();
        let authority = |year: i32| {
            let mut parameters = rcgen::CertificateParams::default();
            (parameters.not_before, parameters.not_after) =
                (rcgen::date_time_ymd(2019, 1, 1), rcgen::date_time_ymd(year, 2, 3));
            parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let key = rcgen::KeyPair::generate().expect("a key");
            let text = BASE64.encode(parameters.self_signed(&key).expect("a certificate").der());
            format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
        };
        let (old, older, new) = (authority(2021), authority(2020), authority(2120));
        let refused = client_config(Some(format!("{old}{older}").as_bytes()), now).expect_err("refused").to_string();
        assert!(refused.contains("2021-02-03") && refused.contains("renewed"), "{refused}");
        assert!(client_config(Some(format!("{old}{new}").as_bytes()), now).is_ok());
    }
}
