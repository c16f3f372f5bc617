//! Faults by rule: which request goes wrong, and how.

use super::call::Label;
use super::settings::{ConfigError, Span};
use fastrand::Rng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
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
    pub then: Effect,
}

/// Which requests a rule looks at; what is absent matches all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Matcher {
    /// Name of the service: `graph`.
    pub service: Option<String>,
    /// Organization of the tenant.
    pub tenant: Option<String>,
    /// As the service labels its requests: a cmdlet, or method and path without ids; a `*` at the end stands for
    /// anything.
    pub operation: Option<String>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
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
    /// The request is carried out twice, and the second answer is given.
    Repeat,
    /// What one service alone does, in words of its own (see [`super::service::Service::effects`]).
    #[serde(skip)]
    Own(String),
}

/// A name that is none of those above is a service's own. What is more than a name is not.
impl<'de> Deserialize<'de> for Effect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        // Not the trait's function, but the one that `remote` makes.
        match (Self::deserialize(&value), value) {
            (Ok(effect), _) => Ok(effect),
            (Err(_), Value::String(name)) => Ok(Self::Own(name)),
            (Err(error), _) => Err(serde::de::Error::custom(error)),
        }
    }
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Own(name) => serializer.serialize_str(name),
            known => Self::serialize(known, serializer),
        }
    }
}

impl Fault {
    /// `at` is where the rule stands, `services` which there are, with the effects of their own.
    pub fn check(&self, at: &str, services: &[(&str, &[&str])]) -> Result<(), ConfigError> {
        let wrong = |field: &str, sentence: String| Err(ConfigError::at(format!("{at}.{field}"), sentence));
        match &self.when {
            When::Every(0) | When::Call(0) | When::From(0) => {
                return wrong("when", "requests are counted from 1; write 1 or more in place of 0".to_owned());
            }
            When::Calls(calls) if calls.contains(&0) => {
                return wrong("when.calls", "requests are counted from 1; take the 0 out".to_owned());
            }
            When::Probability(p) if !(0.0..=1.0).contains(p) => {
                return wrong("when.probability", format!("{p} is not a probability; write a number from 0 to 1"));
            }
            _ => {}
        }
        let names = || services.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        if let Some(service) = &self.on.service
            && !services.iter().any(|(name, _)| name == service)
        {
            return wrong("on.service", format!("there is no service '{service}'; write one of {}", names()));
        }
        match &self.then {
            Effect::Status { status, .. } if !(400..=599).contains(status) => {
                wrong("then.status.status", format!("{status} is not an error; write a status from 400 to 599"))
            }
            Effect::Own(own) => {
                let meant = services.iter().filter(|(name, _)| self.on.service.as_ref().is_none_or(|on| on == name));
                let effects: Vec<&str> = meant.flat_map(|(_, effects)| effects.iter().copied()).collect();
                if effects.contains(&own.as_str()) {
                    return Ok(());
                }
                let whose = self.on.service.as_deref().map_or("no service".to_owned(), |on| format!("{on} does not"));
                let verb = if self.on.service.is_some() { "have" } else { "has" };
                let mut known = effects;
                known.sort_unstable();
                known.dedup();
                let known = if known.is_empty() {
                    "write an effect that all services have, such as cutAnswer".to_owned()
                } else {
                    format!("write an effect that all services have, or one of {}", known.join(", "))
                };
                wrong("then", format!("{whose} {verb} the effect '{own}'; {known}"))
            }
            _ => Ok(()),
        }
    }
}

