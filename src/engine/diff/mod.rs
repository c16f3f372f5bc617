//! The rows, walked twice: takes entries and contacts side by side, keeps them as rows while conflicts are resolved, and
//! gives a change for each row, or nothing for a reason.

pub(super) mod codec;
pub(super) mod first_walk;
pub(super) mod match_keys;
pub(super) mod row;
pub(super) mod row_decision;
pub(super) mod second_walk;
