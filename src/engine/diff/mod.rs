//! The rows, walked twice: takes entries and contacts side by side, keeps them as rows while conflicts are resolved, and
//! gives a change for each row, or nothing for a reason.

pub(super) mod codec;
pub(super) mod gather;
pub(super) mod links;
pub(super) mod outcome;
pub(super) mod row;
pub(super) mod tally;
