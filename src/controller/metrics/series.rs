//! Figures on their way into a page of Prometheus' text format. A large cluster has a hundred thousand of them: here
//! each is its labels as they are written and a number, and no more of the page than a part exists at a time.

use super::catalogue::Family;
use std::fmt::Write as _;
use std::iter;

/// Bytes of a part of a page, roughly.
const PART: usize = 64 << 10;

/// The figures of one family.
#[derive(Debug, Clone)]
pub struct Series {
    family: Family,
    /// The places of its labels, in the order of their names, in which they are written.
    order: Vec<usize>,
    /// The labels of all figures, one behind the other.
    labels: String,
    points: Vec<Point>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    /// Where its labels begin and end.
    labels: [u32; 2],
    value: f64,
}

impl Series {
    pub fn new(family: Family) -> Self {
        let mut order: Vec<usize> = (0..family.labels.len()).collect();
        order.sort_by_key(|place| family.labels[*place]);
        Self { family, order, labels: String::new(), points: Vec::new() }
    }

    /// The labels in the catalogue's order. Of several figures with the same labels the last one counts.
    pub fn set(&mut self, labels: &[&str], value: f64) {
        let position = |text: &String| u32::try_from(text.len()).expect("a page is far smaller than 4 GiB");
        let begin = position(&self.labels);
        for (count, place) in self.order.iter().enumerate() {
            self.labels.push(if count == 0 { '{' } else { ',' });
            self.labels.push_str(self.family.labels[*place]);
            self.labels.push_str("=\"");
            escape(labels[*place], &mut self.labels);
            self.labels.push('"');
        }
        if !labels.is_empty() {
            self.labels.push('}');
        }
        self.points.push(Point { labels: [begin, position(&self.labels)], value });
    }

    /// The family's part of the page, by and by; nothing where there is no figure. Figures are in the order of their
    /// labels, so that two pages of the same figures are equal.
    pub fn parts(self) -> impl Iterator<Item = String> + Send {
        let Self { family, order: _, labels, mut points } = self;
        // Those with the same labels stay as they came.
        points.sort_by(|one, other| one.text(&labels).cmp(other.text(&labels)));
        let mut next = 0;
        iter::from_fn(move || {
            if next == points.len() {
                return None;
            }
            let mut part = String::with_capacity(PART + 1_024);
            if next == 0 {
                let (name, help, kind) = (family.name, family.help, family.kind.name());
                write!(part, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect("a text takes text");
            }
            while part.len() < PART
                && let Some(point) = points.get(next)
            {
                next += 1;
                let text = point.text(&labels);
                if points.get(next).is_none_or(|later| later.text(&labels) != text) {
                    writeln!(part, "{}{text} {}", family.name, point.value).expect("a text takes text");
                }
            }
            Some(part)
        })
    }
}

impl Point {
    fn text(self, labels: &str) -> &str {
        &labels[self.labels[0] as usize..self.labels[1] as usize]
    }
}

fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::metrics::catalogue::{CHANGES, LEADER, PENDING};
    use prometheus::core::Collector;
    use prometheus::{GaugeVec, Opts, TextEncoder};
    use proptest::prelude::*;

    fn page(series: Series) -> String {
        series.parts().collect()
    }

    #[test]
    fn a_family_is_written_as_prometheus_reads_it() {
        let mut series = Series::new(CHANGES);
        series.set(&["n", "s", "b", "create"], 1.0);
        series.set(&["n", "s", "a", "cre\"ate\\\n"], 2.5);
        series.set(&["n", "s", "b", "create"], 3.0);
        let (name, help) = (CHANGES.name, CHANGES.help);
        let wanted = format!(
            "# HELP {name} {help}\n# TYPE {name} counter\n\
             {name}{{change=\"cre\\\"ate\\\\\\n\",connector=\"a\",namespace=\"n\",schedule=\"s\"}} 2.5\n\
             {name}{{change=\"create\",connector=\"b\",namespace=\"n\",schedule=\"s\"}} 3\n"
        );
        assert_eq!(page(series), wanted);
        assert_eq!(page(Series::new(CHANGES)), "", "a family without figures is not on the page");
        let mut plain = Series::new(LEADER);
        plain.set(&[], 1.0);
        assert!(page(plain).ends_with("\ngalsync_operator_leader 1\n"));
    }

    proptest! {
        /// Held against the library, whose gauges hold far more memory.
        #[test]
        fn a_page_is_that_of_the_library(
            figures in prop::collection::vec((["[ab\\\\\"\n]{0,2}", "[a-z]", "c|d", "x"], -9i32..9_000_000), 0..40)
        ) {
            let mut series = Series::new(PENDING);
            let gauges = GaugeVec::new(Opts::new(PENDING.name, PENDING.help), PENDING.labels).unwrap();
            for (labels, value) in &figures {
                let (labels, value) = (labels.each_ref().map(String::as_str), f64::from(*value) / 4.0);
                series.set(&labels, value);
                gauges.with_label_values(&labels).set(value);
            }
            let mut families = gauges.collect();
            families.retain(|family| !family.get_metric().is_empty());
            let wanted = TextEncoder::new().encode_to_string(&families).unwrap();
            let lines = |text: &str| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                lines.sort_unstable();
                lines
            };
            prop_assert_eq!(lines(&page(series)), lines(&wanted));
        }
    }

    #[test]
    fn a_long_family_comes_in_parts() {
        let mut series = Series::new(PENDING);
        for count in 0..5_000 {
            series.set(&["n", "s", &format!("{count:04}"), "create"], f64::from(count));
        }
        let parts: Vec<String> = series.parts().collect();
        assert!(parts.len() > 2 && parts.iter().all(|part| part.len() < 2 * PART && part.ends_with('\n')));
        let page = parts.concat();
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.len(), 5_002);
        assert!(lines[2..].is_sorted() && lines[0].starts_with("# HELP"), "{}", lines[0]);
    }
}
