//! No secret is ever printed: a canary in each of them, every log level on, good calls and bad ones, all output searched.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::Client;
use secrecy::SecretString;
use stagedoor::simulator::{Fault, Simulator, SimulatorSettings, Target};
use tempfile::TempDir;

use crate::support::{binary::Binary, simulator};

/// Everything that is printed, at every level and by every library.
const LOUD: [(&str, &str); 2] = [("LOG_LEVEL", "silly"), ("RUST_LOG", "trace")];

/// An app-config whose every secret is a canary; `{name}` stands for the canary of that name.
const APP_CONFIG: &str = "
app: { baseUrl: 'http://localhost:3000' }
backend:
  baseUrl: http://127.0.0.1:9
  cors: { origin: 'http://localhost:3000' }
  database:
    client: better-sqlite3
    connection: { filename: ':memory:', password: '{database-password}', ssl: { key: '{database-key}' } }
    plugin: { catalog: { connection: 'postgres://u:{database-url}@db/x' } }
  auth:
    keys: [{ secret: '{old-key}' }]
    externalAccess:
      - { type: static, options: { token: '{static-token}', subject: ci } }
      - { type: legacy, options: { secret: '{legacy-secret}', subject: old } }
auth:
  session: { secret: '{session-secret}' }
  providers: { oidc: { production: { clientId: portal, clientSecret: '{client-secret}' } } }
integrations:
  github:
    - host: github.com
      token: '{github-token}'
      apps: [{ appId: 1, clientId: c, privateKey: '{app-key}', clientSecret: '{app-secret}', webhookSecret: '{app-hook}' }]
  gitlab: [{ host: gitlab.com, token: '{gitlab-token}' }]
  bitbucketServer: [{ host: bitbucket.test, username: u, password: '{bitbucket-password}' }]
kubernetes:
  clusterLocatorMethods:
    - type: config
      clusters: [{ name: platform, url: 'https://127.0.0.1:9', authProvider: serviceAccount, serviceAccountToken: '{cluster-token}' }]
proxy: { endpoints: { /x: { target: 'http://127.0.0.1:9', auth: 'me:{proxy-auth}', headers: { X-Any: '{proxy-header}' } } } }
other:
  list: [{ pat: '{pat}', bearer: '{bearer}', psk: '{psk}', slackWebhook: 'https://hooks.example/{webhook}' }]
  address: 'https://u:{user-information}@h/?token={query-token}'
  account: 'AccountName=x;AccountKey={account-key};EndpointSuffix=y'
  text: '-----BEGIN PRIVATE KEY-----\\n{pem}\\n-----END PRIVATE KEY-----'
ske:
  mode: gitops
  scm: { repoUrl: 'https://127.0.0.1:9/a/b.git', type: github, token: '{scm-token}' }
spacelift: { hostUrl: example.app.spacelift.io, apiKey: '{api-key}', apiSecret: '{api-secret}' }
stagedoor:
  ske: { pendingRequests: { feedSecret: '{feed-secret}' } }
  spacelift: { cacheTtl: { seconds: 0 }, endpoint: 'SPACELIFT/graphql' }
  dataDir: 'DATA'
";

/// The canaries by name, and where they were let loose.
struct Mine {
    folder: TempDir,
    canaries: BTreeMap<String, String>,
    spacelift: Simulator,
}

impl Mine {
    async fn dig() -> Self {
        let canaries = canaries(APP_CONFIG);
        let settings = SimulatorSettings {
            api_key: canaries["api-key"].clone(),
            api_secret: SecretString::from(canaries["api-secret"].clone()),
            ..SimulatorSettings::default()
        };
        let spacelift = simulator::start(settings).await;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let mut text = APP_CONFIG
            .replace("SPACELIFT", &spacelift.url())
            .replace("DATA", data.to_str().unwrap());
        for (name, canary) in &canaries {
            text = text.replace(&format!("{{{name}}}"), canary);
        }
        std::fs::write(folder.path().join("app-config.yaml"), text).unwrap();
        Self {
            folder,
            canaries,
            spacelift,
        }
    }

