//! An operator's way to the API server, and what can befall it at one of its requests.

use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// What befalls an operator at one of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It dies; the request does not arrive.
    Dies,
    /// The request is carried out, and it dies before it hears so.
    DiesUnanswered,
    /// The request does not arrive, and it lives.
    Refused,
    /// The request is carried out, its answer is lost, and it lives.
    Unanswered,
    /// It stands still, and sends the request much later.
    Stalls,
}

/// How far a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Free,
    Blocked,
    /// There, and no answer back.
    OneWay,
}

#[derive(Clone, Default)]
pub struct Line(Arc<State>);

#[derive(Default)]
struct State {
    plan: Mutex<Plan>,
    stalled: Notify,
    goes_on: Notify,
}

#[derive(Default)]
struct Plan {
    /// Every request so far.
    requests: Vec<String>,
    /// At which request what happens.
    fault: Option<(usize, Fault)>,
    dead: bool,
}

/// One operator's client, and how to break it.
#[derive(Clone)]
pub struct Access {
    pub client: kube::Client,
    pub(super) line: Line,
}

impl Access {
    /// This happens at the request with this number from now on, counted from 0.
    pub fn breaks(&self, request: usize, fault: Fault) {
        let mut plan = self.line.0.plan.lock().unwrap();
        plan.fault = Some((plan.requests.len() + request, fault));
    }

    /// Method and path of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.line.0.plan.lock().unwrap().requests.clone()
    }

    pub fn is_dead(&self) -> bool {
        self.line.0.plan.lock().unwrap().dead
    }

    /// Ends when the operator stands still.
    pub async fn stalled(&self) {
        self.line.0.stalled.notified().await;
    }

    pub fn goes_on(&self) {
        self.line.0.goes_on.notify_one();
    }

    /// It has learnt that another one works, and ends.
    pub fn stops(&self) {
        self.line.0.plan.lock().unwrap().dead = true;
    }
}

impl Line {
    pub(super) async fn pass(&self, request: String) -> Passage {
        let fault = {
            let mut plan = self.0.plan.lock().unwrap();
            if plan.dead {
                return Passage::Blocked;
            }
            plan.requests.push(request);
            let number = plan.requests.len() - 1;
            let fault = plan.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
            plan.dead = matches!(fault, Some(Fault::Dies | Fault::DiesUnanswered));
            fault
        };
        match fault {
            None => Passage::Free,
            Some(Fault::Dies | Fault::Refused) => Passage::Blocked,
            Some(Fault::DiesUnanswered | Fault::Unanswered) => Passage::OneWay,
            Some(Fault::Stalls) => {
                self.0.stalled.notify_one();
                self.0.goes_on.notified().await;
                Passage::Free
            }
        }
    }
}
