//! `galsync health`: asks a running operator how it is, from within the image, which has no other program.

use super::{Exit, Shared};
use std::time::Duration;

/// Asks an operator whether it works, or stands by to.
#[derive(Debug, clap::Args)]
pub struct Health {
    /// Where it serves, such as http://galsync-metrics.galsync-system.svc:8080.
    url: url::Url,
}

impl Health {
    pub fn run(self, shared: &Shared) -> anyhow::Result<Exit> {
        let url = self.url.join("/readyz")?;
        shared.runtime.block_on(async {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
            let answer = client.get(url).send().await?;
            let status = answer.status();
            print!("{}", answer.text().await?);
            Ok(if status.is_success() { Exit::Done } else { Exit::Failed })
        })
    }
}
