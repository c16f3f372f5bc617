//! What went wrong at a domain controller, as sentences that say what to do. One place knows result codes.
//!
//! Texts of servers are never passed on whole: they hold names and values of people.

use crate::directory::{Error, SystemName};
use ldap3::{LdapError, LdapResult};
use rustls::CertificateError;

/// As which this directory shows up in messages.
pub(super) const SYSTEM: SystemName = SystemName::new("Active Directory");

/// Result codes of RFC 4511 that are told apart here.
pub(super) mod code {
    pub const SUCCESS: u32 = 0;
    pub const SIZE_LIMIT: u32 = 4;
    pub const STRONGER_AUTH: u32 = 8;
    pub const REFERRAL: u32 = 10;
    pub const ADMIN_LIMIT: u32 = 11;
    pub const UNAVAILABLE_CONTROL: u32 = 12;
    pub const CONFIDENTIALITY: u32 = 13;
    pub const NO_ATTRIBUTE: u32 = 16;
    pub const UNDEFINED_TYPE: u32 = 17;
    pub const CONSTRAINT: u32 = 19;
    pub const VALUE_EXISTS: u32 = 20;
    pub const INVALID_SYNTAX: u32 = 21;
    pub const NO_OBJECT: u32 = 32;
    pub const INVALID_NAME: u32 = 34;
    pub const INVALID_CREDENTIALS: u32 = 49;
    pub const INSUFFICIENT_RIGHTS: u32 = 50;
    pub const BUSY: u32 = 51;
    pub const UNAVAILABLE: u32 = 52;
    pub const UNWILLING: u32 = 53;
    pub const OBJECT_CLASS: u32 = 65;
    pub const EXISTS: u32 = 68;
}

/// Another try of the same request may succeed soon.
pub(super) fn is_busy(result: &LdapResult) -> bool {
    matches!(result.rc, code::BUSY | code::ADMIN_LIMIT)
}

/// The connection is of no more use; the request may or may not have been carried out.
pub(super) fn is_lost(error: &LdapError) -> bool {
    matches!(
        error,
        LdapError::Io { .. }
            | LdapError::OpSend { .. }
            | LdapError::ResultRecv { .. }
            | LdapError::IdScrubSend { .. }
            | LdapError::EndOfStream
            | LdapError::Timeout { .. }
    )
}

fn configuration(sentence: impl Into<String>) -> Error {
    Error::Configuration(sentence.into())
}

/// A refused bind: the number after `data` says why (Win32 error codes in hexadecimal).
pub(super) fn of_bind(server: &str, result: &LdapResult) -> Error {
    let unauthenticated = |hint: &str| Error::Unauthenticated { system: SYSTEM, hint: hint.to_owned() };
    match result.rc {
        code::INVALID_CREDENTIALS => unauthenticated(match bind_data(&result.text) {
            Some(0x525) => "the account does not exist in this forest; check username in the Secret",
            Some(0x52e) => "username or password is wrong; correct the Secret",
            Some(0x52f) => "account restrictions forbid this sign-in; check the account's logon restrictions",
            Some(0x530) => "the account may not sign in at this hour; check its logon hours",
            Some(0x531) => "the account may not sign in from this computer; check its logon workstations",
            Some(0x532) => "the password has expired; set a new one and correct the Secret",
            Some(0x533) => "the account is disabled; enable it",
            Some(0x568) => "the account has too many context IDs; shorten its list of groups",
            Some(0x701) => "the account has expired; extend it",
            Some(0x773) => "the password must be changed first; set one that need not be changed",
            Some(0x775) => "the account is locked out; unlock it, and find out who uses an old password",
            _ => "username or password is wrong; correct the Secret",
        }),
        code::STRONGER_AUTH | code::CONFIDENTIALITY => configuration(format!(
            "{server} takes no password over an unprotected connection; use an ldaps:// URL, or security: StartTls"
        )),
        _ => of_result(server, "signing in", result),
    }
}

fn bind_data(text: &str) -> Option<u32> {
    let digits = text.split("data ").nth(1)?;
    let digits: String = digits.chars().take_while(char::is_ascii_hexdigit).collect();
    u32::from_str_radix(&digits, 16).ok()
}

