//! Audit events: who did what to what, and how it ended; one line when it begins and one when it ends.

mod auditor;
mod origin;
mod recordable;
mod settings;
mod trail;

pub use auditor::Auditor;
pub use origin::Origin;
pub use recordable::Recordable;
pub use settings::{AuditEvent, AuditSettings, Severity};
pub use trail::Trail;
