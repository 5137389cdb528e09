//! Everything our own plugins offer, as the scaffolder and MCP clients read it: complete, described, and without asking
//! anybody.

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    app::{LIMIT, STATIC_TOKEN, TestApp},
    backstage::{AUTH_KEYS, Answer, FAR, FakeBackstage, Signer, plugin_keys},
};

/// Looks and changes nothing.
const READS: [bool; 3] = [false, true, true];

/// Every action with what it may do: destructive, idempotent, read-only. MCP clients ask a person before what is
/// destructive, and a dry run of a Template calls what reads.
const OFFERED: [(&str, [bool; 3]); 14] = [
    // Replaces the specification that was there.
    ("ske:configure-resource", [true, true, false]),
    ("ske:delete-resource", [true, true, false]),
    ("ske:get-resource", READS),
    // A branch and a pull request more; what is there stays as it is until somebody merges.
    ("ske:open-pull-request", [false, true, false]),
    // Replaces the file that was there.
    ("ske:publish-catalog", [true, true, false]),
    ("ske:record-request", [false, true, false]),
    ("ske:wait-for-resource", READS),
    // The run id is named, so a second time changes nothing more.
    ("spacelift-io:confirm-run", [true, true, false]),
    ("spacelift-io:discard-run", [true, true, false]),
    ("spacelift-io:get-run", READS),
    ("spacelift-io:get-stack", READS),
    ("spacelift-io:list-stacks", READS),
    // Each time is one more run.
    ("spacelift-io:trigger-run", [true, false, false]),
    ("spacelift-io:wait-for-run", READS),
];

/// The portal with everything switched on, and whatever it may ask at one address where nobody ever answers.
async fn portal(silent: &TcpListener, fake: &FakeBackstage) -> TestApp {
    let (user, plugin) = (Signer::fixture("user1"), Signer::fixture("catalog"));
    fake.serve(AUTH_KEYS, Answer::Document(json!({ "keys": [user.published()] })));
    let keys = json!({ "keys": [plugin.published()] });
    fake.serve(&plugin_keys("scaffolder"), Answer::Document(keys));
    let (origin, address) = (&fake.origin, silent.local_addr().unwrap());
    TestApp::start(&format!(
        "backend:\n  baseUrl: {origin}\n  listen: ':17007'\n  database: {{ client: pg, connection: \
         'postgres://portal:secret@{address}' }}\n  auth:\n    externalAccess:\n      - {{ type: static, options: {{ token: \
         {STATIC_TOKEN}, subject: tests }} }}\n\
         permission: {{ enabled: true }}\n\
         discovery:\n  endpoints:\n    - {{ target: 'http://{address}/api/permission', plugins: [permission] }}\n\
         integrations:\n  github: [{{ host: github.com, apiBaseUrl: 'http://{address}', token: t }}]\n\
         spacelift: {{ hostUrl: acme.app.spacelift.io, apiKey: key, apiSecret: secret }}\n\
         ske:\n  kubernetes: {{ platformName: platform }}\n\
         kubernetes:\n  clusterLocatorMethods:\n    - type: config\n      clusters:\n        - {{ name: platform, url: \
         'http://{address}', authProvider: serviceAccount, serviceAccountToken: t }}\n\
         stagedoor:\n  spacelift: {{ endpoint: 'http://{address}/graphql' }}\n  ske: {{ repositories: [{{ host: github.com, \
         owner: O, repo: R }}] }}\n"
    ))
    .await
}

/// The list as whoever the token belongs to gets it.
async fn listed(app: &TestApp, token: &str, plugin: &str) -> Vec<Value> {
    let path = format!("/api/{plugin}/.backstage/actions/v1/actions");
    let answer = app.client.get(app.url(&path)).bearer_auth(token).send();
    let answer = tokio::time::timeout(LIMIT, answer).await.expect("an answer");
    let body: Value = answer.unwrap().json().await.unwrap();
    body["actions"].as_array().unwrap().clone()
}

/// Jane's token, and the scaffolder's that calls for her.
fn tokens(plugin: &str) -> [String; 2] {
    let user = Signer::fixture("user1");
    let limited = user.limited_user("user:default/jane", FAR);
    let claims = json!({ "sub": "scaffolder", "aud": plugin, "iat": 1, "exp": FAR, "obo": limited });
    let through = Signer::fixture("catalog").sign("vnd.backstage.plugin", &claims);
    [user.user("user:default/jane", FAR), through]
}

async fn everything() -> Vec<Value> {
    let (silent, fake) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        FakeBackstage::empty().await,
    );
    let app = portal(&silent, &fake).await;
    let mut all = Vec::new();
    for plugin in ["ske", "spacelift-io"] {
        let [user, through] = tokens(plugin);
        let list = listed(&app, STATIC_TOKEN, plugin).await;
        for token in [&user, &through] {
            assert_eq!(listed(&app, token, plugin).await, list, "all see the same");
        }
        all.extend(list);
    }
    all
}

#[tokio::test]
async fn the_list_is_complete_and_told_while_nobody_else_answers() {
    let attributes = |[destructive, idempotent, read_only]: [bool; 3]| json!({ "destructive": destructive, "idempotent": idempotent, "readOnly": read_only });
    let mut told: Vec<_> = everything()
        .await
        .iter()
        .map(|action| {
            (
                action["id"].as_str().unwrap().to_owned(),
                action["attributes"].clone(),
            )
        })
        .collect();
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    let wanted = OFFERED.map(|(id, may)| (id.to_owned(), attributes(may)));
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn every_action_has_a_title_an_example_and_draft_07_schemas_whose_fields_are_described() {
    for action in everything().await {
        let id = action["id"].as_str().unwrap();
        for text in ["title", "description"] {
            assert!(action[text].as_str().unwrap().len() > 5, "{id}: {text}");
        }
        let examples = action["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{id}");
        for example in examples {
            assert!(
                example["title"].is_string() && example["input"].is_object(),
                "{id}"
            );
        }
        for which in ["input", "output"] {
            let schema = &action["schema"][which];
            assert_eq!(
                schema["$schema"], "http://json-schema.org/draft-07/schema#",
                "{id}"
            );
            assert_eq!(schema["type"], "object", "{id}: MCP takes no other {which}");
            described(schema, &format!("{id} {which}"));
        }
        assert_eq!(action["schema"]["input"]["additionalProperties"], false, "{id}");
    }
}

/// Every field at every depth says what it is.
fn described(schema: &Value, place: &str) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        assert!(
            field["description"].as_str().is_some_and(|text| text.len() > 5),
            "{place}: {field}"
        );
        described(field, &place);
        described(&field["items"], &place);
        for form in field["anyOf"].as_array().into_iter().flatten() {
            described(form, &place);
        }
    }
}
