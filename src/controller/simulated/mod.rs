//! The whole controller over a simulated cluster: real reconcilers with a real client, against an API server of plain
//! data and Jobs that end as a test says.

mod api;
mod cluster;
mod crashes;
mod events;
mod kills;
mod line;
mod told;
mod watched;
mod writes;