impl Matcher {
    fn matches(&self, label: &Label) -> bool {
        let operation = self.operation.as_ref().is_none_or(|pattern| match pattern.strip_suffix('*') {
            Some(start) => label.operation.to_lowercase().starts_with(&start.to_lowercase()),
            None => label.operation.eq_ignore_ascii_case(pattern),
        });
        let same = |wanted: &String| label.tenant.as_ref().is_some_and(|tenant| tenant.eq_ignore_ascii_case(wanted));
        operation
            && self.service.as_ref().is_none_or(|service| service == label.service)
            && self.tenant.as_ref().is_none_or(same)
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
    /// Without a rule.
    pub fn new(seed: u64) -> Self {
        Self { seed, rules: Mutex::default() }
    }

    /// Puts other rules, which were checked, in place of those that are there.
    pub(super) fn replace(&self, faults: &[Fault]) {
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

    /// What happens to this request. Every rule that matches counts it, but those whose effect is another service's own;
    /// the first that strikes decides. `effects` are those of the request's service.
    pub fn decide(&self, label: &Label, effects: &[&str]) -> Option<Effect> {
        let mut decided = None;
        for rule in self.rules.lock().expect("no holder of the lock panics").iter_mut() {
            let elsewhere = matches!(&rule.fault.then, Effect::Own(name) if !effects.contains(&name.as_str()));
            if elsewhere || !rule.fault.on.matches(label) {
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

    const SERVICES: &[(&str, &[&str])] = &[("mail", &["moves"]), ("token", &[])];

    fn faults(yaml: &str) -> Faults {
        let rules: Vec<Fault> = serde_yaml::from_str(yaml).unwrap();
        rules.iter().for_each(|rule| rule.check("faults[0]", SERVICES).unwrap());
        let faults = Faults::new(7);
        faults.replace(&rules);
        faults
    }

    fn label(operation: &str) -> Label {
        Label { service: "mail", tenant: Some("a.example".to_owned()), operation: operation.to_owned() }
    }

    fn struck(faults: &Faults, operation: &str, count: usize) -> Vec<usize> {
        (1..=count).filter(|_| faults.decide(&label(operation), &["moves"]).is_some()).collect()
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
                faults(&format!("[{{on: {{operation: 'New-*'}}, when: {when}, then: {{status: {{status: 503}}}}}}]"));
            assert!(struck(&faults, "Get-Recipient", 6).is_empty());
            assert_eq!(struck(&faults, "New-MailContact", 6), expected, "{when}");
        }
    }

    #[test]
    fn a_rule_ends_after_its_times() {
        let faults = faults("[{times: 2, then: moves}]");
        assert_eq!(struck(&faults, "x", 5), [1, 2]);
    }

    #[test]
    fn a_rule_with_an_effect_of_one_service_leaves_the_others_alone() {
        let faults = faults("[{times: 1, then: moves}]");
        let token = Label { service: "token", ..label("x") };
        assert_eq!(faults.decide(&token, &[]), None);
        assert_eq!(faults.tell()[0].1, 0, "it is not counted either");
        assert_eq!(faults.decide(&label("x"), &["moves"]), Some(Effect::Own("moves".to_owned())));
    }

    #[test]
    fn chance_depends_on_the_seed_alone() {
        let run = || struck(&faults("[{when: {probability: 0.3}, then: cutAnswer}]"), "x", 200);
        assert_eq!(run(), run());
        assert!((30..90).contains(&run().len()));
    }

    #[test]
    fn effects_are_written_as_they_are_read() {
        for yaml in ["cutAnswer", "{slow: {by: 3s}}", "{status: {status: 429, retryAfter: 5s}}", "moves"] {
            let effect: Effect = serde_yaml::from_str(yaml).unwrap();
            let json = serde_json::to_value(&effect).unwrap();
            assert_eq!(serde_json::from_value::<Effect>(json).unwrap(), effect, "{yaml}");
        }
    }

    #[test]
    fn wrong_rules_are_refused_with_what_to_write() {
        for (yaml, sentence) in [
            ("{when: {every: 0}, then: repeat}", "faults[3].when: requests are counted from 1; write 1 or more"),
            ("{when: {calls: [1, 0]}, then: repeat}", "faults[3].when.calls: requests are counted from 1"),
            ("{then: {status: {status: 200}}}", "faults[3].then.status.status: 200 is not an error; write"),
            ("{when: {probability: 2.0}, then: moves}", "faults[3].when.probability: 2 is not a probability; write"),
            ("{on: {service: mial}, then: repeat}", "there is no service 'mial'; write one of mail, token"),
            (
                "{then: explode}",
                "no service has the effect 'explode'; write an effect that all services have, or one of moves",
            ),
            ("{on: {service: token}, then: moves}", "token does not have the effect 'moves'; write an effect that all"),
        ] {
            let fault: Fault = serde_yaml::from_str(yaml).unwrap();
            let error = fault.check("faults[3]", SERVICES).unwrap_err().to_string();
            assert!(error.contains(sentence), "{yaml}: {error}");
        }
        let error = serde_yaml::from_str::<Fault>("{then: {status: {code: 500}}}").unwrap_err().to_string();
        assert!(error.contains("unknown field `code`"), "{error}");
    }
}
