//! What cannot be right about the schedules and connectors of a namespace together (mail-rules §2, §4). It stops
//! no pass: the engine refuses what would do harm, entry by entry; this says beforehand why it will.

use super::namespace::{Namespace, connector_name, schedule_name, sources, targets};
use crate::api::reasons::InconsistencyReason;
use crate::api::schedule::Mode;
use crate::api::{GalSyncConnector, GalSyncSchedule};
use crate::model::OrganizationalUnit;
use std::collections::BTreeSet;
use std::fmt;

/// Something that contradicts itself, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inconsistency {
    pub reason: InconsistencyReason,
    pub message: String,
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.label(), self.message)
    }
}

/// What is wrong with the schedule beside the others of its namespace.
pub fn inconsistencies(namespace: &Namespace<'_>, schedule: &GalSyncSchedule) -> Vec<Inconsistency> {
    Check { namespace, schedule }.findings()
}

struct Check<'a> {
    namespace: &'a Namespace<'a>,
    schedule: &'a GalSyncSchedule,
}

fn identity(connector: &GalSyncConnector) -> Option<&str> {
    connector.status.as_ref()?.identity.as_ref().map(|identity| identity.as_str())
}

impl<'a> Check<'a> {
    fn connector(&self, named: &str) -> Option<&'a GalSyncConnector> {
        self.namespace.connector(named)
    }

    /// All schedules, this one among them also where a cache does not have it yet.
    fn schedules(&self) -> impl Iterator<Item = &'a GalSyncSchedule> {
        let others = self.namespace.schedules().filter(|other| schedule_name(other) != schedule_name(self.schedule));
        others.chain([self.schedule])
    }

    /// The same connector, or another one to the same system.
    fn is_same_system(&self, one: &str, other: &str) -> bool {
        let identity = |name| self.connector(name).and_then(identity);
        one == other || identity(one).is_some() && identity(one) == identity(other)
    }

    fn findings(&self) -> Vec<Inconsistency> {
        let mut findings = Vec::new();
        self.one_system_twice(&mut findings);
        self.written_twice(&mut findings);
        self.claimed_twice(&mut findings);
        self.hybrid_pairs(&mut findings);
        self.contacts_in_scope(&mut findings);
        findings
    }

    /// Two sources of one system.
    fn one_system_twice(&self, findings: &mut Vec<Inconsistency>) {
        let schedule = self.schedule;
        let names: Vec<&str> = sources(schedule).collect();
        for (place, one) in names.iter().enumerate() {
            for other in names[..place].iter().filter(|other| self.is_same_system(one, other)) {
                let message = format!("sources {other} and {one} are one system; take one of them out");
                findings.push(Inconsistency { reason: InconsistencyReason::SameIdentity, message });
            }
        }
    }

    /// Another schedule writes the same source into the same target.
    fn written_twice(&self, findings: &mut Vec<Inconsistency>) {
        let schedule = self.schedule;
        let pushes = |schedule: &&GalSyncSchedule| schedule.spec.mode == Mode::Push && !schedule.spec.suspend;
        if !pushes(&schedule) {
            return;
        }
        for other in self.schedules().filter(pushes).filter(|other| schedule_name(other) != schedule_name(schedule)) {
            for target in targets(schedule).filter(|target| targets(other).any(|t| self.is_same_system(target, t))) {
                // A mesh writes no source back to where it comes from.
                let written = |source: &&str| !self.is_same_system(source, target);
                let both = |source: &&str| sources(other).any(|s| self.is_same_system(source, s));
                for source in sources(schedule).filter(written).filter(both) {
                    let message = format!(
                        "schedule {} writes source {source} into target {target} as well: one of the two gets no address \
                         for people that both take; keep their filters apart or remove one",
                        schedule_name(other)
                    );
                    findings.push(Inconsistency { reason: InconsistencyReason::SourceWrittenTwice, message });
                }
            }
        }
    }

    /// Another connector that is a source claims a domain of one of this schedule's sources.
    fn claimed_twice(&self, findings: &mut Vec<Inconsistency>) {
        let schedule = self.schedule;
        let read: BTreeSet<&str> = self.schedules().flat_map(sources).collect();
        let mut told = BTreeSet::new();
        for one in sources(schedule).filter_map(|named| self.connector(named)) {
            let own: BTreeSet<String> = claimed(one).collect();
            for other in read.iter().filter_map(|named| self.connector(named)) {
                let (a, b) = (connector_name(one), connector_name(other));
                if a == b || are_one_organization(one, other) {
                    continue;
                }
                let domains: BTreeSet<String> = claimed(other).filter(|domain| own.contains(domain)).collect();
                if !domains.is_empty() && told.insert((a.min(b), a.max(b))) {
                    let domains: Vec<String> = domains.into_iter().collect();
                    let message = format!(
                        "connectors {a} and {b} both claim {}: write it into spec.sharedDomains of both, or \
                         spec.sameOrganizationAs into one of a hybrid pair",
                        domains.join(", ")
                    );
                    findings.push(Inconsistency { reason: InconsistencyReason::DomainClaimedTwice, message });
                }
            }
        }
    }

    /// Both halves of a hybrid organization get the same source: directory synchronization makes each contact twice.
    fn hybrid_pairs(&self, findings: &mut Vec<Inconsistency>) {
        let schedule = self.schedule;
        let written: BTreeSet<(&str, &str)> = self
            .schedules()
            .flat_map(|one| targets(one).flat_map(move |target| sources(one).map(move |s| (target, s))))
            .collect();
        let mut told = BTreeSet::new();
        for target in targets(schedule) {
            for source in sources(schedule).filter(|source| *source != target) {
                for (other, _) in
                    written.iter().filter(|(other, s)| *s == source && *other != target && *other != source)
                {
                    let (Some(one), Some(two)) = (self.connector(target), self.connector(other)) else { continue };
                    let pair = if target < *other { (target, *other) } else { (*other, target) };
                    if are_one_organization(one, two) && told.insert(pair) {
                        let message = format!(
                            "targets {} and {} are one hybrid organization and both get source {source}: directory \
                             synchronization makes its contacts twice; keep one of the two targets",
                            pair.0, pair.1
                        );
                        findings.push(Inconsistency { reason: InconsistencyReason::HybridTargets, message });
                    }
                }
            }
        }
    }

    /// The contacts that a target gets lie where another source reads.
    fn contacts_in_scope(&self, findings: &mut Vec<Inconsistency>) {
        let schedule = self.schedule;
        let read: BTreeSet<&str> = self.schedules().flat_map(sources).collect();
        for target in targets(schedule).filter_map(|named| self.connector(named)) {
            let settings = target.spec.exchange_on_premises.as_ref();
            let Some(unit) = settings.and_then(|settings| settings.contacts_ou.as_ref()) else { continue };
            for source in read.iter().filter_map(|named| self.connector(named)) {
                let (name, of) = (connector_name(source), connector_name(target));
                // A mesh reads where it writes; the marks tell its contacts from people.
                if name != of && reads(source, target, unit.as_str()) {
                    let message = format!(
                        "the contacts of target {of} lie within what source {name} reads: exclude {unit} by \
                         filters.organizationalUnits of {name}"
                    );
                    findings.push(Inconsistency { reason: InconsistencyReason::ContactsInSourceScope, message });
                }
            }
        }
    }
}