/// `action` in the gerund, with the place and without anybody's name: `creating contacts in OU=…`.
pub(super) fn of_result(server: &str, action: &str, result: &LdapResult) -> Error {
    let protocol = |hint: String| Error::Protocol { system: SYSTEM, hint };
    match result.rc {
        code::STRONGER_AUTH | code::CONFIDENTIALITY => configuration(format!(
            "{server} demands a protected connection for {action}; use an ldaps:// URL, or security: StartTls"
        )),
        code::INSUFFICIENT_RIGHTS => Error::Forbidden {
            system: SYSTEM,
            action: action.to_owned(),
            hint:
                "grant the connector's account the rights that docs/exchange.md lists, on that organizational unit only"
                    .to_owned(),
        },
        code::BUSY | code::ADMIN_LIMIT => Error::Throttled { system: SYSTEM, retry_after: None },
        code::UNAVAILABLE => {
            Error::Unavailable { system: SYSTEM, hint: format!("{server} is starting, stopping or restoring") }
        }
        code::REFERRAL => configuration(format!(
            "{server} does not hold the domain needed for {action}; give a URL of one of its domain controllers, or globalCatalogUrl"
        )),
        code::NO_OBJECT => {
            configuration(format!("{action} found no such object at {server}; check the distinguished names"))
        }
        code::INVALID_NAME => configuration(format!(
            "{server} does not take the distinguished name for {action}; check how it is written"
        )),
        code::SIZE_LIMIT => {
            protocol(format!("{server} cut the answer off while {action}, although pages were asked for"))
        }
        code::UNAVAILABLE_CONTROL => configuration(format!(
            "{server} does not know a control that {action} needs; it is no domain controller of Active Directory"
        )),
        code::UNDEFINED_TYPE => configuration(format!(
            "the schema of {server}'s forest lacks an attribute needed for {action}; was the forest prepared for Exchange?"
        )),
        other => protocol(format!("{server} answered result code {other} while {action}")),
    }
}

/// An error below LDAP: name, network, TLS, a broken answer.
pub(super) fn of_error(server: &str, error: &LdapError) -> Error {
    let unavailable = |hint: String| Error::Unavailable { system: SYSTEM, hint };
    match error {
        LdapError::Io { source } => match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => of_tls(server, tls),
            None => unavailable(format!("no connection to {server}: {}", io_sentence(source))),
        },
        LdapError::Rustls { source } => of_tls(server, source),
        LdapError::Timeout { .. } => unavailable(format!("{server} did not answer in time")),
        LdapError::OpSend { .. }
        | LdapError::ResultRecv { .. }
        | LdapError::IdScrubSend { .. }
        | LdapError::EndOfStream => unavailable(format!("the connection to {server} was lost")),
        LdapError::LdapResult { result } if result.rc == code::SUCCESS => unavailable(server.to_owned()),
        LdapError::LdapResult { result } => of_result(server, "securing the connection with StartTLS", result),
        LdapError::UrlParsing { .. } | LdapError::UnknownScheme(_) => {
            configuration("an LDAP URL is written ldaps://host[:port] or ldap://host[:port]")
        }
        LdapError::DNSName { .. } => configuration(format!("{server} is not a host name that a certificate can have")),
        LdapError::FilterParsing => {
            Error::Protocol { system: SYSTEM, hint: "a search filter was not understood".into() }
        }
        other => Error::Protocol { system: SYSTEM, hint: format!("{server}: {other}") },
    }
}

fn io_sentence(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens at that port".into(),
        ErrorKind::TimedOut => "it does not answer".into(),
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
            "it was closed by the server".into()
        }
        _ if error.to_string().contains("lookup address") => "its name cannot be resolved".into(),
        _ => error.to_string(),
    }
}

fn of_tls(server: &str, error: &rustls::Error) -> Error {
    let certificate = |hint: &str| Error::Certificate { server: server.to_owned(), hint: hint.to_owned() };
    match error {
        rustls::Error::InvalidCertificate(problem) => certificate(match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "it, or a certificate authority above it, has expired; renew it"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "it is not valid yet; check the clocks"
            }
            CertificateError::Revoked => "it was revoked; issue a new one",
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its issuer is not in the CA bundle; put the issuing authority's certificate there"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "it is for another name; use the host name that stands in it"
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "it is not meant for servers; issue one with the purpose server authentication"
            }
            _ => "it cannot be checked; is it an X.509 v3 certificate with a subject alternative name?",
        }),
        rustls::Error::NoCertificatesPresented => certificate("the server presents none"),
        rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => configuration(format!(
            "{server} and this program have no TLS version or cipher in common; TLS 1.2 or later is needed"
        )),
        _ => {
            Error::Unavailable { system: SYSTEM, hint: format!("{server} does not speak TLS as expected at this port") }
        }
    }
}

