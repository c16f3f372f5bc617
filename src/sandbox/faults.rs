//! Faults by rule: which request goes wrong, and how.

use super::call::{Label, Service};
use super::config::{ConfigError, Span};
use super::microsoft365::tenant::LostDelta;
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_yaml::with::singleton_map;
use std::sync::Mutex;

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    #[serde(default)]
    pub on: Matcher,
    #[serde(default, with = "singleton_map")]
    pub when: When,
    /// How often it strikes at most; absent = without end.
    #[serde(default)]
    pub times: Option<u64>,
    #[serde(with = "singleton_map")]
    pub then: Effect,
}

/// Which requests a rule looks at; what is absent matches all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Matcher {
    pub service: Option<Service>,
    /// Organization of the tenant.
    pub tenant: Option<String>,
    /// Cmdlet (`New-MailContact`), alone or in a batch, `$batch` as a whole, `POST token`, or method and path of Graph (`GET users/delta`); a `*` at
    /// the end stands for anything.
    pub call: Option<String>,
}

/// Which of the requests that match.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    #[default]
    Always,
    /// Counted from 1.
    Call(u64),
    Calls(Vec<u64>),
    /// Every n-th.
    Every(u64),
    /// From this one on.
    From(u64),
    /// Between 0 and 1; decided by the sandbox's seed.
    Probability(f64),
}

/// What happens to the request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// An answer with this status; the request is not carried out.
    Status {
        status: u16,
        #[serde(default)]
        retry_after: Option<Span>,
    },
    /// The request is carried out, and the connection breaks in the middle of the answer: that of the whole batch, if it
    /// is in one.
    CutAnswer,
    /// The connection breaks; the request is not carried out, while others of its batch are.
    CutRequest,
    /// The answer is late, in real time.
    Slow { by: Span },
    /// The request is carried out; the answer is a page of some proxy.
    WrongBody,
    /// The request is carried out, and nothing of its answer arrives: in a batch no response has its id, alone the
    /// connection breaks.
    NoAnswer,
    /// The request is carried out; the answer lacks the list that it should have.
    WithoutList,
    /// The request is carried out; the answer is cut off but arrives as if it were whole.
    ShortBody,
    /// 401 as for a token whose time is over.
    ExpiredToken,
    /// Every delta token so far is forgotten, then the request is carried out.
    LoseDelta { tell: LostDelta },
    /// A failure that passes, told as 400.
    Transient,
    /// 403 with a body of zeros.
    Zeros,
    /// The request is carried out twice, and the second answer is given.
    Repeat,
}

impl Fault {
    pub fn check(&self) -> Result<(), ConfigError> {
        match (&self.when, &self.then) {
            (When::Every(0) | When::Call(0) | When::From(0), _) => {
                Err(ConfigError::invalid("faults: when counts from 1"))
            }
            (When::Probability(p), _) if !(0.0..=1.0).contains(p) => {
                Err(ConfigError::invalid("faults: when.probability is from 0 to 1"))
            }
            (_, Effect::Status { status, .. }) if !(400..=599).contains(status) => {
                Err(ConfigError::invalid("faults: then.status.status is from 400 to 599"))
            }
            _ => Ok(()),
        }
    }
}

impl Matcher {
    fn matches(&self, label: &Label) -> bool {
        let call = self.call.as_ref().is_none_or(|pattern| match pattern.strip_suffix('*') {
            Some(start) => label.call.to_lowercase().starts_with(&start.to_lowercase()),
            None => label.call.eq_ignore_ascii_case(pattern),
        });
        let same = |wanted: &String| label.tenant.as_ref().is_some_and(|tenant| tenant.eq_ignore_ascii_case(wanted));
        call && self.service.is_none_or(|service| service == label.service) && self.tenant.as_ref().is_none_or(same)
    }
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    seen: u64,
    struck: u64,
    random: Rng,
}

/// The rules with what they have seen.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    rules: Mutex<Vec<Rule>>,
}

impl Faults {
    pub fn new(faults: &[Fault], seed: u64) -> Self {
        let made = Self { seed, rules: Mutex::default() };
        made.replace(faults);
        made
    }

