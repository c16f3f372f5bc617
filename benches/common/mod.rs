//! What every benchmark shares: data that is the same on every machine, commands measured alternately with their
//! references, and one table for all results.

#![allow(dead_code, reason = "each benchmark uses a part")]

pub mod company;
pub mod contacts;
pub mod people;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As in the program.
#[cfg(target_arch = "x86_64")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Runs of each command; the median counts.
pub const ROUNDS: usize = 7;

/// How many records: 1,000,000 unless `GALSYNC_BENCH_RECORDS` says otherwise.
pub fn records() -> u32 {
    std::env::var("GALSYNC_BENCH_RECORDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

/// A folder for generated data, kept between runs: `GALSYNC_BENCH_FOLDER`, or one in the temporary folder.
pub fn folder() -> PathBuf {
    let folder = std::env::var_os("GALSYNC_BENCH_FOLDER").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| std::env::temp_dir().join("galsync-bench")).join(records().to_string());
    fs::create_dir_all(&folder).expect("the benchmark's folder can be made");
    folder
}

/// The program under test, of the same build as this benchmark.
pub fn galsync() -> Command {
    Command::new(env!("CARGO_BIN_EXE_galsync"))
}

/// What one command took.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    pub time: Duration,
    pub peak_bytes: u64,
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit())
}

fn time(command: &mut Command) -> Duration {
    let start = Instant::now();
    let status = quiet(command).status().expect("the command can be started");
    let time = start.elapsed();
    assert!(status.success(), "{command:?} failed: {status}");
    time
}

/// Resident memory at its highest, as the kernel keeps it; read until the process is gone.
fn peak(command: &mut Command) -> u64 {
    let mut child: Child = quiet(command).spawn().expect("the command can be started");
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().expect("the child can be waited for").is_none() {
        peak = peak.max(high_water(&status).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

fn high_water(status: &Path) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

/// Measures several commands in turn, so that a busy machine is busy for all of them.
pub fn alternate<const N: usize>(mut commands: [Command; N]) -> [Measure; N] {
    let mut times = [const { Vec::new() }; N];
    // The first round warms the page cache and does not count.
    for round in 0..=ROUNDS {
        for (command, times) in commands.iter_mut().zip(&mut times) {
            let time = time(command);
            if round > 0 {
                times.push(time);
            }
        }
    }
    let mut index = 0;
    times.map(|mut times| {
        times.sort_unstable();
        index += 1;
        Measure { time: times[ROUNDS / 2], peak_bytes: peak(&mut commands[index - 1]) }
    })
}

/// One line of the table of results.
pub struct Row {
    pub what: String,
    pub measured: String,
    pub mark: String,
    pub holds: bool,
}

/// Prints the table, and puts it into BENCHMARKS.md between the markers of `name`. Ends the program with 1 if a
/// mark is missed.
pub fn report(name: &str, rows: &[Row]) {
    report_if(name, rows, records() == 1_000_000);
}

/// The same; only a measurement at its whole size goes into the page.
pub fn report_if(name: &str, rows: &[Row], is_whole: bool) {
    let build = if cfg!(debug_assertions) { " Of a build without optimisation." } else { "" };
    let mut table =
        format!("Measured {}, on {}.{build}\n\n| what | measured | mark | |\n|---|---|---|---|\n", today(), machine());
    for Row { what, measured, mark, holds } in rows {
        let verdict = if *holds { "holds" } else { "**missed**" };
        writeln!(table, "| {what} | {measured} | {mark} | {verdict} |").expect("a text takes text");
    }
    println!("{table}");
    if is_whole {
        write_into_page(name, &table);
    }
    if rows.iter().any(|row| !row.holds) {
        std::process::exit(1);
    }
}

fn write_into_page(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("BENCHMARKS.md");
    let page = fs::read_to_string(&path).expect("BENCHMARKS.md is there");
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let split = page.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
    let (head, tail) = split.expect("BENCHMARKS.md has the markers");
    fs::write(&path, format!("{head}{begin}{table}{end}{tail}")).expect("BENCHMARKS.md can be written");
}

fn today() -> String {
    let output = Command::new("date").args(["-u", "+%F"]).output().expect("date is there");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |m| m.1);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) >> 20;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown");
    format!("{model}, {cores} cores, {memory} GiB; load average at the end {load}")
}

pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// Makes a file unless it is there from an earlier run.
pub fn make(path: &Path, write: impl FnOnce(File)) {
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        write(File::create(&unfinished).expect("the benchmark's folder can be written"));
        fs::rename(&unfinished, path).expect("the benchmark's folder can be written");
    }
}
