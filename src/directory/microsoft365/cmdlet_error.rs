//! Why a cmdlet failed. The endpoint's own codes are generic; what happened stands in a message that comes in
//! several encodings, and sometimes in none.

use super::SYSTEM;
use crate::directory::Error;
use crate::http::{Feedback, Observer, Retry, looks_whole};
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::Duration;

/// A cmdlet that was looked at and not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CmdletError {
    pub(super) kind: CmdletErrorKind,
    /// The exception's name without its namespace.
    pub(super) exception: String,
    /// In the service's words, without names and addresses.
    pub(super) words: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CmdletErrorKind {
    NotFound,
    NameInUse,
    /// An address is somebody else's, or was until a while ago.
    AddressInUse(Option<String>),
    /// No more new contacts for now.
    CreateQuota,
    /// The cmdlet is in none of the app's roles.
    NotGranted,
    /// The app may call nothing at all.
    NoRole,
    /// Its master is a directory on premises.
    Synchronized,
    /// The mandatory parameters are missing: the cmdlet itself may be called.
    Incomplete,
    Other,
}

/// Judges answers of the cmdlet endpoint: failures that pass are told as 400, and whatever is no JSON comes from
/// something in between.
pub(super) struct Cmdlets {
    /// An object that was made a moment ago may not be found yet.
    pub(super) just_made: bool,
}

impl Observer for Cmdlets {
    fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Retry {
        if status.is_success() {
            return if looks_whole(body) { Retry::Answer } else { Retry::Faulty(None) };
        }
        if status == StatusCode::BAD_REQUEST || status == StatusCode::NOT_FOUND || status == StatusCode::FORBIDDEN {
            let (exception, text) = told(body);
            let error = classify(status, &exception, &text);
            return match error {
                CmdletErrorKind::NotFound if self.just_made => Retry::Faulty(None),
                _ if passes(&exception) => Retry::Faulty(None),
                _ if exception.contains("OverBudget") => Retry::Throttled(crate::http::retry_after(headers)),
                _ => Retry::Answer,
            };
        }
        Retry::of(status, headers)
    }

    fn budget(&self, headers: &HeaderMap) -> Feedback {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let remaining = text("rate-limit-remaining").and_then(|left| left.parse().ok());
        let reset = text("rate-limit-reset").and_then(|time| time.parse::<Timestamp>().ok());
        let (Some(remaining), Some(reset)) = (remaining, reset) else { return Feedback::Accepted };
        // Clocks that differ by hours say nothing.
        match Duration::try_from(reset.duration_since(Timestamp::now())) {
            Ok(reset_in) if reset_in < Duration::from_secs(3600) => Feedback::Budget { remaining, reset_in },
            _ => Feedback::Accepted,
        }
    }
}

fn passes(exception: &str) -> bool {
    ["Transient", "ServerBusy", "CmdletProxyNotAvailable", "BackendCommunication"]
        .iter()
        .any(|part| exception.contains(part))
}

/// Exception and text of an error's body, whichever way they are told.
fn told(body: &[u8]) -> (String, String) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Default::default() };
    let error = &body["error"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let detail = error["details"][0]["message"].as_str().map(encoded);
    let internal = &error["innererror"]["internalexception"];
    let (exception, words) = detail.unwrap_or_default();
    let exception = if exception.is_empty() { text(&internal["type"]) } else { exception };
    let words =
        [words, text(&internal["message"]), text(&error["message"])].into_iter().find(|words| !words.is_empty());
    (exception, words.unwrap_or_default())
}

/// `Ex6F9304|Type|text`, `|Type|text`, or a JSON object in a text.
fn encoded(message: &str) -> (String, String) {
    if let Ok(Value::Object(object)) = serde_json::from_str(message) {
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let exception = [text("TypeName"), text("ClassName")].into_iter().find(|name| !name.is_empty());
        return (exception.unwrap_or_default().to_owned(), text("Message").to_owned());
    }
    let parts: Vec<&str> = message.splitn(3, '|').collect();
    match parts.as_slice() {
        [_, exception, text] => ((*exception).to_owned(), (*text).to_owned()),
        _ => (String::new(), message.to_owned()),
    }
}

