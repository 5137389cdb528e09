//! What was decided about one caller.

use super::Permission;
use crate::backstage::error::BackstageError;

/// For each permission that was asked for, whether the caller has it.
#[derive(Debug, Clone, Default)]
pub struct Verdicts(Vec<(Permission, Result<(), BackstageError>)>);

impl Verdicts {
    /// One verdict for each permission.
    pub(super) fn new(verdicts: Vec<(Permission, Result<(), BackstageError>)>) -> Self {
        Self(verdicts)
    }

    /// Passes if the caller has the permission.
    ///
    /// # Errors
    /// 403 `NotAllowedError` that names the permission; also for one that was not asked for.
    pub fn require(&self, permission: &Permission) -> Result<(), BackstageError> {
        let asked = self.0.iter().find(|(asked, _)| asked == permission);
        match asked {
            Some((_, verdict)) => verdict.clone(),
            None => Err(BackstageError::not_allowed(format!(
                "Nobody was asked for the permission '{}'",
                permission.name
            ))),
        }
    }

    /// Passes if the caller has one of those asked for.
    ///
    /// # Errors
    /// The first refusal, when all are.
    pub fn require_any(&self) -> Result<(), BackstageError> {
        let mut verdicts = self.0.iter().map(|(_, verdict)| verdict);
        match verdicts.clone().find(|verdict| verdict.is_ok()) {
            Some(_) => Ok(()),
            None => verdicts.next().cloned().unwrap_or(Ok(())),
        }
    }
}
