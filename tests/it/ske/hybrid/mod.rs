//! `ske.mode: hybrid`: the cluster is read, the repository is written, and the cluster says who may write.

mod deleting;
mod outages;
mod reading;
mod refusals;
mod rights;
mod trials;
mod writing;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    gitops::place::{holding, scm},
    place::{CONFIGURE, DELETE},
    portal::{Backstage, Said, get, manifest, named, post, resource, state},
};
use crate::support::{
    app::{STATIC_TOKEN, TestApp},
    git::{remote::BareRepository, server::GitServer, workshop::Workshop},
    kubernetes::{Cluster, RequestKind, Rule, Subject, access::ServiceAccount},
};

/// A platform cluster, a repository, and a portal between them.
struct Pair {
    cluster: Cluster,
    server: GitServer,
    remote: BareRepository,
    backstage: Backstage,
    kind: RequestKind,
    namespace: String,
    account: ServiceAccount,
    data: TempDir,
}

/// As whom the cluster is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    /// Our own account, which may do everything.
    Account,
    /// The signed-in user, with the provider's token.
    Oidc,
    /// The portal's user, for whom our account speaks.
    Impersonated,
}

impl Pair {
    /// With an empty folder in the repository.
    async fn new(name: &str) -> Self {
        Self::holding(name, |_, _| Vec::new()).await
    }

    /// With files in the repository, made for the kind and the namespace.
    async fn holding(name: &str, files: impl Fn(&RequestKind, &str) -> Vec<(&'static str, String)>) -> Self {
        let cluster = Cluster::shared().await;
        let namespace = cluster.namespace(name).await;
        let kind = cluster.promise("Database").await;
        let account = cluster.service_account(&namespace, "portal").await;
        cluster.allow(&account.subject(), &Rule::on("*", &["*"])).await;
        let files = files(&kind, &namespace);
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let Workshop {
            server, remote, data, ..
        } = holding(&files).await;
        Self {
            cluster,
            server,
            remote,
            backstage: Backstage::start().await,
            kind,
            namespace,
            account,
            data,
        }
    }

    /// The portal; `ours` are fields of the section `stagedoor.ske`.
    async fn portal(&self, acting: As, ours: &str) -> TestApp {
        TestApp::start(&self.config(acting, ours).await).await
    }

    async fn config(&self, acting: As, ours: &str) -> String {
        let token = self.cluster.token(&self.account).await;
        let entry = match acting {
            As::Oidc => format!(
                "authProvider: oidc\n          oidcTokenProvider: keycloak\n          serviceAccountToken: {token}"
            ),
            _ => format!("authProvider: serviceAccount\n          serviceAccountToken: {token}"),
        };
        let speaks = match acting {
            As::Impersonated => "impersonation: { user: 'backstage:{namespace}/{name}' },",
            _ => "",
        };
        let config = self
            .backstage
            .app_config(&self.cluster, &entry, &format!("{{ {speaks} {ours} }}"));
        self.with_repository(&config)
    }

    fn with_repository(&self, config: &str) -> String {
        let section = format!("ske:\n  mode: hybrid\n  scm: {}\n", scm(&self.server, ""));
        let data = format!("stagedoor:\n  dataDir: '{}'\n", self.data.path().display());
        config
            .replacen("ske:\n", &section, 1)
            .replacen("stagedoor:\n", &data, 1)
    }

    /// A user who calls through a Template, or directly where the provider's token is needed.
    fn user(&self, acting: As, name: &str) -> String {
        match acting {
            As::Account => STATIC_TOKEN.to_owned(),
            As::Oidc => {
                let tok = self.cluster.issuer().token(name, &[]);
                self.backstage.user(name, json!({ "tok": tok }))
            }
            As::Impersonated => self.backstage.on_behalf_of(name, "scaffolder"),
        }
    }

    /// The same user as the cluster names him.
    fn subject(acting: As, name: &str) -> Subject {
        match acting {
            As::Impersonated => Subject::User(format!("backstage:default/{name}")),
            _ => Subject::oidc_user(name),
        }
    }

    /// Lets the user do this with the kind's objects.
    async fn allow(&self, who: &Subject, verbs: &[&str]) {
        let rule = Rule::on(&self.kind.group, &[&self.kind.plural]).verbs(verbs);
        self.cluster.allow(who, &rule.within(&self.namespace)).await;
    }

    async fn read(&self, app: &TestApp, token: &str, name: &str) -> Said {
        get(app, token, &resource(&self.kind, &self.namespace, name)).await
    }

    async fn state(&self, app: &TestApp, token: &str, name: &str) -> Said {
        get(app, token, &state(&self.kind, &self.namespace, name)).await
    }

    async fn write(&self, app: &TestApp, token: &str, name: &str) -> Said {
        let body = manifest(&self.kind, &self.namespace, name, json!({ "size": "large" }));
        post(app, token, CONFIGURE, &body).await
    }

    async fn delete(&self, app: &TestApp, token: &str, name: &str) -> Said {
        post(app, token, DELETE, &named(&self.kind, &self.namespace, name)).await
    }

    /// Creates an object at the cluster, past Stagedoor.
    async fn create(&self, name: &str) -> Value {
        let request = self.kind.request(name, json!({ "size": "small" }));
        let collection = self.kind.path(&self.namespace);
        self.cluster.api().create(&collection, &request).await.ok()
    }

    /// What the cluster has under this name.
    async fn live(&self, name: &str) -> (u16, Value) {
        let path = self.kind.object_path(&self.namespace, name);
        let answer = self.cluster.api().get(&path).await;
        (answer.status, answer.body)
    }

    /// Where a new object is written.
    fn path(&self, name: &str) -> String {
        format!(
            "requests/{}_database.{}_{name}.yaml",
            self.namespace, self.kind.group
        )
    }

    /// The commits so far.
    fn commits(&self) -> Vec<String> {
        self.remote.commits()
    }
}

/// Lets users write without a Template; `app_config` ends in the section `stagedoor`.
fn direct(app_config: &str) -> String {
    format!("{app_config}  actions: {{ writeCallers: [scaffolder, direct] }}\n")
}

/// An object of the kind as text.
fn document(kind: &RequestKind, namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: {}\nkind: {}\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n  size: small\n",
        kind.api_version(),
        kind.kind
    )
}
