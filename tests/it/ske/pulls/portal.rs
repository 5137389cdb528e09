//! A portal in front of a code host.

use serde_json::{Value, json};

use crate::{
    actions::portal::{Reply, send},
    ske::{
        gitops::place::{opened, scm},
        portal::{Backstage, Said, post},
    },
    support::{
        app::{STATIC_TOKEN, TestApp},
        code_host::{
            FakeCodeHost, Kind, TOKEN,
            world::{Commit, Pull, World},
        },
        git::server::GitServer,
        postgres::Postgres,
    },
};

/// Both hosts, since all that is said of one holds for the other.
pub(in crate::ske) const BOTH: [Kind; 2] = [Kind::GitHub, Kind::GitLab];

/// The repository that may be written to.
pub(super) const REPOSITORY: &str = "acme/requests";

/// The file of the request for `mine`.
pub(super) const FILE: &str = "kratix-requests/redis/team/mine.yaml";

/// Its branch.
pub(super) const BRANCH: &str = "backstage/redis/team/mine";

/// A token that may be used for nothing but reading.
const LIMITED_TOKEN: &str = "limited-token-of-the-tests";

/// Stagedoor, whose one repository is at the fake.
pub(in crate::ske) struct Portal {
    pub(in crate::ske) app: TestApp,
    pub(in crate::ske) host: FakeCodeHost,
    pub(super) backstage: Backstage,
    _data: tempfile::TempDir,
}

impl Portal {
    /// With an entry for `acme/requests`, which has one file.
    pub(in crate::ske) async fn start(kind: Kind) -> Self {
        Self::with(kind, "", "").await
    }

    /// With more in the entry of `stagedoor.ske.repositories` (`, branch: main`), and more below `stagedoor.ske`.
    pub(in crate::ske) async fn with(kind: Kind, entry: &str, ours: &str) -> Self {
        let host = FakeCodeHost::start(kind).await;
        host.hold(REPOSITORY, World::with(&[("README.md", "hello\n")]));
        let repositories = format!("[{{ host: code.example.com, owner: acme, repo: requests{entry} }}]");
        let integration = format!("token: {TOKEN}");
        Self::before(host, &integration, &format!("repositories: {repositories}{ours}")).await
    }

    /// In front of a host, with this in its entry of `integrations` and this below `stagedoor.ske`.
    pub(super) async fn before(host: FakeCodeHost, integration: &str, ours: &str) -> Self {
        Self::adapted(host, (integration, ours), str::to_owned).await
    }

    /// With an entry for `acme/requests`, which has one file, and its records in a database of its own on this server.
    pub(super) async fn on(kind: Kind, server: &Postgres) -> Self {
        let host = FakeCodeHost::start(kind).await;
        host.hold(REPOSITORY, World::with(&[("README.md", "hello\n")]));
        let (token, ours) = (
            format!("token: {TOKEN}"),
            "repositories: [{ host: code.example.com, owner: acme, repo: requests }]",
        );
        let section = json!({ "client": "pg", "connection": server.url() });
        Self::adapted(host, (&token, ours), |config| {
            config.replacen("backend:\n", &format!("backend:\n  database: {section}\n"), 1)
        })
        .await
    }

    /// Beside a repository whose Promises say what may be touched.
    pub(super) async fn beside(server: &GitServer) -> Self {
        let host = FakeCodeHost::start(Kind::GitHub).await;
        host.hold(REPOSITORY, World::with(&[(FILE, "{}\n")]));
        let (token, ours) = (
            format!("token: {TOKEN}"),
            "allow: null, repositories: [{ host: code.example.com, owner: acme, repo: requests }]",
        );
        let unreachable = "{ repoUrl: 'http://127.0.0.1:1/state.git', type: github }";
        Self::adapted(host, (&token, ours), |config| {
            config.replacen(unreachable, &scm(server, ""), 1)
        })
        .await
    }

