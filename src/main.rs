//! One binary, several jobs: see `galsync --help`.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    rustls::crypto::ring::default_provider().install_default().expect("no other provider was installed");
    galsync::cli::Arguments::parse().run().into()
}