    /// Puts other rules in place of those that are there.
    pub fn replace(&self, faults: &[Fault]) {
        let rule = |(index, fault): (usize, &Fault)| Rule {
            fault: fault.clone(),
            seen: 0,
            struck: 0,
            random: Rng::with_seed(self.seed.wrapping_add(index as u64)),
        };
        *self.rules.lock().expect("no holder of the lock panics") = faults.iter().enumerate().map(rule).collect();
    }

    /// Rules with how often each matched and struck.
    pub fn tell(&self) -> Vec<(Fault, u64, u64)> {
        let rules = self.rules.lock().expect("no holder of the lock panics");
        rules.iter().map(|rule| (rule.fault.clone(), rule.seen, rule.struck)).collect()
    }

    /// What happens to this request. Every rule counts it; the first that strikes decides.
    pub fn decide(&self, label: &Label) -> Option<Effect> {
        let mut decided = None;
        for rule in self.rules.lock().expect("no holder of the lock panics").iter_mut() {
            if !rule.fault.on.matches(label) {
                continue;
            }
            rule.seen += 1;
            let strikes = match &rule.fault.when {
                When::Always => true,
                When::Call(call) => rule.seen == *call,
                When::Calls(calls) => calls.contains(&rule.seen),
                When::Every(every) => rule.seen.is_multiple_of(*every),
                When::From(first) => rule.seen >= *first,
                When::Probability(p) => rule.random.f64() < *p,
            };
            if strikes && decided.is_none() && rule.fault.times.is_none_or(|times| rule.struck < times) {
                rule.struck += 1;
                decided = Some(rule.fault.then.clone());
            }
        }
        decided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(yaml: &str) -> Faults {
        let rules: Vec<Fault> = serde_yaml::from_str(yaml).unwrap();
        rules.iter().for_each(|rule| rule.check().unwrap());
        Faults::new(&rules, 7)
    }

    fn label(call: &str) -> Label {
        Label { service: Service::Exchange, tenant: Some("a.onmicrosoft.com".to_owned()), call: call.to_owned() }
    }

    fn struck(faults: &Faults, call: &str, count: usize) -> Vec<usize> {
        (1..=count).filter(|_| true).filter(|_| faults.decide(&label(call)).is_some()).collect()
    }

    #[test]
    fn rules_strike_when_they_say() {
        for (when, expected) in [
            ("{call: 2}", vec![2]),
            ("{calls: [1, 4]}", vec![1, 4]),
            ("{every: 3}", vec![3, 6]),
            ("{from: 5}", vec![5, 6]),
            ("always", vec![1, 2, 3, 4, 5, 6]),
            ("{probability: 0.0}", vec![]),
        ] {
            let faults =
                faults(&format!("[{{on: {{call: 'New-*'}}, when: {when}, then: {{status: {{status: 503}}}}}}]"));
            assert!(struck(&faults, "Get-Recipient", 6).is_empty());
            assert_eq!(struck(&faults, "New-MailContact", 6), expected, "{when}");
        }
    }

    #[test]
    fn a_rule_ends_after_its_times() {
        let faults = faults("[{times: 2, then: expiredToken}]");
        assert_eq!(struck(&faults, "x", 5), [1, 2]);
    }

    #[test]
    fn chance_depends_on_the_seed_alone() {
        let run = || struck(&faults("[{when: {probability: 0.3}, then: cutAnswer}]"), "x", 200);
        assert_eq!(run(), run());
        assert!((30..90).contains(&run().len()));
    }

    #[test]
    fn wrong_rules_are_refused() {
        for yaml in [
            "{when: {every: 0}, then: repeat}",
            "{then: {status: {status: 200}}}",
            "{when: {probability: 2.0}, then: zeros}",
        ] {
            let fault: Fault = serde_yaml::from_str(yaml).unwrap();
            assert!(fault.check().is_err(), "{yaml}");
        }
        assert!(serde_yaml::from_str::<Fault>("{then: explode}").is_err());
    }
}
