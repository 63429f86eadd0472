//! Asks the source of time, again and again, how far the clock is off.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;

/// How often the source is asked.
const EVERY: Duration = Duration::from_mins(1);

impl App {
    /// Asks the source of time once, where there is one, and keeps what it says.
    pub async fn ask_time_source(&self) {
        let Some(source) = &self.time_source else { return };
        let known = self.registry.clock_offset();
        match source.offset(self.clock()).await {
            Ok(ahead) => {
                known.keep(ahead, self.clock());
                tracing::debug!(%source, microseconds = ahead, "the clock stands so far ahead of the time source");
            }
            Err(error) => {
                if known.silence().is_none() {
                    tracing::warn!(%source, error = &error as &dyn std::error::Error, "the time source does not answer");
                }
                known.keep_silence(error.to_string());
            }
        }
    }

    /// The same each minute, until `stop`.
    pub async fn follow_time_source(&self, stop: CancellationToken) {
        while self.time_source.is_some() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => self.ask_time_source().await,
            }
        }
    }
}
