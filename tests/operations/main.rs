//! Operations over the reference directory: what goes well, and what each kind of trouble becomes.

mod killed;
mod passes;
mod pulls;
mod pushes;
mod world;
