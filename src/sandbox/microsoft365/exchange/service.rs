//! The cmdlet endpoint as one of the sandbox's services.

use super::{CmdletError, Endpoint, Refusal, Transient};
use crate::sandbox::microsoft365::hosted::{Hosted, Microsoft365, refuse};
use crate::sandbox::microsoft365::record::SHAPE;
use crate::sandbox::microsoft365::token::access::{Audience, Claims, Invalid};
use crate::sandbox::server::call::{Call, Label, Reply};
use crate::sandbox::server::limits::Admission;
use crate::sandbox::server::record::Shape;
use crate::sandbox::server::service::{Answer, Server, Service};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What a batch as a whole is called; the cmdlets in it are called by their names.
pub(super) const BATCH: &str = "$batch";

/// `/adminapi/…`.
#[derive(Debug)]
pub struct ExchangeService(pub Arc<Microsoft365>);

impl ExchangeService {
    /// The tenant that the path names, if the token is for it.
    pub(super) fn signed_in(&self, call: &Call, called: &str, now: Timestamp) -> Result<(&Hosted, Claims), Refusal> {
        let token = call.bearer().ok_or(Refusal::Unauthorized("The header Authorization is missing."))?;
        let claims = self.0.mint.check(token, Audience::Exchange, now)?;
        match self.0.tenant(called) {
            Some(hosted) if hosted.id == claims.tid => Ok((hosted, claims)),
            _ => Err(Refusal::Unauthorized("The token is for another tenant than the path.")),
        }
    }

    fn invoke(&self, call: &Call, called: &str, now: Timestamp) -> Reply {
        match self.signed_in(call, called, now) {
            Ok((hosted, claims)) => super::answer(call, &mut hosted.lock(), &claims, now),
            Err(refusal) => refusal.reply(),
        }
    }

    fn hosted(&self, label: &Label) -> Option<&Hosted> {
        label.tenant.as_deref().and_then(|tenant| self.0.tenant(tenant))
    }
}

#[async_trait]
impl Service for ExchangeService {
    fn name(&self) -> &'static str {
        "exchange"
    }

    fn route(&self, call: &Call) -> Option<Label> {
        let (endpoint, called) = Endpoint::parse(&call.path)?;
        let operation = match endpoint {
            Endpoint::Invoke => super::cmdlet_name(&call.body).unwrap_or_else(|| "unknown".to_owned()),
            Endpoint::Batch => BATCH.to_owned(),
        };
        Some(Label { service: self.name(), tenant: self.0.organization(called), operation })
    }

    fn admit(&self, label: &Label, _now: Timestamp) -> Result<Admission, Reply> {
        // A batch holds no place itself; its cmdlets do.
        let Some(hosted) = self.hosted(label).filter(|_| label.operation != BATCH) else {
            return Ok(Admission::default());
        };
        match hosted.in_flight.enter(hosted.max_concurrent) {
            Some(place) => Ok(Admission { latency: hosted.exchange_latency, place: Some(place) }),
            None => Err(Refusal::Throttled(Duration::from_secs(1)).reply()),
        }
    }

    async fn answer(&self, call: &Call, _label: &Label, server: &dyn Server) -> Answer {
        match Endpoint::parse(&call.path) {
            Some((Endpoint::Invoke, called)) => Answer::Whole(self.invoke(call, called, server.now())),
            Some((Endpoint::Batch, called)) => self.run_batch(call, called, server).await,
            None => Answer::Whole(Reply::empty(404)),
        }
    }

    fn effects(&self) -> &'static [&'static str] {
        &["expiredToken", "accessDenied", "transient"]
    }

    fn fail(&self, effect: &str, _call: &Call, label: &Label, _now: Timestamp) -> Option<Reply> {
        Some(match effect {
            "expiredToken" => Refusal::from(Invalid::Expired).reply(),
            "accessDenied" => Refusal::NoRole.reply(),
            _ => {
                let told = self.hosted(label).map_or(0, |hosted| {
                    let mut tenant = hosted.lock();
                    tenant.errors_told += 1;
                    tenant.errors_told
                });
                let kind = Transient::ALL[told as usize % Transient::ALL.len()];
                CmdletError::Transient(kind).reply(told, &label.operation)
            }
        })
    }

    fn refuse(&self, status: u16) -> Reply {
        refuse(status)
    }

    fn shape(&self) -> &'static Shape {
        &SHAPE
    }

    /// Cmdlets one by one, those of batches too.
    fn counters(&self) -> Option<Value> {
        let tenant = |hosted: &Hosted| {
            let tenant = hosted.lock();
            let line = |((name, status), count): (&(&'static str, u16), &u64)| json!({"cmdlet": name, "status": status, "count": count});
            json!({
                "tenant": hosted.organization,
                "cmdlets": tenant.cmdlets_answered.iter().map(line).collect::<Vec<_>>(),
                "mostInFlight": hosted.in_flight.most(),
            })
        };
        Some(self.0.tenants.iter().map(tenant).collect())
    }

    fn reset_counters(&self) {
        self.0.tenants.iter().for_each(|hosted| hosted.lock().cmdlets_answered.clear());
    }
}