fn classify(status: StatusCode, exception: &str, text: &str) -> CmdletErrorKind {
    let lower = text.to_lowercase();
    let is = |names: &[&str]| names.iter().any(|name| exception.contains(name));
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if is(&["RecipientUsageExceededRecentQuota"]) || says(&["maximum number of mail users and contacts"]) {
        return CmdletErrorKind::CreateQuota;
    }
    if is(&["CommandNotFound"]) || says(&["is not recognized as"]) {
        return CmdletErrorKind::NotGranted;
    }
    if is(&["ProxyAddressExists"]) || says(&["proxy address", "objectconflict"]) && !is(&["NotFound"]) {
        return CmdletErrorKind::AddressInUse(address(text));
    }
    if says(&["synchronized from your on-premises", "being synchronized from"]) {
        return CmdletErrorKind::Synchronized;
    }
    if says(&["missing mandatory param"]) {
        return CmdletErrorKind::Incomplete;
    }
    if is(&["ADObjectAlreadyExists", "NameNotAvailable", "WLCDManagedMemberExists"])
        || says(&["already exists", "already being used", "is used by another recipient"])
    {
        return CmdletErrorKind::NameInUse;
    }
    if is(&["ManagementObjectNotFound"]) || status == StatusCode::NOT_FOUND {
        return CmdletErrorKind::NotFound;
    }
    match status {
        // A body of zeros: the token's app has no role.
        StatusCode::FORBIDDEN => CmdletErrorKind::NoRole,
        _ => CmdletErrorKind::Other,
    }
}

/// The address of `The proxy address "SMTP:x" is already being used…`, with its prefix in lower case.
fn address(text: &str) -> Option<String> {
    let quoted = text.split_once('"')?.1.split_once('"')?.0;
    let (prefix, value) = quoted.split_once(':')?;
    Some(format!("{}:{}", prefix.to_lowercase(), value))
}

impl CmdletError {
    pub(super) fn of(status: StatusCode, body: &[u8]) -> Self {
        let (exception, text) = told(body);
        let kind = classify(status, &exception, &text);
        let exception = exception.rsplit('.').next().unwrap_or_default().to_owned();
        Self { kind, exception, words: without_names(&text) }
    }

    /// A sentence for a report.
    pub(super) fn hint(&self) -> String {
        match self.kind {
            CmdletErrorKind::Synchronized => {
                "the object is synchronized from an Active Directory; it can only be changed there".to_owned()
            }
            CmdletErrorKind::NameInUse => {
                "another object has the contact's name or alias; rename or remove it".to_owned()
            }
            _ if self.exception.is_empty() => format!("Exchange Online says: {}", self.words),
            _ => format!("Exchange Online says: {} ({})", self.words, self.exception),
        }
    }

    /// For cmdlets whose failure concerns everything that follows.
    pub(super) fn into_error(self, cmdlet: &'static str) -> Error {
        match self.kind {
            CmdletErrorKind::NoRole => Error::Forbidden {
                system: SYSTEM,
                action: "calling Exchange Online".to_owned(),
                hint: "give the application Exchange.ManageAsApp with admin consent, and a role in Exchange \
                       (docs/microsoft365.md)"
                    .to_owned(),
            },
            CmdletErrorKind::NotGranted => Error::Forbidden {
                system: SYSTEM,
                action: cmdlet.to_owned(),
                hint: format!("give the application the Exchange role {}", role(cmdlet)),
            },
            _ => Error::Protocol { system: SYSTEM, hint: format!("{cmdlet}: {}", self.hint()) },
        }
    }
}

/// The least management role that has a cmdlet.
pub(super) fn role(cmdlet: &str) -> &'static str {
    match cmdlet {
        "New-MailContact" | "Remove-MailContact" => "Mail Recipient Creation",
        "Set-MailContact" | "Set-Contact" => "Mail Recipients",
        "Get-AcceptedDomain" => "View-Only Configuration",
        _ => "View-Only Recipients",
    }
}

