//! What Exchange's recipients have in common, on premises and online: their addresses, and how values come back.

pub(in crate::directory) mod normalize;
pub(in crate::directory) mod occupied;
pub(in crate::directory) mod proxy_address;
