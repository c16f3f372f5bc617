//! One binary, several jobs: see `galsync --help`.

use clap::Parser;
use std::process::ExitCode;

#[cfg(target_arch = "x86_64")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    rustls::crypto::ring::default_provider().install_default().expect("no other provider was installed");
    galsync::cli::Arguments::parse().run().into()
}
