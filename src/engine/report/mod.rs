//! What a plan tells: changes and lines while it is computed, its result in the end.

pub(super) mod result;
pub(super) mod sink;