/// What stands in quotation marks, and words with @, can be somebody's name or address.
fn without_names(text: &str) -> String {
    let mut out = String::new();
    let mut open: Option<char> = None;
    for c in text.chars() {
        match open {
            Some(quote) if c == quote => open = None,
            Some(_) => {}
            None if c == '"' || c == '\'' && !out.ends_with(char::is_alphanumeric) => {
                out.push('…');
                open = Some(c);
            }
            None if c.is_control() => out.push(' '),
            None => out.push(c),
        }
    }
    let words: Vec<&str> =
        out.split_whitespace().map(|word| if word.contains(['@', '=']) { "…" } else { word }).collect();
    words.join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FOUND: &str = "The operation couldn't be performed because object 'Ada Roe' couldn't be found on 'DC1'.";
    const TYPE: &str = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";

    fn body(detail: Option<String>) -> Vec<u8> {
        let details: Vec<Value> =
            detail.into_iter().map(|message| json!({"code": "Context", "message": message})).collect();
        let internal = json!({"message": FOUND, "type": TYPE});
        json!({"error": {"code": "NotFound", "message": "Error executing cmdlet", "details": details,
            "innererror": {"internalexception": internal}}})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn every_encoding_says_the_same() {
        for detail in [
            Some(format!("Ex6F9304|{TYPE}|{FOUND}")),
            Some(format!("|{TYPE}|{FOUND}")),
            Some(json!({"Message": FOUND, "TypeName": TYPE, "InnerError": null}).to_string()),
            Some(json!({"ClassName": TYPE, "Message": FOUND}).to_string()),
            Some(String::new()),
            None,
        ] {
            let error = CmdletError::of(StatusCode::BAD_REQUEST, &body(detail.clone()));
            assert_eq!(error.kind, CmdletErrorKind::NotFound, "{detail:?}");
            assert_eq!(error.exception, "ManagementObjectNotFoundException");
            assert!(!error.hint().contains("Ada") && error.words.contains("be found"), "{}", error.words);
        }
    }

    #[test]
    fn faults_are_told_apart_by_type_and_by_text() {
        let kind = |exception: &str, text: &str, status: u16| {
            let detail = format!("|{exception}|{text}");
            let body =
                json!({"error": {"message": "Error executing cmdlet", "details": [{"message": detail}]}}).to_string();
            CmdletError::of(StatusCode::from_u16(status).unwrap(), body.as_bytes()).kind
        };
        let proxy = "The proxy address \"SMTP:Ada@b.test\" is already being used by the proxy addresses or LegacyExchangeDN of \"X\".";
        let held = CmdletErrorKind::AddressInUse(Some("smtp:Ada@b.test".to_owned()));
        for (exception, text, status, wanted) in [
            ("x.WLCDManagedMemberExistsException", proxy, 400, held.clone()),
            ("x.ProxyAddressExistsException", proxy, 400, held),
            (
                "",
                "The value specified for property EmailAddresses is incorrect. Reason: ObjectConflict",
                400,
                CmdletErrorKind::AddressInUse(None),
            ),
            (
                "x.ADObjectAlreadyExistsException",
                "The name \"X\" is already being used.",
                400,
                CmdletErrorKind::NameInUse,
            ),
            (
                "x.WLCDManagedMemberExistsException",
                "The value \"x\" of property \"Alias\" is used by another recipient object.",
                400,
                CmdletErrorKind::NameInUse,
            ),
            ("x.RecipientUsageExceededRecentQuotaException", "", 400, CmdletErrorKind::CreateQuota),
            (
                "",
                "You've reached the maximum number of mail users and contacts you can create at this time.",
                400,
                CmdletErrorKind::CreateQuota,
            ),
            ("x.CommandNotFoundException", "", 403, CmdletErrorKind::NotGranted),
            (
                "",
                "The term 'New-MailContact' is not recognized as the name of a cmdlet",
                400,
                CmdletErrorKind::NotGranted,
            ),
            (
                "",
                "… because the object is being synchronized from your on-premises organization.",
                400,
                CmdletErrorKind::Synchronized,
            ),
            ("", "", 404, CmdletErrorKind::NotFound),
            ("x.DataValidationException", "too long", 400, CmdletErrorKind::Other),
        ] {
            assert_eq!(kind(exception, text, status), wanted, "{exception} {text}");
        }
        assert_eq!(CmdletError::of(StatusCode::FORBIDDEN, &[0; 64]).kind, CmdletErrorKind::NoRole);
    }

    #[test]
    fn what_passes_is_tried_again_whatever_its_status() {
        let judge = |status: u16, body: &[u8], just_made| {
            Cmdlets { just_made }.judge(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body)
        };
        let busy =
            json!({"error": {"details": [{"message": "|Microsoft.Exchange.Data.Storage.ServerBusyException|x"}]}});
        let faulty = Retry::Faulty(None);
        assert_eq!(judge(400, busy.to_string().as_bytes(), false), faulty);
        assert_eq!(judge(404, &body(None), false), Retry::Answer);
        assert_eq!(judge(404, &body(None), true), faulty);
        assert_eq!(judge(403, &[0; 64], false), Retry::Answer);
        assert_eq!(judge(200, b"<html>", false), faulty);
        assert_eq!(judge(200, b"{\"value\":[", false), faulty);
        assert_eq!(judge(200, b"{}", false), Retry::Answer);
        assert_eq!(judge(429, b"", false), Retry::Throttled(None));
    }

    #[test]
    fn hints_hold_no_names() {
        for (text, wanted) in [
            ("The value \"Ada Roe\" is bad.", "The value … is bad."),
            ("can't set 'ada' for ada@b.test now", "can't set … for … now"),
            ("of CN=Ada,OU=x here", "of … here"),
        ] {
            assert_eq!(without_names(text), wanted);
        }
    }
}
