//! A portal in front of a repository, and people who push to it past the portal.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    ske::{
        place::{CONFIGURE, DELETE},
        portal::{Backstage, Said, get, manifest, named, post, resource, said, state},
    },
    support::{
        app::{STATIC_TOKEN, TestApp},
        git::{
            remote::{BareRepository, WorkingCopy},
            server::{GitServer, PASSWORD, USER},
            workshop::Workshop,
        },
        kubernetes::RequestKind,
    },
};

/// Where the objects are in the repository.
pub(in crate::ske) const FOLDER: &str = "requests";

/// Whose objects they are.
pub(in crate::ske) const TEAM: &str = "team";

/// Where `mine` is written when it is new.
pub(in crate::ske) const MINE: &str = "requests/team_database.example.org_mine.yaml";

/// A repository on a real server, and Stagedoor in gitops mode as its callers see it.
pub(in crate::ske) struct Depot {
    pub(in crate::ske) server: GitServer,
    pub(in crate::ske) remote: BareRepository,
    pub(in crate::ske) backstage: Backstage,
    pub(in crate::ske) app: TestApp,
    pub(in crate::ske) kind: RequestKind,
    /// Of the repository's copy.
    _data: TempDir,
}

/// The kind of which the objects are.
pub(in crate::ske) fn database() -> RequestKind {
    RequestKind {
        group: "example.org".to_owned(),
        version: "v1".to_owned(),
        kind: "Database".to_owned(),
        plural: "databases".to_owned(),
        promise: "database".to_owned(),
    }
}

/// An object as people write it.
pub(in crate::ske) fn document(name: &str, size: &str) -> String {
    document_in(TEAM, name, size)
}

/// The same in another namespace.
pub(in crate::ske) fn document_in(namespace: &str, name: &str, size: &str) -> String {
    format!(
        "apiVersion: example.org/v1\nkind: Database\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n  size: \
         {size}\n"
    )
}

/// What opens the kinds of the tests, where nothing is tested about which are open.
pub(in crate::ske) const OPEN: &str = "allow: [{ group: '*', kinds: ['*'], access: write }]";

/// A section `stagedoor.ske` that opens them, unless it says itself what is open.
pub(in crate::ske) fn opened(ours: &str) -> String {
    match ours.contains("allow:") {
        true => ours.to_owned(),
        false => ours.replacen('{', &format!("{{ {OPEN}, "), 1),
    }
}

/// A section `stagedoor.ske` without a list, in which Promises decide.
pub(in crate::ske) const CLOSED: &str = "{ allow: null }";

/// A Promise as a file, which offers this kind of this group.
pub(in crate::ske) fn promise(name: &str, group: &str, kind: &str) -> String {
    format!(
        "apiVersion: platform.kratix.io/v1alpha1\nkind: Promise\nmetadata:\n  name: {name}\nspec:\n  api:\n    apiVersion: \
         apiextensions.k8s.io/v1\n    kind: CustomResourceDefinition\n    metadata: {{ name: x.{group} }}\n    spec:\n      \
         group: '{group}'\n      names: {{ kind: {kind}, plural: x }}\n"
    )
}

/// `ske.scm` of the server's repository, with further fields.
pub(in crate::ske) fn scm(server: &GitServer, more: &str) -> String {
    let url = server.url("state.git");
    format!("{{ repoUrl: '{url}', username: {USER}, token: {PASSWORD}, path: {FOLDER}{more} }}")
}

/// A server whose repository `state.git` holds these files, beside `README`.
pub(in crate::ske) async fn holding(files: &[(&str, &str)]) -> Workshop {
    let workshop = Workshop::new().await;
    // The library is set up by the first in the process who needs it; the engine's tests want it to be the workshop.
    drop(workshop.repository());
    if !files.is_empty() {
        let clone = workshop.remote.working_copy();
        for (path, content) in files {
            clone.write(path, content);
        }
        push(&clone);
    }
    workshop
}

/// Commits all there is, and pushes.
#[track_caller]
pub(in crate::ske) fn push(clone: &WorkingCopy) {
    clone.commit("by hand");
    clone.git(&["push", "--quiet", "origin", "main"]);
}

impl Depot {
    /// With nothing in the repository but `README`.
    pub(in crate::ske) async fn open() -> Self {
        Self::with("{}").await
    }

    /// The same with this section `stagedoor.ske`.
    pub(in crate::ske) async fn with(ours: &str) -> Self {
        Self::configured(ours, str::to_owned).await
    }

    /// The same with a change of the whole app-config.
    pub(in crate::ske) async fn configured(ours: &str, change: impl Fn(&str) -> String) -> Self {
        Self::behind(holding(&[]).await, ours, change).await
    }

    /// With these files in the repository.
    pub(in crate::ske) async fn holding(files: &[(&str, &str)]) -> Self {
        Self::behind(holding(files).await, "{}", str::to_owned).await
    }

    /// With these files, and nothing open but what Promises offer.
    pub(in crate::ske) async fn closed(files: &[(&str, &str)]) -> Self {
        Self::behind(holding(files).await, CLOSED, str::to_owned).await
    }

