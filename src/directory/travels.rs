//! What a directory tells can come from another process: every value goes through JSON and comes back as it was.

use super::{
    ChangeOutcome, ChangeResult, Completion, ContentsCompletion, Error, Normalizer, SourceEvent, SystemName,
    TargetEvent, Token,
};
use crate::model::mapping::Mapping;
use crate::model::observed::{Capabilities, Counters, Verification};
use crate::model::taken::{Holder, HolderKind, Taken};
use crate::model::{
    Anchor, Attribute, Contact, ContactName, Domain, Entry, OwnerMark, RecipientType, SmtpAddress, SystemIdentity,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

/// `name` finds the name of a variant by an exhaustive match, so that a new variant does not compile before it has a
/// sample here.
fn travel<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    samples: &[T],
    count: usize,
    name: fn(&T) -> &'static str,
) {
    let mut names = BTreeSet::new();
    for sample in samples {
        let text = serde_json::to_string(sample).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *sample, "{text}");
        assert!(text.contains(name(sample)), "{text} does not say that it is {}", name(sample));
        names.insert(name(sample));
    }
    assert_eq!(names.len(), count, "only {names:?} have a sample");
}

/// The names of all variants, from one list: the match is exhaustive, and `travel` counts the samples.
macro_rules! variants {
    ($type:ident: $($variant:ident = $name:literal),* $(,)?) => {
        ([$($name),*].len(), |value: &$type| match value { $($type::$variant { .. } => $name),* })
    };
}

fn contact() -> Contact {
    let address = SmtpAddress::parse("ada@corp.test").unwrap();
    let mark = OwnerMark::parse("gs1;owner;sync;target;source;anchor-ada;;-;").unwrap();
    let name = ContactName::derive(&mark.owner, &mark.sync, &mark.target, &mark.key());
    Contact {
        x500: ["/o=corp/cn=ada".to_owned()].into(),
        hidden: true,
        attributes: [(Attribute::DisplayName, "Zoë \"株式会社\"\n".to_owned())].into(),
        handle: Some("7".to_owned()),
        foreign_values: ["smtp:a@b.test".to_owned()].into(),
        ..Contact::new(mark, name, address.clone(), address)
    }
}

#[test]
fn events_of_a_source() {
    let anchor = Anchor::new("ada").unwrap();
    let (count, name) = variants!(SourceEvent: Upsert = "upsert", Present = "present", Remove = "remove",
        Members = "members", Complete = "complete");
    let samples = [
        SourceEvent::Upsert(Box::new(Entry::new(anchor.clone(), RecipientType::UserMailbox))),
        SourceEvent::Present(anchor.clone()),
        SourceEvent::Remove(anchor.clone()),
        SourceEvent::Members { group: "staff".to_owned(), anchors: vec![anchor] },
        SourceEvent::Complete(Completion::default()),
        SourceEvent::Complete(Completion { token: Some(Token("t".to_owned())), names_everybody: true }),
    ];
    travel(&samples, count, name);
}

#[test]
fn events_and_outcomes_of_a_target() {
    let (count, name) = variants!(TargetEvent: Owned = "owned", Taken = "taken", Complete = "complete");
    let holder = Holder { kind: HolderKind::Mailbox, handle: "7".to_owned(), name: "ada".to_owned() };
    let taken = Taken { value: "smtp:ada@corp.test".to_owned(), primary: true, holder };
    let own_domains = [Domain::parse("corp.test").unwrap()].into();
    let samples = [
        TargetEvent::Owned(Box::new(contact())),
        TargetEvent::Taken(Box::new(taken)),
        TargetEvent::Complete(ContentsCompletion { own_domains }),
    ];
    travel(&samples, count, name);

    let (count, name) = variants!(ChangeResult: Done = "done", AlreadyDone = "alreadyDone", Deferred = "deferred",
        Drifted = "drifted", Refused = "refused", QuotaExceeded = "quotaExceeded");
    let samples = [
        ChangeResult::Done,
        ChangeResult::AlreadyDone,
        ChangeResult::Deferred,
        ChangeResult::Drifted,
        ChangeResult::Refused { hint: "its alias is taken".to_owned() },
        ChangeResult::QuotaExceeded { until: "2026-03-01T10:00:00Z".parse().unwrap() },
    ];
    travel(&samples, count, name);
    let outcomes = samples.map(|result| ChangeOutcome {
        result,
        refused_values: vec!["smtp:a@b.test".to_owned()],
        legacy_exchange_dn: Some("/o=corp/cn=ada".to_owned()),
    });
    travel(&outcomes, 1, |_| "result");
}

