//! One operator works at a time: the one that holds the Lease. The others stand by, and one that loses it ends.
//! Every write carries the version that was read, so that of two that take it only one has it.

mod turn;

use super::settings::LeaseSettings;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, PostParams};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout, timeout_at};
use turn::{GIVE_UP_AFTER, HOLDS_FOR, Holding, LOOK_EVERY, RENEW_EVERY, RETRY_AFTER, Seen, Turn, turn};

/// Why an operator that held the Lease must end. What it had begun, the next one finds and finishes.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("the Lease was taken by {0}")]
    Taken(String),
    #[error("the Lease could not be renewed for {} s", GIVE_UP_AFTER.as_secs())]
    NotRenewed,
}

/// One operator's way to the Lease.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    me: String,
    seen: Option<Seen>,
}

/// What a look at the Lease, and a write where it was due, came to.
#[derive(Debug, PartialEq)]
enum Look {
    Ours,
    Theirs {
        holder: String,
        again: Duration,
    },
    /// Somebody else wrote at the same time.
    Raced,
}

impl Candidate {
    pub fn new(client: &Client, settings: &LeaseSettings) -> Self {
        let LeaseSettings { namespace, name, holder } = settings;
        // A process that starts anew is another one: its predecessor of the same name may still be at work.
        let me = format!("{holder}_{:016x}", fastrand::u64(..));
        Self { api: Api::namespaced(client.clone(), namespace), name: name.clone(), me, seen: None }
    }

    /// Waits until the Lease is ours; calls `standing_by` once when it is another's.
    pub async fn acquire(&mut self, standing_by: impl Fn()) -> Held<'_> {
        let mut told = false;
        loop {
            let asked = Instant::now();
            let wait = match timeout(LOOK_EVERY, self.look()).await {
                Ok(Ok(Look::Ours)) => {
                    tracing::info!(holder = self.me, "holds the Lease");
                    return Held { candidate: self, renewed: asked };
                }
                Ok(Ok(Look::Theirs { holder, again })) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::info!(holder, "stands by");
                        standing_by();
                    }
                    again
                }
                Ok(Ok(Look::Raced)) => RETRY_AFTER,
                Ok(Err(error)) => {
                    tracing::warn!("the Lease could not be read or taken: {error}");
                    LOOK_EVERY
                }
                Err(_) => {
                    tracing::warn!("the API server did not answer about the Lease");
                    RETRY_AFTER
                }
            };
            sleep(wait).await;
        }
    }

    /// Reads the Lease, and writes it if that is our turn.
    async fn look(&mut self) -> kube::Result<Look> {
        let lease = self.api.get_opt(&self.name).await?;
        let now = Instant::now();
        self.seen = lease.as_ref().map(|lease| Seen::again(self.seen.take(), holding(lease), now));
        let turn = turn(&self.me, self.seen.as_ref(), now);
        if let Turn::StandBy(again) = turn {
            let holder = self.seen.as_ref().and_then(|seen| seen.holding.holder.clone()).unwrap_or_default();
            return Ok(Look::Theirs { holder, again });
        }
        let parameters = PostParams::default();
        let written = match lease {
            None => self.api.create(&parameters, &self.written(Lease::default(), turn)).await,
            Some(lease) => self.api.replace(&self.name, &parameters, &self.written(lease, turn)).await,
        };
        match written {
            Ok(_) => Ok(Look::Ours),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(Look::Raced),
            Err(error) => Err(error),
        }
    }

    /// The Lease as it is when it is ours.
    fn written(&self, mut lease: Lease, turn: Turn) -> Lease {
        let now = Some(MicroTime(Timestamp::now()));
        lease.metadata.name = Some(self.name.clone());
        lease.metadata.managed_fields = None;
        let spec = lease.spec.get_or_insert_default();
        if turn == Turn::Take {
            spec.acquire_time.clone_from(&now);
            spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |before| before.saturating_add(1)));
        }
        spec.holder_identity = Some(self.me.clone());
        spec.renew_time = now;
        spec.lease_duration_seconds = i32::try_from(HOLDS_FOR.as_secs()).ok();
        lease
    }
}

fn holding(lease: &Lease) -> Holding {
    let LeaseSpec { holder_identity, renew_time, lease_duration_seconds, .. } = lease.spec.clone().unwrap_or_default();
    let seconds = lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Holding {
        holder: holder_identity,
        renewed: renew_time.map(|time| time.0),
        holds_for: seconds.map_or(HOLDS_FOR, Duration::from_secs),
    }
}

/// The Lease is ours, as long as [`Held::keep`] does not end.
pub struct Held<'a> {
    candidate: &'a mut Candidate,
    /// When the last request that succeeded was sent: the Lease holds since then at least.
    renewed: Instant,
}

impl Held<'_> {
    /// Renews for ever. Whatever is done under the Lease must end when this ends.
    pub async fn keep(&mut self) -> Lost {
        loop {
            sleep(RENEW_EVERY).await;
            let until = self.renewed + GIVE_UP_AFTER;
            match timeout_at(until.into(), self.renew()).await {
                Ok(Ok(())) => {}
                Ok(Err(lost)) => return lost,
                Err(_) => return Lost::NotRenewed,
            }
        }
    }

    async fn renew(&mut self) -> Result<(), Lost> {
        loop {
            let asked = Instant::now();
            match timeout(LOOK_EVERY, self.candidate.look()).await {
                Ok(Ok(Look::Ours)) => {
                    self.renewed = asked;
                    return Ok(());
                }
                Ok(Ok(Look::Theirs { holder, .. })) => return Err(Lost::Taken(holder)),
                Ok(Ok(Look::Raced)) => {}
                Ok(Err(error)) => tracing::warn!("the Lease could not be renewed: {error}"),
                Err(_) => tracing::warn!("the API server did not answer about the Lease"),
            }
            sleep(RETRY_AFTER).await;
        }
    }

    /// Gives the Lease back, so that another one need not wait until it runs out. Where it fails, it runs out.
    pub async fn release(self) {
        let Candidate { api, name, me, .. } = self.candidate;
        let give_back = async {
            let Some(mut lease) = api.get_opt(name).await? else { return Ok(()) };
            let Some(spec) = lease.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(me)) else {
                return Ok(());
            };
            spec.holder_identity = None;
            lease.metadata.managed_fields = None;
            api.replace(name, &PostParams::default(), &lease).await.map(drop)
        };
        match timeout(LOOK_EVERY, give_back).await {
            Ok(Ok::<(), kube::Error>(())) => tracing::info!("gave the Lease back"),
            Ok(Err(error)) => tracing::warn!("the Lease could not be given back: {error}"),
            Err(_) => tracing::warn!("the API server did not answer about the Lease"),
        }
    }
}

#[cfg(test)]
mod tests;
