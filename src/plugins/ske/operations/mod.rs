//! What the portal may ask for, one operation per file. Routes call them, actions will.

mod configure_resource;
mod delete_resource;
mod get_resource;
mod resource_state;

use serde_json::Value;

use super::{
    clusters::Clusters,
    config::{Config, Mode},
    domain::{ObjectRef, gitops_warning},
    error::SkeError,
    session::Session,
};
use crate::{
    backstage::{
        auth::Credentials,
        permission::{Action, Permission},
        plugin::{InitError, PluginEnv},
        user_text::encode_user_text,
        users::Users,
        write_callers::WriteCallers,
    },
    config::Live,
};

/// Needed to read an object or its state.
const READ: Permission = Permission {
    name: "ske.resource.read",
    action: Action::Read,
};

/// Needed to make an object that is not there yet.
const CREATE: Permission = Permission {
    name: "ske.resource.create",
    action: Action::Create,
};

/// Needed to change an object.
const UPDATE: Permission = Permission {
    name: "ske.resource.update",
    action: Action::Update,
};

/// Needed to delete an object.
const DELETE: Permission = Permission {
    name: "ske.resource.delete",
    action: Action::Delete,
};

/// What a caller of a mode without writes is told.
const NO_WRITES: &str = "This version of Stagedoor writes in ske.mode kubernetes only; leave the 'ske' plugin with Backstage's \
     own backend (remove 'ske' from Stagedoor's discovery.endpoints entry)";

/// The platform as the portal uses it.
pub(super) struct Ske {
    /// As it was at the start; another one needs a restart.
    mode: Mode,
    config: Live<Config>,
    clusters: Clusters,
    users: Users,
}

impl Ske {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// There is no cluster, or its address and its credential do not belong together.
    pub(super) async fn new(config: Live<Config>, env: &PluginEnv) -> Result<Self, InitError> {
        Ok(Self {
            mode: config.get().mode,
            clusters: Clusters::new(config.clone(), env).await?,
            users: Users::new(env),
            config,
        })
    }

    async fn session(&self, caller: &Credentials) -> Result<Session, SkeError> {
        let connected = self.clusters.current().await;
        Session::open(connected, &self.users, caller).await
    }

    /// Through whom a user may write on our own routes.
    pub(super) fn write_callers(&self) -> WriteCallers {
        self.config.load().write_callers.clone()
    }

    /// Refuses to write where writing goes to a repository.
    fn writes(&self) -> Result<(), SkeError> {
        match self.mode {
            Mode::Kubernetes => Ok(()),
            Mode::GitOps | Mode::Hybrid => Err(SkeError::NotOffered(NO_WRITES.to_owned())),
        }
    }
}

fn admit(caller: &Credentials, permission: &Permission) -> Result<(), SkeError> {
    caller.admits(permission).map_err(SkeError::Backstage)
}

/// The object as log lines name it. All parts but the name can hold nothing strange.
fn logged(object: &ObjectRef) -> String {
    let name = encode_user_text(object.name.as_str());
    format!("{} {}/{name}", object.kind, object.namespace)
}

/// The server's own warnings, and whether a GitOps tool will undo a change.
fn warnings(object: &Value, mut said: Vec<String>) -> Vec<String> {
    said.extend(gitops_warning(object));
    said
}