fn are_one_organization(one: &GalSyncConnector, other: &GalSyncConnector) -> bool {
    let names = |one: &GalSyncConnector, other: &GalSyncConnector| {
        one.spec.same_organization_as.as_ref().is_some_and(|reference| reference.name.as_str() == connector_name(other))
    };
    names(one, other) || names(other, one)
}

/// Domains that the connector claims for itself alone.
fn claimed(connector: &GalSyncConnector) -> impl Iterator<Item = String> {
    let spec = &connector.spec;
    let shared: BTreeSet<String> = spec.shared_domains.iter().flatten().map(|d| d.as_str().to_lowercase()).collect();
    let claimed = spec.authoritative_domains.iter().flatten().map(|domain| domain.as_str().to_lowercase());
    claimed.filter(move |domain| !shared.contains(domain))
}

/// Whether the source reads this unit of the target's forest.
fn reads(source: &GalSyncConnector, target: &GalSyncConnector, unit: &str) -> bool {
    let Some(settings) = &source.spec.exchange_on_premises else { return false };
    let filters = source.spec.filters.as_ref().and_then(|filters| filters.organizational_units.as_ref());
    let excluded = filters.is_some_and(|units| units.exclude.iter().any(|above| lies_in(unit, above.as_str())));
    let included = filters.is_none_or(|units| {
        units.include.is_empty() || units.include.iter().any(|above| lies_in(unit, above.as_str()))
    });
    let based = match settings.base_dns.as_slice() {
        // The whole domain: of another forest where the identities differ.
        [] => identity(source).is_some() && identity(source) == identity(target),
        bases => bases.iter().any(|base| lies_in(unit, base.as_str())),
    };
    based && included && !excluded
}

