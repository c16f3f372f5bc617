//! The way of a request: to the service that it is for, past the rules for faults and the limits.

use super::call::{Call, Label, Reply};
use super::clock::Clock;
use super::counters::Counters;
use super::faults::{Effect, Fault, Faults};
use super::record::Record;
use super::service::{Answer, Server, Service, System};
use super::settings::ConfigError;
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

/// All that a sandbox is, behind its port.
#[derive(Debug)]
pub struct State {
    pub clock: Clock,
    pub faults: Faults,
    pub counters: Counters,
    pub record: Record,
    systems: Vec<System>,
    /// Clients reach it by `https`.
    tls: bool,
}

impl State {
    /// `seed` decides what rules leave to chance.
    pub fn new(
        clock: Clock,
        systems: Vec<System>,
        faults: &[Fault],
        seed: u64,
        tls: bool,
    ) -> Result<Self, ConfigError> {
        let state = Self {
            clock,
            faults: Faults::new(seed),
            counters: Counters::default(),
            record: Record::default(),
            systems,
            tls,
        };
        state.replace_faults(faults)?;
        Ok(state)
    }

    pub fn is_tls(&self) -> bool {
        self.tls
    }

    pub fn systems(&self) -> &[System] {
        &self.systems
    }

    pub fn services(&self) -> impl Iterator<Item = &dyn Service> {
        self.systems.iter().flat_map(|system| &system.services).map(AsRef::as_ref)
    }

    /// Puts other rules in place of those that are there, unless one of them can strike nothing here.
    pub fn replace_faults(&self, faults: &[Fault]) -> Result<(), ConfigError> {
        let services: Vec<_> = self.services().map(|service| (service.name(), service.effects())).collect();
        for (index, fault) in faults.iter().enumerate() {
            fault.check(&format!("faults[{index}]"), &services)?;
        }
        self.faults.replace(faults);
        Ok(())
    }

    /// Answers a request, which is recorded and counted.
    pub async fn serve(&self, call: &Call) -> Answer {
        let routed = self.systems.iter().find_map(|system| {
            let mut services = system.services.iter();
            services.find_map(|service| Some((system, service.as_ref(), service.route(call)?)))
        });
        let Some((system, service, label)) = routed else {
            let label = Label { service: "other", tenant: None, operation: format!("{} unknown", call.method) };
            self.counters.count(&label, 404);
            return Answer::Whole(Reply::json(
                404,
                &json!({"error": {"code": "NotFound", "message": "No service has this path."}}),
            ));
        };
        let names = label.tenant.as_deref().and_then(|tenant| system.tenants.names(tenant)).unwrap_or_default();
        self.record.add(call, service.shape(), &names);
        let answer = self.answer(service, call, &label).await;
        self.counters.count(&label, answer.status());
        answer
    }

    /// The request in its place, for as long as it takes.
    async fn carry_out(&self, service: &dyn Service, call: &Call, label: &Label) -> Answer {
        match service.admit(label, self.clock.now()) {
            // The place is given back when the answer is there.
            Ok(admission) => {
                if !admission.latency.is_zero() {
                    tokio::time::sleep(admission.latency).await;
                }
                service.answer(call, label, self).await
            }
            Err(reply) => Answer::Whole(reply),
        }
    }
}

#[async_trait]
impl Server for State {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn answer(&self, service: &dyn Service, call: &Call, label: &Label) -> Answer {
        let effect = self.faults.decide(label, service.effects());
        match &effect {
            Some(Effect::Status { status, retry_after }) => {
                let reply = service.refuse(*status);
                return Answer::Whole(match retry_after {
                    Some(wait) => reply.retry_after(wait.0),
                    None => reply,
                });
            }
            Some(Effect::CutRequest) => return Answer::Cut(Reply::empty(200), 0),
            Some(Effect::Slow { by }) => tokio::time::sleep(by.0).await,
            Some(Effect::Own(name)) => {
                if let Some(reply) = service.fail(name, call, label, self.clock.now()) {
                    return Answer::Whole(reply);
                }
            }
            Some(Effect::Repeat) => drop(self.carry_out(service, call, label).await),
            _ => {}
        }
        let reply = match self.carry_out(service, call, label).await {
            Answer::Whole(reply) => reply,
            // What happened to one of a batch happened to all of it.
            broken => return broken,
        };
        match effect {
            Some(Effect::CutAnswer) => {
                let half = reply.body.len() / 2;
                Answer::Cut(reply, half)
            }
            Some(Effect::ShortBody) => {
                let half = reply.body.len() / 2;
                Answer::Whole(Reply { body: reply.body[..half].to_vec(), ..reply })
            }
            Some(Effect::WrongBody) => Answer::Whole(Reply {
                status: 200,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html><body><h1>Please sign in to the network</h1></body></html>".to_vec(),
            }),
            Some(Effect::NoAnswer) => Answer::Lost,
            Some(Effect::WithoutList) => Answer::Whole(without_list(reply)),
            _ => Answer::Whole(reply),
        }
    }

    fn count(&self, label: &Label, status: u16) {
        self.counters.count(label, status);
    }
}

/// Of a body that is a JSON object; another stays as it is.
fn without_list(reply: Reply) -> Reply {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&reply.body) else { return reply };
    body.retain(|_, value| !value.is_array());
    Reply { body: Value::Object(body).to_string().into_bytes(), ..reply }
}
