//! `galsync health`: asks a running operator how it is, from within the image, which has no other program.

use super::{Exit, Shared};
use std::time::{Duration, Instant};

/// Asks an operator whether it works, or stands by to.
#[derive(Debug, clap::Args)]
pub struct Health {
    /// Where it serves, such as http://galsync-metrics.galsync-system.svc:8080.
    url: url::Url,

    /// For how many seconds to ask again while nobody answers there.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

impl Health {
    pub fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        let url = self.url.join("/readyz")?;
        shared.runtime.block_on(async {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
            let began = Instant::now();
            let answer = loop {
                match client.get(url.clone()).send().await {
                    Err(error) if error.is_connect() && began.elapsed().as_secs() < self.wait => {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                    asked => break asked?,
                }
            };
            let status = answer.status();
            print!("{}", answer.text().await?);
            Ok(if status.is_success() { Exit::Done } else { Exit::Failed })
        })
    }
}
