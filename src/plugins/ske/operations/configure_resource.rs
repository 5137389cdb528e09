//! Creates an object, or updates it in place.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::info;

use super::{
    Backing, CREATE, Judged, MUTATE, Ske, UPDATE, about,
    git::{Asked, Committing, while_changing},
    logged, require, warnings,
};
use crate::{
    backstage::user_text::encode_user_text,
    infra::{
        kubernetes::{Answer, KubernetesError},
        parsing::parsed,
    },
    plugins::ske::{
        domain::{Manifest, Operation},
        error::SkeError,
        repository::{Seen, Wanted},
        session::{Session, Target},
    },
};

/// How often a write that met another one starts anew. Kratix itself writes several times right after creation.
const TRIES: u32 = 5;

/// Pause after the first meeting; it grows with each.
const PAUSE: Duration = Duration::from_millis(20);

/// What a caller wants to be so, as it came.
#[derive(Debug)]
pub(in crate::plugins::ske) struct ConfigureOrder {
    /// The object, as text or object.
    pub(in crate::plugins::ske) manifest: Value,
    /// Whether it may be there already.
    pub(in crate::plugins::ske) if_exists: IfExists,
}

/// What becomes of an object that is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::plugins::ske) enum IfExists {
    /// It is changed.
    #[default]
    Update,
    /// It stays, and the caller is told.
    Fail,
}

/// The outcome, as the action's output names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::plugins::ske) struct Configured {
    /// The object's `metadata.uid`, in kubernetes mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) resource_id: Option<String>,
    /// The commit that holds the object, in gitops and hybrid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugins::ske) commitsha: Option<String>,
    /// Whether it was made just now, rather than there already.
    pub(in crate::plugins::ske) created: bool,
    /// What the caller should know although it worked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::plugins::ske) warnings: Vec<String>,
}

impl Ske {
    /// Creates the object of the manifest, or replaces the fields the manifest gives, each as a whole.
    ///
    /// # Errors
    /// The manifest is none of one object, the object is being deleted, other writers kept changing it, or
    /// the cluster or the repository refuses.
    pub(in crate::plugins::ske) async fn configure_resource(
        self: &Arc<Self>,
        caller: &Judged,
        ConfigureOrder { manifest, if_exists }: ConfigureOrder,
    ) -> Result<Configured, SkeError> {
        let manifest = parsed(|| Manifest::from_value(manifest)).await?;
        let object = manifest.object_ref();
        let about = || about("actionType", "configure", &object);
        let trail = self.audit.begin(MUTATE, caller, about);
        let (ske, caller) = (Arc::clone(self), caller.clone());
        let work = async move { ske.permitted_configuration(&caller, (&manifest, if_exists)).await };
        let more = |done: &Configured| json!({ "resourceId": done.resource_id, "commit": done.commitsha });
        trail.follow(&self.tasks, (work, SkeError::Lost), more).await
    }

    async fn permitted_configuration(
        &self,
        caller: &Judged,
        (manifest, if_exists): (&Manifest, IfExists),
    ) -> Result<Configured, SkeError> {
        if if_exists == IfExists::Fail {
            require(caller.verdicts(), &CREATE)?;
        }
        let object = manifest.object_ref();
        let asked = Asked {
            caller,
            object: &object,
            verdicts: caller.verdicts(),
        };
        match &self.backing {
            Backing::Kubernetes(_) => self.configure_at_cluster(asked, (manifest, if_exists)).await,
            Backing::GitOps(repository) | Backing::Hybrid(_, repository) => {
                let committing = Committing::begin(self, repository, asked, Operation::Write).await?;
                while_changing(|| configure_in_git(&committing, manifest, if_exists)).await
            }
        }
    }

    async fn configure_at_cluster(
        &self,
        asked: Asked<'_>,
        (manifest, if_exists): (&Manifest, IfExists),
    ) -> Result<Configured, SkeError> {
        let session = self.session(asked.caller).await?;
        let target = session.target(asked.object, Operation::Write).await?;
        let write = Write {
            session: &session,
            target: &target,
            manifest,
            if_exists,
            asked,
        };
        for attempt in 1..=TRIES {
            if let Some(done) = write.attempt().await? {
                return Ok(done);
            }
            if attempt < TRIES {
                tokio::time::sleep(PAUSE * attempt).await;
            }
        }
        Err(SkeError::Conflict(target.object))
    }
}

