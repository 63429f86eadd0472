//! `ventanilla witness`: watches the logs of other town halls.

use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::serve::{bind_to, until_told};
use super::{ConfigArgument, Outcome, block_on, load_and_log};
use crate::clock::Clock;
use crate::http::listen::serve;
use crate::http::witness::router;
use crate::witness::Witness;

/// What `witness` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
}

/// Runs it, until SIGTERM or SIGINT.
pub fn run(arguments: &Arguments) -> Outcome {
    let config = load_and_log(&arguments.config, |config| config.log.clone())?;
    let witness = Arc::new(Witness::open(&config.witness)?);
    println!("{}", witness.verifier());
    block_on(async {
        let bound = bind_to(&config.witness.listen, &config).await?;
        eprintln!("listening on {}", bound.url());
        let stop = CancellationToken::new();
        until_told(bound.tls.clone(), stop.clone())?;
        let router = router(witness, Clock::system(), &config.limits, config.behind_proxy);
        serve(bound.listener, bound.tls, router, &config.listener_limits(), stop).await;
        Ok(ExitCode::SUCCESS)
    })?
}
