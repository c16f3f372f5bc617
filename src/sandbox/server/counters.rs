//! How many requests there were, by tenant, service, operation and status.

use super::call::Label;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Tenant, service, operation, status.
type Key = (String, &'static str, String, u16);

#[derive(Debug, Default)]
pub struct Counters(Mutex<BTreeMap<Key, u64>>);

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Organization; empty where the request named none that is known.
    pub tenant: String,
    pub service: &'static str,
    pub operation: String,
    /// 0 = the connection was cut.
    pub status: u16,
    pub count: u64,
}

impl Counters {
    pub fn count(&self, label: &Label, status: u16) {
        let key = (label.tenant.clone().unwrap_or_default(), label.service, label.operation.clone(), status);
        *self.0.lock().expect("no holder of the lock panics").entry(key).or_default() += 1;
    }

    pub fn table(&self) -> Vec<Count> {
        let counts = self.0.lock().expect("no holder of the lock panics");
        let line = |((tenant, service, operation, status), count): (&Key, &u64)| Count {
            tenant: tenant.clone(),
            service,
            operation: operation.clone(),
            status: *status,
            count: *count,
        };
        counts.iter().map(line).collect()
    }

    pub fn reset(&self) {
        self.0.lock().expect("no holder of the lock panics").clear();
    }
}