/// Why one object was refused, naming those of `attributes` that the server's text names, and no value.
pub(super) fn refusal<'a>(result: &LdapResult, attributes: impl Iterator<Item = &'a str>) -> String {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').map(str::to_ascii_lowercase).collect()
    };
    let said = words(&result.text);
    let named: Vec<&str> = attributes.filter(|name| said.contains(&name.to_ascii_lowercase())).collect();
    let why = match result.rc {
        code::CONSTRAINT => "a value is longer than the schema allows, or has a form that it does not take",
        code::INVALID_SYNTAX => "a value has a form that the schema does not take",
        code::UNDEFINED_TYPE => "the schema lacks an attribute; was the forest prepared for this version of Exchange?",
        code::OBJECT_CLASS => "an attribute is not allowed on contacts in this forest's schema",
        code::UNWILLING => "the server is unwilling; is the domain read-only, or is a value reserved to the system?",
        code::VALUE_EXISTS => "two values are the same to the server",
        code::INSUFFICIENT_RIGHTS => {
            "the account may not write this object; grant the rights on its organizational unit"
        }
        _ => "the server refuses it",
    };
    let names = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
    format!("{why} (result code {}){names}", result.rc)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in super::super) fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: Vec::new(), ctrls: Vec::new() }
    }

    #[test]
    fn a_refused_bind_says_what_to_do() {
        for (data, wanted) in [
            ("525", "does not exist"),
            ("52e", "is wrong"),
            ("530", "logon hours"),
            ("531", "logon workstations"),
            ("532", "expired"),
            ("533", "disabled"),
            ("701", "has expired; extend"),
            ("773", "must be changed"),
            ("775", "locked out"),
            ("999", "is wrong"),
        ] {
            let text =
                format!("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v4563");
            let error = of_bind("dc1", &result(49, &text));
            assert!(matches!(&error, Error::Unauthenticated { hint, .. } if hint.contains(wanted)), "{data}: {error}");
        }
        let error = of_bind("dc1", &result(8, "BindSimple: Transport encryption required."));
        assert!(matches!(&error, Error::Configuration(hint) if hint.contains("ldaps://")), "{error}");
    }

    #[test]
    fn result_codes_are_told_apart_by_what_the_caller_does() {
        let of = |rc| of_result("dc1", "reading OU=People", &result(rc, "CN=Ada Roe"));
        assert!(matches!(of(50), Error::Forbidden { action, .. } if action.contains("OU=People")));
        assert!(matches!(of(51), Error::Throttled { .. }) && of(51).is_transient());
        assert!(matches!(of(52), Error::Unavailable { .. }) && of(52).is_transient());
        assert!(matches!(of(8), Error::Configuration(_)));
        assert!(matches!(of(10), Error::Configuration(hint) if hint.contains("globalCatalogUrl")));
        assert!(matches!(of(4), Error::Protocol { .. }));
        for rc in 1..80 {
            assert!(!of(rc).to_string().contains("Ada"), "{rc}");
        }
    }

    #[test]
    fn certificates_name_their_fault() {
        for (problem, wanted) in [
            (CertificateError::Expired, "expired"),
            (CertificateError::UnknownIssuer, "CA bundle"),
            (CertificateError::NotValidForName, "another name"),
        ] {
            let source =
                std::io::Error::new(std::io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(problem));
            let error = of_error("dc1", &LdapError::Io { source });
            assert!(matches!(&error, Error::Certificate { hint, .. } if hint.contains(wanted)), "{error}");
        }
    }

    #[test]
    fn a_refusal_names_attributes_and_nobody() {
        let text = "00000057: LdapErr: DSID-0C090D8A, attribute 'title': value #0 on CN=Ada Roe,OU=x too long";
        let hint = refusal(&result(19, text), ["title", "department"].into_iter());
        assert!(hint.contains("title") && !hint.contains("department") && !hint.contains("Ada"), "{hint}");
    }
}