#[test]
fn errors() {
    let (count, name) = variants!(Error: Unauthenticated = "unauthenticated", Forbidden = "forbidden",
        Configuration = "configuration", Certificate = "certificate", SecretMissing = "secretMissing",
        FilterGroup = "filterGroup", OwnerAttributeInUse = "ownerAttributeInUse", TokenExpired = "tokenExpired",
        Throttled = "throttled", QuotaExceeded = "quotaExceeded", Unavailable = "unavailable", Protocol = "protocol",
        NotSupported = "notSupported");
    let system = SystemName::new("Active Directory");
    let text = || "some \"words\"".to_owned();
    let samples = [
        Error::Unauthenticated { system: system.clone(), hint: text() },
        Error::Forbidden { system: system.clone(), action: text(), hint: text() },
        Error::Configuration(text()),
        Error::Certificate { server: text(), hint: text() },
        Error::SecretMissing { name: text(), key: text() },
        Error::FilterGroup { group: text(), problem: "does not exist".into() },
        Error::OwnerAttributeInUse { attribute: text() },
        Error::TokenExpired { system: system.clone() },
        Error::Throttled { system: system.clone(), retry_after: None },
        Error::Throttled { system: system.clone(), retry_after: Some(Duration::from_millis(1_500)) },
        Error::QuotaExceeded { system: system.clone(), until: "2026-03-01T10:00:00Z".parse().unwrap() },
        Error::Unavailable { system: system.clone(), hint: text() },
        Error::Protocol { system, hint: text() },
        Error::NotSupported(text()),
    ];
    travel(&samples, count, name);
    for sample in &samples {
        let back: Error = serde_json::from_str(&serde_json::to_string(sample).unwrap()).unwrap();
        assert_eq!((back.to_string(), back.is_transient()), (sample.to_string(), sample.is_transient()));
    }
}

#[test]
fn observations_and_normalizers() {
    travel(&[Capabilities { can_hide: true, x500: false, batch: 100 }], 1, |_| "canHide");
    travel(
        &[Counters { requests: 1, throttled: 2, retries: 3, bytes_read: 4, peak_memory_bytes: 5 }],
        1,
        |_| "retries",
    );
    let verification = Verification {
        identity: SystemIdentity::new("fabrikam").unwrap().to_string(),
        can_read: true,
        can_write: false,
        domains: [Domain::parse("corp.test").unwrap()].into(),
        warnings: vec!["wide".to_owned()],
        credential_expires: Some("2026-03-01T10:00:00Z".parse().unwrap()),
    };
    travel(&[verification], 1, |_| "warnings");

    let (count, name) = variants!(Normalizer: Exchange = "exchange", Memory = "memory");
    let samples = [
        Normalizer::Exchange { mapping: Mapping::default(), marked: [Attribute::Custom1].into() },
        Normalizer::Memory { mapping: Mapping::default(), can_hide: false, x500: true },
    ];
    travel(&samples, count, name);
    for sample in &samples {
        let back: Normalizer = serde_json::from_str(&serde_json::to_string(sample).unwrap()).unwrap();
        assert_eq!(back.normalize(contact()), sample.normalize(contact()));
    }
}
