//! An operator's word on what came after a backup that was restored.

use super::publish::PublishError;
use crate::app::App;
use crate::registry::act::{Action, Actor};
use crate::registry::restored;
use crate::store;
use crate::store::log::Log;

impl App {
    /// When the restored backup was made after which nobody said yet what came.
    pub(super) async fn unsaid(&self) -> store::Result<Option<String>> {
        let mut tx = self.store().read().await?;
        restored::unsaid(&mut tx, &self.entity).await
    }

    /// Records, on an operator's word, that nothing was registered after the backup that was restored. Whether anything was to
    /// be said.
    ///
    /// # Errors
    /// [`PublishError`]: what is published, signed or witnessed says that something was.
    pub async fn nothing_after(&self, by: &Actor) -> Result<bool, PublishError> {
        let Some(made_at) = self.unsaid().await? else { return Ok(false) };
        if let Some(reason) = self.held_on_site().await? {
            return Err(PublishError::Held(reason));
        }
        self.compare(Log::Book).await?;
        self.registry.record_restored(&self.entity, by, Action::NothingAfter, &made_at).await?;
        Ok(true)
    }
}

/// Why numbering is held until it is said.
pub(super) fn nobody_said(made_at: &str) -> String {
    format!(
        "a backup of {made_at} was restored, and nobody said what was registered after it: say with `ventanilla accept-loss \
         --next-number N` with which number entries of this year go on, above every number for which somebody may hold a receipt, \
         or with `ventanilla accept-loss --nothing-after` that nothing was, because the registry was stopped before"
    )
}
