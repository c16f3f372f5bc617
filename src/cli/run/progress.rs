//! Progress: on a terminal one line that moves, elsewhere one plain line when an operation begins and ends.

use crate::job::{Phase, Progress};
use crate::operation::{Outcome, Request, Verdict};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often the moving line is drawn anew.
const EVERY: Duration = Duration::from_millis(100);

pub(super) struct Terminal {
    moves: bool,
    drawn: Mutex<Option<Instant>>,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { moves: std::io::stderr().is_terminal(), drawn: Mutex::new(None) }
    }
}

impl Terminal {
    pub(super) fn operation(&self, request: &Request) -> OperationProgress<'_> {
        let name = request.operation.kind().name().to_lowercase();
        let connector = request.operation.connector().map_or("", |connector| connector.name.as_str());
        let operation = OperationProgress { terminal: self, title: format!("{name} {connector}") };
        self.line(&format!("{} …", operation.title), true);
        operation
    }

    /// A line of its own; a passing one is overwritten on a terminal.
    fn line(&self, text: &str, passing: bool) {
        let mut stderr = std::io::stderr().lock();
        // Nobody can be told that telling failed.
        let _ = match (self.moves, passing) {
            (true, true) => write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush()),
            (true, false) => writeln!(stderr, "\r\x1b[K{text}"),
            (false, _) => writeln!(stderr, "{text}"),
        };
    }
}

pub(super) struct OperationProgress<'a> {
    terminal: &'a Terminal,
    title: String,
}

impl OperationProgress<'_> {
    pub(super) fn finished(&self, outcome: &Outcome) {
        let seconds = outcome.finished.duration_since(outcome.started).as_secs_f64();
        let end = match outcome.verdict {
            Verdict::Succeeded => "done".to_owned(),
            Verdict::PartiallySucceeded => "done in part".to_owned(),
            Verdict::QuotaExceeded => "stopped by a quota".to_owned(),
            Verdict::Failed => format!("failed: {}", outcome.reason.label()),
        };
        let message = if outcome.message.is_empty() { String::new() } else { format!(": {}", outcome.message) };
        self.terminal.line(&format!("{} {end} in {seconds:.1} s{message}", self.title), false);
    }
}

impl Progress for OperationProgress<'_> {
    fn at(&self, phase: Phase, done: u64, total: Option<u64>) {
        if !self.terminal.moves {
            return;
        }
        {
            let mut drawn = self.terminal.drawn.lock().expect("no holder of the lock panics");
            if drawn.is_some_and(|at| at.elapsed() < EVERY) {
                return;
            }
            *drawn = Some(Instant::now());
        }
        let count = match total {
            Some(total) => format!(" {done} of {total}"),
            None if done > 0 => format!(" {done}"),
            None => String::new(),
        };
        self.terminal.line(&format!("{}: {}{count}", self.title, phase.label()), true);
    }
}