/// Whether a unit is another one or below it; what is no name is told by the connector itself.
fn lies_in(unit: &str, above: &str) -> bool {
    let parsed = OrganizationalUnit::parse(unit).ok().zip(OrganizationalUnit::parse(above).ok());
    parsed.is_some_and(|(unit, above)| unit.is_within(&above))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn connector(name: &str, spec: Value) -> GalSyncConnector {
        let mut object = json!({ "metadata": { "name": name },
            "spec": { "type": "Memory", "memory": { "path": "/x" }, "authoritativeDomains": [format!("{name}.test")] } });
        for (field, value) in spec.as_object().unwrap() {
            match field.as_str() {
                "identity" => object["status"] = json!({ "identity": value }),
                field => object["spec"][field] = value.clone(),
            }
        }
        serde_json::from_value(object).unwrap()
    }

    fn forest(name: &str, unit: &str, bases: Value, filters: Value) -> GalSyncConnector {
        connector(
            name,
            json!({ "type": "ExchangeOnPremises", "memory": null, "filters": filters, "exchangeOnPremises": {
                "ldap": { "urls": ["ldaps://dc"], "credentialsRef": { "name": "s" } },
                "contactsOu": unit, "baseDns": bases } }),
        )
    }

    fn schedule(name: &str, sources: &[&str], targets: &[&str]) -> GalSyncSchedule {
        let named = |names: &[&str]| names.iter().map(|n| json!({ "connectorRef": { "name": n } })).collect::<Vec<_>>();
        serde_json::from_value(json!({ "metadata": { "name": name }, "spec": { "interval": "24h", "policy": "Sync",
            "sources": named(sources), "targets": named(targets) } }))
        .unwrap()
    }

    fn reasons(schedules: &[GalSyncSchedule], connectors: &[GalSyncConnector]) -> Vec<&'static str> {
        let findings = inconsistencies(&Namespace::new(connectors, schedules), &schedules[0]);
        findings.into_iter().map(|finding| finding.reason.label()).collect()
    }

    /// A person finds each reason in the manual.
    #[test]
    fn reasons_are_told_in_the_manual() {
        let manual = include_str!("../../docs/schedules.md");
        let labels = InconsistencyReason::ALL.iter().map(|reason| reason.label()).collect::<Vec<_>>();
        assert_eq!(
            labels,
            ["SameIdentity", "SourceWrittenTwice", "DomainClaimedTwice", "HybridTargets", "ContactsInSourceScope"]
        );
        for label in labels {
            assert!(manual.contains(&format!("| `{label}` |")), "{label} is not in docs/schedules.md");
        }
    }

    #[test]
    fn schedules_that_meet() {
        let plain = ["a", "b", "c", "d"].map(|name| connector(name, json!({})));
        let one = schedule("one", &["a", "b"], &["c"]);
        for (other, wanted) in [
            (schedule("two", &["d"], &["c"]), vec![]),
            (schedule("two", &["a"], &["d"]), vec![]),
            (schedule("two", &["a"], &["c"]), vec!["SourceWrittenTwice"]),
            (schedule("two", &["a", "b"], &["c", "d"]), vec!["SourceWrittenTwice", "SourceWrittenTwice"]),
        ] {
            assert_eq!(reasons(&[one.clone(), other], &plain), wanted);
        }
        let mut resting = schedule("two", &["a"], &["c"]);
        resting.spec.suspend = true;
        assert!(reasons(&[one.clone(), resting], &plain).is_empty());
        // A mesh beside one of its own directions, and two connectors to one system.
        let mesh = schedule("one", &["a", "b"], &["a", "b"]);
        assert_eq!(reasons(&[mesh, schedule("two", &["a"], &["b"])], &plain), ["SourceWrittenTwice"]);
        let same = |name: &str| connector(name, json!({ "identity": "tenant" }));
        let twins = [same("a"), same("b"), plain[2].clone()];
        assert_eq!(reasons(&[one], &twins), ["SameIdentity"]);
    }

    #[test]
    fn domains_that_two_claim() {
        let claims = |name: &str, more: Value| {
            let mut spec = json!({ "authoritativeDomains": ["both.test", format!("{name}.test")] });
            more.as_object().unwrap().iter().for_each(|(field, value)| spec[field] = value.clone());
            connector(name, spec)
        };
        let both = json!({ "sharedDomains": ["Both.test"] });
        let hybrid = json!({ "sameOrganizationAs": { "name": "a" } });
        for (a, b, found) in [
            (json!({}), json!({}), true),
            (both.clone(), json!({}), false),
            (both.clone(), both.clone(), false),
            (json!({}), hybrid, false),
        ] {
            let connectors = [claims("a", a), claims("b", b), connector("c", json!({}))];
            let wanted = if found { vec!["DomainClaimedTwice"] } else { vec![] };
            assert_eq!(reasons(&[schedule("one", &["a", "b"], &["c"])], &connectors), wanted);
            // Also where they meet in no schedule.
            let apart = [schedule("one", &["a"], &["c"]), schedule("two", &["b"], &["d"])];
            assert_eq!(reasons(&apart, &connectors), wanted);
        }
    }

    #[test]
    fn halves_of_a_hybrid_organization() {
        let connectors = [
            connector("a", json!({})),
            connector("onprem", json!({})),
            connector("tenant", json!({ "sameOrganizationAs": { "name": "onprem" } })),
        ];
        assert_eq!(reasons(&[schedule("one", &["a"], &["onprem", "tenant"])], &connectors), ["HybridTargets"]);
        let apart = [schedule("one", &["a"], &["onprem"]), schedule("two", &["a"], &["tenant"])];
        assert_eq!(reasons(&apart, &connectors), ["HybridTargets"]);
        assert!(reasons(&[schedule("one", &["onprem", "tenant"], &["a"])], &connectors).is_empty());
    }

    #[test]
    fn contacts_where_a_source_reads() {
        let unit = "OU=GalSync, DC=corp,DC=test";
        let exclude = json!({ "organizationalUnits": { "exclude": ["ou=galsync,dc=corp,dc=test"] } });
        let include = json!({ "organizationalUnits": { "include": ["OU=People,DC=corp,DC=test"] } });
        for (bases, filters, found) in [
            (json!(["DC=corp,DC=test"]), json!({}), true),
            (json!(["OU=GalSync,DC=corp,DC=test"]), json!({}), true),
            (json!(["OU=People,DC=corp,DC=test"]), json!({}), false),
            (json!(["DC=xcorp,DC=test"]), json!({}), false),
            (json!(["DC=corp,DC=test"]), exclude, false),
            (json!(["DC=corp,DC=test"]), include, false),
            (json!([]), json!({}), false),
        ] {
            let target = forest("c", unit, json!([]), json!({}));
            let connectors = [forest("a", "OU=x,DC=y", bases.clone(), filters), target];
            let wanted = if found { vec!["ContactsInSourceScope"] } else { vec![] };
            assert_eq!(reasons(&[schedule("one", &["a"], &["c"])], &connectors), wanted, "{bases}");
        }
    }
}
