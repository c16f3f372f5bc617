//! Third step: takes the claims of all rows and of the target's own objects to each address, and gives what every row
//! is beside all others.

pub(super) mod claim;
pub(super) mod find;
pub(super) mod resolution;
