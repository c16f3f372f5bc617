//! Files that need each other, directly or by way of others: each such circle is one thing to understand, so a new one
//! is refused. Passing a name on (`pub use`) needs nobody, and a name is followed to the file that defines it.

use crate::source::{How, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The circles, each with its files in order, from the crate's folder.
pub fn circles(root: &Path, sources: &[Source]) -> Vec<Vec<String>> {
    let by_module: BTreeMap<&[String], usize> =
        sources.iter().enumerate().map(|(at, source)| (source.module.as_slice(), at)).collect();
    let edges: Vec<BTreeSet<usize>> =
        sources.iter().enumerate().map(|(at, source)| needs(at, source, sources, &by_module)).collect();
    let mut found: Vec<Vec<String>> = connected(&edges)
        .into_iter()
        .filter(|circle| circle.len() > 1)
        .map(|circle| {
            let name =
                |at: usize| sources[at].file.strip_prefix(root).unwrap_or(&sources[at].file).display().to_string();
            let mut files: Vec<String> = circle.into_iter().map(name).collect();
            files.sort();
            files
        })
        .collect();
    found.sort();
    found
}

fn needs(at: usize, source: &Source, sources: &[Source], by_module: &BTreeMap<&[String], usize>) -> BTreeSet<usize> {
    let used = source.names.iter().filter(|named| named.how != How::Export && named.path[0] == "crate");
    used.filter_map(|named| defining(&named.path[1..], sources, by_module, 0)).filter(|other| *other != at).collect()
}

/// The file that defines what a path from the crate's root names.
fn defining(
    path: &[String],
    sources: &[Source],
    by_module: &BTreeMap<&[String], usize>,
    depth: usize,
) -> Option<usize> {
    let (length, at) = (0..=path.len()).rev().find_map(|length| Some((length, *by_module.get(&path[..length])?)))?;
    let behind = path.get(length).and_then(|name| sources[at].exports.get(name));
    match behind {
        Some(behind) if behind[0] == "crate" && depth < 8 => {
            let path: Vec<String> = behind[1..].iter().chain(&path[length + 1..]).cloned().collect();
            defining(&path, sources, by_module, depth + 1)
        }
        _ => Some(at),
    }
}

/// Tarjan's strongly connected components.
fn connected(edges: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    struct Walk<'a> {
        edges: &'a [BTreeSet<usize>],
        number: Vec<Option<usize>>,
        low: Vec<usize>,
        stack: Vec<usize>,
        count: usize,
        found: Vec<Vec<usize>>,
    }
    impl Walk<'_> {
        fn visit(&mut self, at: usize) {
            self.number[at] = Some(self.count);
            self.low[at] = self.count;
            self.count += 1;
            self.stack.push(at);
            for &next in &self.edges[at] {
                match self.number[next] {
                    None => {
                        self.visit(next);
                        self.low[at] = self.low[at].min(self.low[next]);
                    }
                    Some(number) if self.stack.contains(&next) => self.low[at] = self.low[at].min(number),
                    Some(_) => {}
                }
            }
            if Some(self.low[at]) == self.number[at] {
                let from = self.stack.iter().position(|one| *one == at).expect("it was pushed");
                self.found.push(self.stack.split_off(from));
            }
        }
    }
    let count = edges.len();
    let mut walk =
        Walk { edges, number: vec![None; count], low: vec![0; count], stack: Vec::new(), count: 0, found: Vec::new() };
    for at in 0..count {
        if walk.number[at].is_none() {
            walk.visit(at);
        }
    }
    walk.found
}
