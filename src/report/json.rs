//! A report as it is: JSON Lines.

use super::line::{End, Line, Title};
use super::view::View;
use serde::Serialize;
use std::io::{self, Write};

pub struct Json<W>(pub W);

impl<W: Write> Json<W> {
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        self.0.write_all(b"\n")
    }
}

impl<W: Write> View for Json<W> {
    fn title(&mut self, title: &Title) -> io::Result<()> {
        self.write(title)
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.write(line)
    }

    fn end(&mut self, end: &End) -> io::Result<()> {
        self.write(end)?;
        self.0.flush()
    }
}