    async fn adapted(
        host: FakeCodeHost,
        (integration, ours): (&str, &str),
        change: impl Fn(&str) -> String,
    ) -> Self {
        let backstage = Backstage::start().await;
        let section = match host.kind {
            Kind::GitHub => "github",
            Kind::GitLab => "gitlab",
        };
        let (origin, url, ours) = (
            &backstage.fake.origin,
            host.url(),
            opened(&format!("{{ {ours} }}")),
        );
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().display();
        let config = format!(
            "backend:\n  baseUrl: {origin}\n  listen: ':17007'\n  auth:\n    externalAccess:\n      - type: static\n        \
             options: {{ token: {STATIC_TOKEN}, subject: tests }}\n      - type: static\n        \
             options: {{ token: {LIMITED_TOKEN}, subject: robot }}\n        \
             accessRestrictions: [{{ plugin: ske, permission: ske.resource.read }}]\n\
             ske:\n  mode: gitops\n  scm: {{ repoUrl: 'http://127.0.0.1:1/state.git', type: github }}\n\
             integrations:\n  {section}:\n    - {{ host: code.example.com, apiBaseUrl: '{url}', {integration} }}\n\
             stagedoor:\n  dataDir: '{folder}'\n  ske: {ours}\n"
        );
        let app = TestApp::start(&change(&config)).await;
        Self {
            app,
            host,
            backstage,
            _data: data,
        }
    }

    /// Asks for a pull request as a script does.
    pub(in crate::ske) async fn ask(&self, body: &Value) -> Said {
        post(&self.app, STATIC_TOKEN, "/api/ske/pull-requests", body).await
    }

    /// Reads as a script does.
    pub(in crate::ske) async fn get(&self, path: &str) -> Said {
        crate::ske::portal::get(&self.app, STATIC_TOKEN, path).await
    }

    /// As whoever the token belongs to.
    pub(super) async fn ask_as(&self, token: &str, body: &Value) -> Said {
        post(&self.app, token, "/api/ske/pull-requests", body).await
    }

    /// Publishes a catalog file as a script does.
    pub(super) async fn publish(&self, body: &Value) -> Said {
        post(&self.app, STATIC_TOKEN, "/api/ske/publish-catalog", body).await
    }

    /// Runs an action of `ske`.
    pub(super) async fn run(&self, token: &str, action: &str, input: &Value) -> Reply {
        let path = format!("/api/ske/.backstage/actions/v1/actions/ske%3A{action}/invoke");
        send(&self.app, ("POST", &path), Some(token), &input.to_string()).await
    }

    /// A caller that may only read resources.
    pub(super) fn limited(&self) -> &'static str {
        LIMITED_TOKEN
    }

    /// Looks at the repository or changes it.
    pub(in crate::ske) fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        self.host.world(REPOSITORY, look)
    }

    /// The file of `mine` on a branch.
    pub(super) fn file(&self, branch: &str) -> Option<String> {
        self.world(|world| world.file(branch, FILE))
    }

    /// The newest commit of a branch.
    pub(super) fn tip(&self, branch: &str) -> Commit {
        self.world(|world| world.tip(branch).clone())
    }

    /// All pull requests so far.
    pub(super) fn pulls(&self) -> Vec<Pull> {
        self.world(|world| world.pulls.clone())
    }

    /// The number of calls that write.
    pub(super) fn writes(&self) -> usize {
        ["POST", "PATCH", "PUT", "DELETE"]
            .iter()
            .map(|method| self.host.count(method))
            .sum()
    }
}

/// The order for `mine` of this size.
pub(in crate::ske) fn order(size: &str) -> Value {
    json!({
        "manifest": manifest("mine", size), "promiseName": "redis",
        "repoUrl": "code.example.com?owner=acme&repo=requests",
    })
}

/// The same with one field replaced or added.
pub(super) fn order_with(field: &str, value: Value) -> Value {
    let mut order = order("small");
    order[field] = value;
    order
}

/// The order for the end of `mine`.
pub(super) fn deletion() -> Value {
    order_with("action", json!("Delete"))
}

pub(super) fn manifest(name: &str, size: &str) -> Value {
    json!({ "apiVersion": "example.org/v1", "kind": "Redis", "metadata": { "name": name, "namespace": "team" },
        "spec": { "size": size } })
}

/// A catalog file for the repository.
pub(super) fn publication() -> Value {
    json!({
        "content": "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: shop\nspec:\n  type: service\n",
        "targetPath": "components/catalog-info.yaml", "repoUrl": "https://code.example.com/acme/requests",
        "branchName": "catalog", "type": "github",
    })
}

/// The same with one field replaced or added.
pub(super) fn publication_with(field: &str, value: Value) -> Value {
    let mut publication = publication();
    publication[field] = value;
    publication
}
