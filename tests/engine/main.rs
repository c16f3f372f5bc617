//! The engine as a whole: the rules of the domain as cases, and what holds for every plan.

#![allow(clippy::unwrap_used, reason = "a test may stop at what cannot be")]

mod case;
mod golden;
mod properties;
mod render;
mod world;