/// Whether it is created or updated is decided by what the repository holds, also in hybrid.
async fn configure_in_git(
    committing: &Committing<'_>,
    manifest: &Manifest,
    if_exists: IfExists,
) -> Result<Configured, SkeError> {
    let seen = committing.seen().await?;
    match seen {
        Seen::Absent => permit_creation(committing, if_exists).await?,
        Seen::Present if if_exists == IfExists::Fail => {
            committing.permit(&CREATE, "create").await?;
            return Err(SkeError::Exists(committing.object.clone()));
        }
        Seen::Present => committing.permit(&UPDATE, "update").await?,
    }
    let mut warnings = committing.try_write(manifest).await?;
    warnings.extend(manifest.substitution_warning());
    let wanted = Wanted {
        manifest: manifest.clone(),
        namespaced: committing.is_namespaced(),
    };
    let order = committing.order(Some(seen));
    let commit = committing.repository.configure(order, wanted).await?;
    Ok(Configured {
        resource_id: None,
        commitsha: committing.told("Configured", commit),
        created: seen == Seen::Absent,
        warnings,
    })
}

/// A new file for what the platform has from elsewhere changes that, so it takes the right to update it as well.
async fn permit_creation(committing: &Committing<'_>, if_exists: IfExists) -> Result<(), SkeError> {
    committing.permit(&CREATE, "create").await?;
    match committing.live().await {
        None | Some(Err(SkeError::Absent(_))) => Ok(()),
        Some(Ok(_)) if if_exists == IfExists::Fail => Err(SkeError::Exists(committing.object.clone())),
        Some(Ok(_)) => committing.permit(&UPDATE, "update").await,
        // Who may not look could not tell an update from a creation either.
        Some(Err(error)) if error.is_refusal() => committing.permit(&UPDATE, "update").await,
        Some(Err(error)) => Err(error),
    }
}

/// One object being written.
struct Write<'a> {
    session: &'a Session,
    target: &'a Target,
    manifest: &'a Manifest,
    if_exists: IfExists,
    asked: Asked<'a>,
}

impl Write<'_> {
    /// Looks and writes once; `None` when somebody else wrote in between.
    async fn attempt(&self) -> Result<Option<Configured>, SkeError> {
        match self.session.get(self.target).await {
            Err(SkeError::Absent(_)) => {
                require(self.asked.verdicts, &CREATE)?;
                self.create().await
            }
            found => {
                let existing = found?;
                if self.if_exists == IfExists::Fail {
                    return Err(SkeError::Exists(self.target.object.clone()));
                }
                require(self.asked.verdicts, &UPDATE)?;
                self.update(existing).await
            }
        }
    }

    async fn create(&self) -> Result<Option<Configured>, SkeError> {
        let address = &self.target.address;
        let object = self.manifest.for_create(address.resource.namespaced);
        let cluster = self.session.cluster();
        self.settle(
            true,
            cluster.create(self.session.identity(), address, &object).await,
        )
        .await
    }

    async fn update(&self, existing: Answer) -> Result<Option<Configured>, SkeError> {
        if !existing.body["metadata"]["deletionTimestamp"].is_null() {
            return Err(SkeError::BeingDeleted(self.target.object.clone()));
        }
        let object = self.manifest.applied_to(&existing.body);
        if object == existing.body {
            return Ok(Some(outcome(&existing.body, false, existing.warnings)));
        }
        let cluster = self.session.cluster();
        let replaced = cluster
            .replace(self.session.identity(), &self.target.address, &object)
            .await;
        self.settle(false, replaced).await
    }

    /// A conflict starts anew, and so does an update of what has just gone.
    async fn settle(
        &self,
        created: bool,
        written: Result<Answer, KubernetesError>,
    ) -> Result<Option<Configured>, SkeError> {
        match written {
            Ok(answer) => {
                let what = if created { "Created" } else { "Updated" };
                let principal = encode_user_text(self.asked.caller.subject().unwrap_or("nobody"));
                let object = logged(&self.target.object);
                info!(principal, object, "{what} {object}");
                Ok(Some(outcome(&answer.body, created, answer.warnings)))
            }
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) => match self.session.failed(self.target, true, error).await {
                SkeError::Absent(_) => Ok(None),
                error => Err(error),
            },
        }
    }
}

fn outcome(object: &Value, created: bool, said: Vec<String>) -> Configured {
    Configured {
        resource_id: object["metadata"]["uid"].as_str().map(str::to_owned),
        commitsha: None,
        created,
        warnings: warnings(object, said),
    }
}