    /// With this server and repository.
    pub(in crate::ske) async fn behind(
        workshop: Workshop,
        ours: &str,
        change: impl Fn(&str) -> String,
    ) -> Self {
        let backstage = Backstage::start().await;
        let scm = scm(&workshop.server, "");
        let config = backstage.gitops_config(&scm, workshop.data.path(), ours);
        let app = TestApp::start(&change(&config)).await;
        Self {
            server: workshop.server,
            remote: workshop.remote,
            _data: workshop.data,
            backstage,
            app,
            kind: database(),
        }
    }

    /// Somebody who is signed in, calling from the portal's page.
    pub(in crate::ske) fn guest(&self) -> String {
        self.backstage.user("guest", json!({}))
    }

    /// The same in a step of a Template.
    pub(in crate::ske) fn guests_template(&self) -> String {
        self.backstage.on_behalf_of("guest", "scaffolder")
    }

    pub(in crate::ske) async fn get(&self, path: &str) -> Said {
        get(&self.app, STATIC_TOKEN, path).await
    }

    pub(in crate::ske) async fn read(&self, name: &str) -> Said {
        self.read_in(TEAM, name).await
    }

    pub(in crate::ske) async fn read_in(&self, namespace: &str, name: &str) -> Said {
        self.get(&resource(&self.kind, namespace, name)).await
    }

    /// The `spec` of an object that is there.
    #[track_caller]
    pub(in crate::ske) fn spec_of(said: Said) -> Value {
        said.ok()["manifest"]["spec"].clone()
    }

    pub(in crate::ske) async fn state(&self, name: &str) -> Said {
        self.get(&state(&self.kind, TEAM, name)).await
    }

    /// Configures the object of this name to have this `spec`.
    pub(in crate::ske) async fn write(&self, name: &str, spec: Value) -> Said {
        self.write_in(TEAM, name, spec).await
    }

    pub(in crate::ske) async fn write_in(&self, namespace: &str, name: &str, spec: Value) -> Said {
        self.configure(&manifest(&self.kind, namespace, name, spec)).await
    }

    pub(in crate::ske) async fn configure(&self, body: &Value) -> Said {
        post(&self.app, STATIC_TOKEN, CONFIGURE, body).await
    }

    pub(in crate::ske) async fn delete(&self, name: &str) -> Said {
        self.delete_in(TEAM, name).await
    }

    pub(in crate::ske) async fn delete_in(&self, namespace: &str, name: &str) -> Said {
        let body = named(&self.kind, namespace, name);
        post(&self.app, STATIC_TOKEN, DELETE, &body).await
    }

    /// Sends any JSON text.
    pub(in crate::ske) async fn send(&self, path: &str, body: &'static str) -> Said {
        let request = self.app.client.post(self.app.url(path));
        let request = request.bearer_auth(STATIC_TOKEN);
        said(request.header("content-type", "application/json").body(body)).await
    }

    /// The newest commit.
    #[track_caller]
    pub(in crate::ske) fn head(&self) -> String {
        self.remote.git(&["rev-parse", "main"])
    }

    /// What the newest commit is about: what Git prints for this format.
    #[track_caller]
    pub(in crate::ske) fn told(&self, format: &str) -> String {
        self.remote
            .git(&["log", "-1", &format!("--format={format}"), "main"])
    }

    /// The lines the newest commit takes away and adds, without their surroundings.
    #[track_caller]
    pub(in crate::ske) fn changed_lines(&self) -> Vec<String> {
        let diff = self.remote.git(&["diff", "--unified=0", "main~1", "main"]);
        let is_change = |line: &&str| line.starts_with(['-', '+']);
        let is_name = |line: &&str| line.starts_with("--- ") || line.starts_with("+++ ");
        // Unlike `lines`, this leaves carriage returns where they are.
        let lines = diff.split('\n').filter(|line| is_change(line) && !is_name(line));
        lines.map(str::to_owned).collect()
    }

    /// The files below the folder of the objects.
    #[track_caller]
    pub(in crate::ske) fn files(&self) -> Vec<String> {
        let below = format!("{FOLDER}/");
        let files = self.remote.files().into_iter();
        files.filter(|file| file.starts_with(&below)).collect()
    }
}

impl Backstage {
    /// `backend` and the sections of gitops mode; ends in the section `stagedoor`.
    pub(in crate::ske) fn gitops_config(&self, scm: &str, data: &std::path::Path, ours: &str) -> String {
        let (origin, data, ours) = (&self.fake.origin, data.display(), opened(ours));
        format!(
            "backend:\n  baseUrl: {origin}\n  listen: ':17007'\n  auth:\n    externalAccess:\n      - type: static\n        \
             options: {{ token: {STATIC_TOKEN}, subject: tests }}\n\
             ske:\n  mode: gitops\n  scm: {scm}\n\
             stagedoor:\n  dataDir: '{data}'\n  ske: {ours}\n"
        )
    }
}

/// The commit a write was answered with.
#[track_caller]
pub(in crate::ske) fn commit_of(said: Said) -> String {
    let body = said.ok();
    body["commitsha"]
        .as_str()
        .unwrap_or_else(|| panic!("{body}"))
        .to_owned()
}

/// The commit a deletion was answered with.
#[track_caller]
pub(in crate::ske) fn hash_of(said: Said) -> String {
    let body = said.ok();
    body["commitHash"]
        .as_str()
        .unwrap_or_else(|| panic!("{body}"))
        .to_owned()
}

/// As long as what others push may go unnoticed, and some more for a slow machine.
pub(in crate::ske) const NOTICED: Duration = Duration::from_secs(15);
