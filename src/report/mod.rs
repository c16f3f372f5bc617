//! Reports: what an operation found and did, one line a change, a skipped or an undecided entry, between a title and
//! an end with the outcome. In the store they are JSON Lines in zstd. They hold personal data and go nowhere else.
//!
//! A line is one type ([`Line`]) for all operations, for those who write it and those who read it. `file.rs` writes
//! reports and opens them, `reader.rs` gives the lines back, a [`View`] shows them: [`Text`] as a person reads them,
//! [`Json`] as they are.

mod difference;
mod file;
mod json;
mod line;
mod reader;
#[cfg(test)]
mod tests;
mod text;
mod view;

pub use difference::{Difference, differences};
pub use file::{Writer, open, run_name};
pub use json::Json;
pub use line::{End, FORMAT, Line, Title, WriteResult};
pub use reader::{ReadError, Reader};
pub use text::Text;
pub use view::{ShowError, View, show};

pub use crate::engine::Action;
