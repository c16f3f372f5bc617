//! What shows a report. A view is made once, of lines; where they come from and which are wanted is not its matter.

use super::line::{End, Line, Title};
use super::reader::{ReadError, Reader};
use std::io::{self, BufRead};

/// Is given a report from its title to its end.
pub trait View {
    fn title(&mut self, title: &Title) -> io::Result<()>;
    fn line(&mut self, line: &Line<'_>) -> io::Result<()>;
    fn end(&mut self, end: &End) -> io::Result<()>;
}

#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Shows the wanted lines of a report, all of which is read and checked. What came before an error has been shown.
pub fn show<R: BufRead>(
    mut report: Reader<R>,
    view: &mut dyn View,
    wanted: impl Fn(&Line<'_>) -> bool,
) -> Result<(), ShowError> {
    view.title(report.title())?;
    for line in report.by_ref() {
        let line = line?;
        if wanted(&line) {
            view.line(&line)?;
        }
    }
    Ok(view.end(report.end().expect("a report without an error ends with its end"))?)
}
