//! What a plan is made of: takes the sources, the target's contents, its ledger and its history from the caller, and
//! gives them checked, each in the order of its keys.

pub(super) mod contents;
pub(super) mod history;
pub(super) mod ledger;
pub(super) mod plan_input;
pub(super) mod sources;
