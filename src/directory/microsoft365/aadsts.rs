//! What Microsoft Entra's error codes mean for the administrator.

use super::SYSTEM;
use crate::directory::Error;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    error: String,
    error_description: String,
    error_codes: Vec<u64>,
}

/// What the token endpoint's refusal means. Its own description is left out: it can repeat what was sent.
pub(super) fn error(status: u16, body: &[u8]) -> Error {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let described = body.error_description.strip_prefix("AADSTS").unwrap_or_default();
    let described = described.split(|c: char| !c.is_ascii_digit()).next().and_then(|code| code.parse().ok());
    let code = body.error_codes.first().copied().or(described);
    let named = |what: String| code.map_or(what.clone(), |code| format!("{what} (AADSTS{code})"));
    match code.and_then(meaning) {
        Some(Meaning::Credential(hint)) => Error::Unauthenticated { system: SYSTEM, hint: named(hint.to_owned()) },
        Some(Meaning::Settings(sentence)) => Error::Configuration(named(sentence.to_owned())),
        Some(Meaning::Passes) => {
            Error::Unavailable { system: SYSTEM, hint: named("the token endpoint is busy".to_owned()) }
        }
        None if matches!(body.error.as_str(), "temporarily_unavailable" | "server_error") => {
            Error::Unavailable { system: SYSTEM, hint: named("the token endpoint is busy".to_owned()) }
        }
        None if body.error.is_empty() => Error::Protocol {
            system: SYSTEM,
            hint: format!("the token endpoint answered {status} without a reason; does something stand in between?"),
        },
        None => Error::Unauthenticated {
            system: SYSTEM,
            hint: named(format!("the token endpoint says {}", plain(&body.error))),
        },
    }
}

/// OAuth's error words and nothing else.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect()
}

enum Meaning {
    Credential(&'static str),
    Settings(&'static str),
    Passes,
}

fn meaning(code: u64) -> Option<Meaning> {
    use Meaning::{Credential, Passes, Settings};
    Some(match code {
        7000215 => Credential("the client secret is wrong; put the secret's value, not its id, into the Secret"),
        7000222 => Credential("the client secret has expired; make a new one in the app registration"),
        7000112 => {
            Credential("the application is disabled in this tenant; enable its sign-in under Enterprise applications")
        }
        700016 => Credential(
            "the application is not in this tenant; check clientId and tenantId, and give the application consent there",
        ),
        700027 => Credential(
            "the certificate is not one of the app registration's, has expired there, or does not fit the key; upload tls.crt there",
        ),
        700024 => Credential("the assertion is not within its time; is this machine's clock right?"),
        50027 | 700021 => Credential("the assertion was refused; is the certificate or the projected token right?"),
        700023 => Credential("the assertion is for another audience; check tenantId, cloud and endpoints.login"),
        70021 | 700211 => Credential(
            "no federated credential of the app registration is for this cluster; its issuer must be the cluster's service account issuer",
        ),
        700213 => Credential(
            "no federated credential of the app registration is for this service account; its subject must be system:serviceaccount:<namespace>:<name>",
        ),
        700212 => Credential(
            "the federated credential of the app registration has another audience; it must be api://AzureADTokenExchange",
        ),
        7000218 => Credential("the token endpoint saw no credential; check spec.microsoft365.auth"),
        53003 | 530034 | 53004 => {
            Credential("a Conditional Access policy blocks the application; exclude this workload identity from it")
        }
        65001 => Credential("an administrator has not consented to the application's permissions; grant admin consent"),
        90002 | 900021 | 900023 | 50020 => Settings("there is no such tenant in this cloud; check tenantId and cloud"),
        500011 | 50001 | 650052 => Settings(
            "the tenant has no such service; it may have no Exchange Online, or be in another cloud: check cloud",
        ),
        7000229 => Settings("the application has no service principal in this tenant; give admin consent to create it"),
        90033 | 90009 | 50196 | 90055 | 90019 => Passes,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> String {
        error(401, body.as_bytes()).to_string()
    }

    #[test]
    fn codes_become_sentences() {
        for (code, word) in [
            (7000215, "secret is wrong"),
            (7000222, "expired"),
            (700016, "not in this tenant"),
            (90002, "no such tenant"),
            (65001, "consent"),
            (700213, "system:serviceaccount"),
            (500011, "no Exchange Online"),
        ] {
            let body = format!(
                r#"{{"error":"invalid_client","error_description":"AADSTS{code}: told 'secret'","error_codes":[{code}]}}"#
            );
            let sentence = said(&body);
            assert!(sentence.contains(word) && sentence.contains(&code.to_string()), "{sentence}");
            assert!(!sentence.contains("told"), "the service's own words may repeat what was sent: {sentence}");
        }
    }

    #[test]
    fn what_is_unknown_keeps_its_code() {
        let sentence = said(r#"{"error":"invalid_grant","error_description":"AADSTS999999: x\r\nTrace"}"#);
        assert!(sentence.contains("invalid_grant") && sentence.contains("AADSTS999999"), "{sentence}");
        assert!(matches!(error(400, br#"{"error":"temporarily_unavailable"}"#), Error::Unavailable { .. }));
        assert!(matches!(error(400, b"<html>"), Error::Protocol { .. }));
    }
}