    fn start(&self, arguments: &[&str]) -> Binary {
        let arguments = [arguments, &["--config=app-config.yaml"]].concat();
        Binary::start(self.folder.path(), &arguments, &LOUD)
    }

    /// Runs a command to its end and returns what it printed.
    async fn run(&self, arguments: &[&str]) -> String {
        let binary = self.start(arguments);
        let (_, printed) = tokio::task::spawn_blocking(|| binary.ended()).await.unwrap();
        assert!(!printed.is_empty(), "{arguments:?} says something");
        printed
    }

    /// Names of the canaries found in the text, as they are and as base64 hides or shows them.
    fn found_in(&self, text: &str) -> Vec<&str> {
        let seen = |canary: &str| {
            let decoded = STANDARD
                .decode(canary)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            text.contains(canary)
                || text.contains(STANDARD.encode(canary).trim_end_matches('='))
                || decoded.is_some_and(|decoded| text.contains(&decoded))
        };
        let found = self.canaries.iter().filter(|(_, canary)| seen(canary));
        found.map(|(name, _)| name.as_str()).collect()
    }
}

/// One canary for each `{name}`: recognisable, long enough for any rule, base64 where the format asks for it.
fn canaries(text: &str) -> BTreeMap<String, String> {
    let ends = text.split('}').filter_map(|before| before.rsplit_once('{'));
    let names = ends.map(|(_, name)| name);
    names
        .filter(|name| !name.is_empty() && name.chars().all(|each| each == '-' || each.is_ascii_lowercase()))
        .map(|name| {
            let canary = format!("canary-{name}-sings-in-the-mine-0123456789");
            let base64 = matches!(name, "old-key" | "legacy-secret");
            (
                name.to_owned(),
                if base64 { STANDARD.encode(canary) } else { canary },
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_bearer_token_is_printed_whatever_happens() {
    let mine = Mine::dig().await;
    let stagedoor = mine.start(&["serve", "--listen=127.0.0.1:0"]);
    let base = stagedoor.base();
    let sent = drive(&mine, &base).await;
    let (status, printed) = tokio::task::spawn_blocking(|| stagedoor.terminated())
        .await
        .unwrap();
    assert!(status.success(), "{status}: {printed}");
    assert!(printed.contains("/stacks"), "the requests are logged: {printed}");
    assert!(
        printed.contains("reqwest::"),
        "the libraries are loud, or this test proves little: {printed}"
    );
    assert_eq!(mine.found_in(&printed), Vec::<&str>::new());
    for token in sent.iter().chain(&sessions(&mine.spacelift)) {
        assert!(
            !printed.contains(token.as_str()),
            "a token of {} bytes was printed",
            token.len()
        );
    }
}

/// Good calls and bad ones, with Spacelift well and unwell; returns every credential that was sent.
async fn drive(mine: &Mine, base: &str) -> Vec<String> {
    let client = Client::builder().no_proxy().build().unwrap();
    let good = mine.canaries["static-token"].as_str();
    let bad = [
        "canary-wrong-bearer".to_owned(),
        format!("{good}-and-more"),
        jwt("vnd.backstage.user"),
        jwt("vnd.backstage.plugin"),
        jwt("vnd.backstage.limited-user"),
    ];
    let list = format!("{base}/api/spacelift-io/stacks");
    for token in bad.iter().map(String::as_str).chain([good]) {
        ask(client.get(&list).bearer_auth(token)).await;
        ask(client.get(format!("{base}/api/ske/resource")).bearer_auth(token)).await;
        ask(client
            .get(&list)
            .header("cookie", format!("backstage-auth={token}")))
        .await;
        ask(client.get(&list).basic_auth("user", Some(token))).await;
    }
    let trigger = format!("{base}/api/spacelift-io/stacks/production-network/trigger");
    let body = "{\"password\": \"canary-in-a-body\"";
    ask(client
        .post(&trigger)
        .bearer_auth(good)
        .header("content-type", "application/json")
        .body(body))
    .await;
    ask(client.post(&trigger).bearer_auth(good)).await;
    for fault in faults() {
        mine.spacelift.clear_faults();
        mine.spacelift.always_fail(Target::Any, fault);
        ask(client.get(&list).bearer_auth(good)).await;
        ask(client.post(&trigger).bearer_auth(good)).await;
    }
    mine.spacelift.clear_faults();
    mine.spacelift
        .rotate_secret(SecretString::from("canary-new-secret"));
    mine.spacelift.revoke_tokens();
    ask(client.get(&list).bearer_auth(good)).await;
    mine.spacelift.stop();
    ask(client.get(&list).bearer_auth(good)).await;
    bad.into_iter()
        .chain([
            good.to_owned(),
            "canary-in-a-body".to_owned(),
            STANDARD.encode(format!("user:{good}")),
        ])
        .collect()
}

/// A token of this type that nobody signed.
fn jwt(typ: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = part(&format!("{{\"typ\":\"{typ}\",\"alg\":\"ES256\",\"kid\":\"k\"}}"));
    let claims =
        part("{\"sub\":\"user:default/canary\",\"aud\":\"spacelift-io\",\"iat\":1,\"exp\":4102444800}");
    format!("{header}.{claims}.Y2FuYXJ5LXNpZ25hdHVyZQ")
}

fn faults() -> [Fault; 5] {
    [
        Fault::html(502),
        Fault::json(500, "something broke"),
        Fault::RateLimited {
            retry_after: Some("0".to_owned()),
        },
        Fault::CutJson,
        // The last: a refused key is remembered, and no call after it reaches Spacelift for a while.
        Fault::unauthorized(),
    ]
}

async fn ask(request: reqwest::RequestBuilder) {
    let answer = request.send().await.expect("there is always an answer");
    answer.bytes().await.expect("it comes to its end");
}

/// The session tokens Spacelift was shown.
fn sessions(spacelift: &Simulator) -> Vec<String> {
    let requests = spacelift.requests();
    let headers = requests
        .iter()
        .filter_map(|request| request.headers.get("authorization")?.to_str().ok());
    let tokens: Vec<String> = headers
        .filter_map(|header| Some(header.split_once(' ')?.1.to_owned()))
        .collect();
    assert!(!tokens.is_empty(), "Spacelift was asked");
    tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_prints_a_secret_unless_asked_to() {
    let mine = Mine::dig().await;
    for command in [
        &["config", "print"][..],
        &["config", "print", "--format=json"],
        &["config", "check"],
        &["check"],
    ] {
        let printed = mine.run(command).await;
        assert_eq!(mine.found_in(&printed), Vec::<&str>::new(), "{command:?}");
    }
    let printed = mine.run(&["config", "print", "--show-secrets"]).await;
    assert_eq!(
        mine.found_in(&printed).len(),
        mine.canaries.len(),
        "the search itself finds what is there: {printed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_refused_is_refused_without_its_values() {
    let mine = Mine::dig().await;
    let file = mine.folder.path().join("app-config.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    // A list where a string belongs; and text that is no YAML at all.
    let wrong_types =
        ["api-secret", "static-token", "legacy-secret"]
            .iter()
            .fold(text.clone(), |text, name| {
                let canary = format!("'{}'", mine.canaries[*name]);
                text.replace(&canary, &format!("[{canary}]"))
            });
    for broken in [wrong_types, format!("{text}\n  : : [")] {
        std::fs::write(&file, broken).unwrap();
        for command in [
            &["serve", "--listen=127.0.0.1:0"][..],
            &["config", "check"],
            &["check"],
        ] {
            let printed = mine.run(command).await;
            assert_eq!(
                mine.found_in(&printed),
                Vec::<&str>::new(),
                "{command:?}: {printed}"
            );
        }
    }
}
