//! Second step: takes a wanted entry, and gives the contact that it is to be in the target, in the frame of what is there.

pub(super) mod contact_builder;
pub(super) mod mapping;
pub(super) mod value;
