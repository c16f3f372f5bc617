//! First step: takes one entry with the filters and domains around it, and gives whether it is wanted, unwanted or
//! undecided by itself.

pub(super) mod counter;
pub(super) mod domains;
pub(super) mod entry_filter;
