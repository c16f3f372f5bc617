//! Last step: takes what a plan adds up to, and gives how far it may go unasked, its digest and its result.

pub(super) mod finish;
pub(super) mod limits;
pub(super) mod totals;
