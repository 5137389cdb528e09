//! What the tests of recorded requests share: a record to change, and the whole with a database of either kind.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Pending,
    input::{NewRequest, RecordInput},
    request::{Action, PendingRequest, Review},
    store::Store,
};
use crate::{
    backstage::auth::{Credentials, Principal, UserPrincipal},
    config::{ConfigReader, Layer, Live, Value as Yaml, from_json},
    infra::{
        database::{on_pool, testing::TestDatabase},
        tasks::Tasks,
    },
    plugins::ske::config::Config,
};

/// A request about `Database shop/orders` by Jane, without a pull request.
pub(super) fn request(action: Action) -> PendingRequest {
    PendingRequest {
        id: "11111111-1111-4111-8111-111111111111".to_owned(),
        promise: "databases".to_owned(),
        group: "example.org".to_owned(),
        version: "v1".to_owned(),
        kind: "Database".to_owned(),
        namespace: "shop".to_owned(),
        name: "orders".to_owned(),
        action,
        pull_request_url: None,
        repository: None,
        requested_by: Some("user:default/jane".to_owned()),
        review: Review::None,
        stamp: 1,
        seen_at: 0,
        created_at: 1,
        updated_at: 1,
    }
}

/// Everything, with a database.
pub(super) struct Desk {
    pub(super) pending: Arc<Pending>,
    pub(super) test: TestDatabase,
    config: Live<Config>,
}

/// In kubernetes mode, with pull requests at two hosts.
pub(super) fn app_config() -> Value {
    let listed = ["R", "a", "b", "c", "other", "elsewhere"];
    let mut listed = listed
        .map(|repo| json!({"host": "github.com", "owner": "O", "repo": repo}))
        .to_vec();
    listed.push(json!({"host": "gitlab.com", "owner": "O", "repo": "a"}));
    json!({
        "ske": {},
        "stagedoor": {"ske": {"repositories": listed}},
        "integrations": {"github": [{"host": "github.com"}], "gitlab": [{"host": "gitlab.com"}]},
    })
}

/// The same in gitops mode, with the repository `github.com/O/state`.
pub(super) fn gitops() -> Value {
    let mut config = app_config();
    let scm = json!({"repoUrl": "https://github.com/O/state.git", "type": "github", "token": "t"});
    config["ske"] = json!({"mode": "gitops", "scm": scm});
    config
}

impl Desk {
    pub(super) fn with(test: TestDatabase, app_config: &Value) -> Self {
        let config = Live::new(config(app_config));
        let pending = Pending::new(test.database.clone(), Tasks::default(), config.clone());
        Self {
            pending,
            test,
            config,
        }
    }

    /// One with each kind of database.
    pub(super) fn both() -> [Self; 2] {
        TestDatabase::both().map(|test| Self::with(test, &app_config()))
    }

    /// Follows another configuration.
    pub(super) fn reload(&self, app_config: &Value) {
        self.config.set(config(app_config));
    }

    /// Another replica with the same database.
    pub(super) fn replica(&self) -> Arc<Pending> {
        Pending::new(self.test.database.clone(), Tasks::default(), self.config.clone())
    }

    pub(super) async fn store(&self) -> Store {
        Store(self.test.database.pool().await.unwrap())
    }

    /// Records as Jane.
    pub(super) async fn record(&self, input: Value) {
        let input: RecordInput = serde_json::from_value(input).unwrap();
        self.pending.record(&jane(), input).await.unwrap();
    }

    /// Records at another time than now.
    pub(super) async fn record_at(&self, input: Value, now: i64) -> PendingRequest {
        let input: RecordInput = serde_json::from_value(input).unwrap();
        let integrations = &self.config.get().integrations;
        let request = NewRequest::of(input, integrations).unwrap();
        let jane = Some("user:default/jane");
        let recorded = self.store().await.record(&request, jane, now).await;
        recorded.unwrap().unwrap()
    }

    /// What is recorded, by name.
    pub(super) async fn recorded(&self) -> Vec<PendingRequest> {
        let mut all = self
            .store()
            .await
            .list(&Default::default(), "", 1000)
            .await
            .unwrap();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Waits until so many are left.
    pub(super) async fn settled(&self, left: usize) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while self.recorded().await.len() != left {
            assert!(
                std::time::Instant::now() < end,
                "{:?} are left",
                self.recorded().await
            );
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// The names of what is recorded.
    pub(super) async fn names(&self) -> Vec<String> {
        self.recorded()
            .await
            .into_iter()
            .map(|request| request.name)
            .collect()
    }
}

fn config(app_config: &Value) -> Config {
    let Yaml::Object(data) = from_json(app_config.clone()) else {
        panic!("an object");
    };
    let context = "app-config.yaml".to_owned();
    Config::read(&ConfigReader::new(vec![Layer { context, data }])).unwrap()
}

pub(super) fn jane() -> Credentials {
    user("jane")
}

pub(super) fn user(name: &str) -> Credentials {
    let user = UserPrincipal {
        user_entity_ref: format!("user:default/{name}"),
        actor: None,
    };
    Credentials::new(Principal::User(user), None, None)
}

/// Adds so many requests about `Database shop/orders-<n>` with this manifest and ids that begin in 256 ways.
pub(super) async fn fill(store: &Store, many: i64, manifest: &str) {
    const SQL: &str = "insert into ske_pending_requests (id, promise_name, resource_group, resource_version, \
         resource_kind, namespace, name, lane, action, manifest, pull_request_state, stamp, looked_at, reviewed_at, \
         created_at, updated_at) \
         with recursive n(i) as (select 1 union all select i + 1 from n where i < $1) \
         select substr('0123456789abcdef', i / 16 % 16 + 1, 1) || substr('0123456789abcdef', i % 16 + 1, 1) || '-' || i, \
         'databases', 'example.org', 'v1', 'Database', 'shop', 'orders-' || i, 'upsert', 'Request', $2, 'none', i, 0, 0, 1, 1 from n";
    on_pool!(&store.0, |pool| {
        let query = sqlx::query(SQL).bind(many).bind(manifest);
        query.execute(pool).await.map(drop)
    })
    .unwrap();
}

/// The inputs about `Database shop/<name>`.
pub(super) fn input(action: &str, name: &str) -> Value {
    json!({
        "promiseName": "databases", "name": name, "namespace": "shop", "action": action,
        "manifest": format!(
            "apiVersion: example.org/v1\nkind: Database\nmetadata: {{ name: {name}, namespace: shop }}\nspec: {{ size: small }}\n"
        ),
    })
}

/// The same with a pull request of this number at `github.com/O/R`.
pub(super) fn reviewed(action: &str, name: &str, number: u64) -> Value {
    reviewed_in("O/R", action, name, number)
}

/// The same in another repository there.
pub(super) fn reviewed_in(repository: &str, action: &str, name: &str, number: u64) -> Value {
    let mut input = input(action, name);
    input["pullRequestUrl"] = format!("https://github.com/{repository}/pull/{number}").into();
    input
}
