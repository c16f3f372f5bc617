//! Reads a report from its title to its end. What is damaged or cut off is told with the number of the line, and
//! nothing is read past it: a report without its end could be without its deletes.

use super::line::{End, FORMAT, Line, Title};
use std::io::{self, BufRead};

/// Why a report cannot be read, or not further. Nobody can mend it: run the operation again.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("this is no report of GalSync")]
    NotAReport,
    #[error("the report has format {found}, this release reads {FORMAT}: read it with the release that wrote it")]
    OtherFormat { found: u32 },
    /// The last whole line.
    #[error("the report is cut off after line {line}")]
    CutOff { line: u64 },
    #[error("line {line} of the report is damaged: {problem}")]
    Damaged { line: u64, problem: String },
}

/// The lines of a report, decompressed. After an error there are no more.
pub struct Reader<R> {
    input: R,
    text: String,
    /// The last line that was read, counted from 1, which is the title.
    line: u64,
    title: Title,
    end: Option<End>,
    failed: bool,
}

enum Next {
    End(Box<End>),
    Line(Box<Line<'static>>),
}

impl<R: BufRead> Reader<R> {
    /// Reads the title.
    pub fn new(mut input: R) -> Result<Self, ReadError> {
        let mut text = String::new();
        read_line(&mut input, &mut text, 1).map_err(|error| match error {
            ReadError::Damaged { .. } => ReadError::NotAReport,
            error => error,
        })?;
        let title: Title = serde_json::from_str(&text).map_err(|_| ReadError::NotAReport)?;
        match title.report {
            FORMAT => Ok(Self { input, text, line: 1, title, end: None, failed: false }),
            found => Err(ReadError::OtherFormat { found }),
        }
    }

    pub fn title(&self) -> &Title {
        &self.title
    }

    /// The last line, once there are no more before it.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Nothing comes back after the last line, whose count was right and after which nothing stood.
    fn read(&mut self) -> Result<Option<Line<'static>>, ReadError> {
        let number = self.line + 1;
        read_line(&mut self.input, &mut self.text, number)?;
        let damaged = |problem: String| ReadError::Damaged { line: number, problem };
        // A text without its line feed was cut off, unless it is all that there is to say.
        let whole = self.text.ends_with('\n');
        let next = parse(&self.text).map_err(|error| match whole {
            true => damaged(error.to_string()),
            false => ReadError::CutOff { line: self.line },
        })?;
        self.line = number;
        match next {
            Next::Line(line) => Ok(Some(*line)),
            Next::End(end) if end.end != number - 2 => {
                Err(damaged(format!("it counts {} lines and {} were there", end.end, number - 2)))
            }
            Next::End(end) => {
                // Reads on, so that a checksum at the end of the compressed file is compared too.
                match self.input.fill_buf() {
                    Ok([]) => self.end = Some(*end),
                    Ok(_) => return Err(damaged("lines follow the last one".to_owned())),
                    Err(error) => return Err(unreadable(&error, number)),
                }
                Ok(None)
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Line<'static>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.end.is_some() {
            return None;
        }
        let line = self.read().transpose();
        self.failed = matches!(line, Some(Err(_)));
        line
    }
}

fn parse(text: &str) -> serde_json::Result<Next> {
    match text.starts_with("{\"end\":") {
        true => serde_json::from_str(text).map(Next::End),
        false => serde_json::from_str(text).map(Next::Line),
    }
}

fn read_line(input: &mut impl BufRead, text: &mut String, number: u64) -> Result<(), ReadError> {
    text.clear();
    match input.read_line(text) {
        Ok(0) => Err(ReadError::CutOff { line: number - 1 }),
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(&error, number)),
    }
}

fn unreadable(error: &io::Error, line: u64) -> ReadError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::CutOff { line: line - 1 },
        _ => ReadError::Damaged { line, problem: error.to_string() },
    }
}
