//! Counters that carry the name of a schedule or a connector. A cluster may have tens of thousands of them, so that
//! each is a text and a number.

use super::catalogue::{self, Family};
use super::state::Figures;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
pub struct ObjectCounters(Arc<Mutex<Values>>);

/// By family, and by labels.
type Values = BTreeMap<&'static str, BTreeMap<Box<str>, u64>>;

/// Between the labels of one counter; no label has it.
const BETWEEN: &str = "\0";

/// All families of such counters.
const FAMILIES: [Family; 9] = [
    catalogue::RUNS,
    catalogue::OPERATIONS,
    catalogue::LOST,
    catalogue::CHANGES,
    catalogue::CHANGES_LEFT,
    catalogue::REQUESTS,
    catalogue::THROTTLED,
    catalogue::RETRIES,
    catalogue::READ_BYTES,
];

impl ObjectCounters {
    fn with<T>(&self, work: impl FnOnce(&mut Values) -> T) -> T {
        // Nothing in here leaves a counter half raised.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The labels in the catalogue's order.
    pub(super) fn raise(&self, family: Family, labels: &[&str], by: u64) {
        debug_assert!(FAMILIES.contains(&family) && labels.len() == family.labels.len(), "{}", family.name);
        let key = labels.join(BETWEEN).into_boxed_str();
        self.with(|families| {
            let value = families.entry(family.name).or_default().entry(key).or_default();
            *value = value.saturating_add(by);
        });
    }

    /// Shows the counters whose object is there, and forgets the others.
    pub(super) fn tell(&self, is_there: impl Fn(Family, &[&str]) -> bool, figures: &mut Figures) {
        self.with(|families| {
            for family in FAMILIES {
                let Some(values) = families.get_mut(family.name) else { continue };
                values.retain(|key, value| {
                    let labels: Vec<&str> = key.split(BETWEEN).collect();
                    let stays = is_there(family, &labels);
                    if stays {
                        figures.set_count(family, &labels, *value);
                    }
                    stays
                });
            }
        });
    }
}
