//! Asks the cluster whether it would take what is about to be committed, as whom it was asked for the right.

use std::time::Duration;

use super::git::Committing;
use crate::{
    infra::kubernetes::{Answer, KubernetesError},
    plugins::ske::{
        domain::Manifest,
        error::SkeError,
        gitops::desired,
        repository::RepositoryError,
        session::{Session, Target},
    },
};

/// How often a trial that met another write starts anew. Kratix itself writes several times right after creation.
const TRIES: u32 = 5;

/// Pause after meeting another writer; it grows with each.
const PAUSE: Duration = Duration::from_millis(20);

/// What is said where nothing could be tried.
const UNTRIED: &str = "the platform could not try this before the commit";

impl Committing<'_> {
    /// Tries what the commit will bring about: the whole document, created or updated. Returns what was warned of.
    ///
    /// # Errors
    /// As in kubernetes mode, in the API server's words.
    pub(super) async fn try_write(&self, manifest: &Manifest) -> Result<Vec<String>, SkeError> {
        let Some((session, target)) = &self.at_cluster else {
            return Ok(Vec::new());
        };
        let trial = Trial {
            session,
            target,
            document: self.document(manifest).await?,
        };
        for attempt in 1..=TRIES {
            if let Some(said) = trial.attempt().await? {
                return Ok(said);
            }
            tokio::time::sleep(PAUSE * attempt).await;
        }
        Err(SkeError::Conflict(self.object.clone()))
    }

    /// Tries the deletion that the commit will bring about.
    ///
    /// # Errors
    /// As in kubernetes mode; that the platform has no such object is none.
    pub(super) async fn try_deletion(&self) -> Result<(), SkeError> {
        let Some((session, target)) = &self.at_cluster else {
            return Ok(());
        };
        let tried = session.cluster().try_delete(session.identity(), &target.address);
        match tried.await {
            Ok(_) => Ok(()),
            Err(error) if is_untriable(&error) => Ok(()),
            Err(error) => match session.failed(target, false, error).await {
                SkeError::Absent(_) => Ok(()),
                error => Err(error),
            },
        }
    }

    /// The document as it will stand in the repository.
    async fn document(&self, manifest: &Manifest) -> Result<Manifest, SkeError> {
        let found = self.repository.find(&self.identity, self.config.timeout).await;
        let existing = match found {
            Ok(existing) => Some(existing),
            Err(RepositoryError::Absent(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let document = desired(manifest, existing.as_ref(), self.is_namespaced());
        Ok(Manifest::from_value(document)?)
    }
}

/// One document on trial.
struct Trial<'a> {
    session: &'a Session,
    target: &'a Target,
    document: Manifest,
}

impl Trial<'_> {
    /// Looks and tries once; `None` when somebody else wrote in between.
    async fn attempt(&self) -> Result<Option<Vec<String>>, SkeError> {
        match self.session.get(self.target).await {
            Ok(live) => self.update(live).await,
            Err(SkeError::Absent(_)) => self.create().await,
            // That an object exists is said after all else was found well.
            Err(error) if error.is_refusal() => self.create().await,
            Err(error) => Err(error),
        }
    }

    async fn create(&self) -> Result<Option<Vec<String>>, SkeError> {
        let (cluster, address) = (self.session.cluster(), &self.target.address);
        let object = self.document.for_create(address.resource.namespaced);
        let tried = cluster
            .try_create(self.session.identity(), address, &object)
            .await;
        let refusal = tried.as_ref().err().and_then(KubernetesError::refusal);
        // Who was let on may update and not create, and nothing is there yet to be updated.
        let lacks_right = refusal.is_some_and(|refusal| refusal.lacks_right_to_create());
        match tried {
            Err(_) if lacks_right && self.session.is_judged() => Ok(Some(Vec::new())),
            Err(error) if error.is_conflict() => Ok(Some(Vec::new())),
            tried => self.settle(tried).await,
        }
    }

    async fn update(&self, live: Answer) -> Result<Option<Vec<String>>, SkeError> {
        if !live.body["metadata"]["deletionTimestamp"].is_null() {
            return Err(SkeError::BeingDeleted(self.target.object.clone()));
        }
        let object = self.document.applied_to(&live.body);
        if object == live.body {
            return Ok(Some(Vec::new()));
        }
        let (cluster, address) = (self.session.cluster(), &self.target.address);
        let tried = cluster
            .try_replace(self.session.identity(), address, &object)
            .await;
        self.settle(tried).await
    }

    async fn settle(&self, tried: Result<Answer, KubernetesError>) -> Result<Option<Vec<String>>, SkeError> {
        match tried {
            Ok(answer) => Ok(Some(answer.warnings)),
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) if is_untriable(&error) => {
                let why = error.refusal().map(|refusal| refusal.message.clone());
                Ok(Some(vec![format!("{UNTRIED}: {}", why.unwrap_or_default())]))
            }
            Err(error) => match self.session.failed(self.target, false, error).await {
                SkeError::Absent(_) => Ok(None),
                error => Err(error),
            },
        }
    }
}

fn is_untriable(error: &KubernetesError) -> bool {
    error.refusal().is_some_and(|refusal| refusal.is_untriable())
}
