//! Whole configurations: what is shown of them, and what the log is searched for.

use super::*;
use crate::config::{json, yaml};

const FILE: &str = r#"
backend:
  auth: {externalAccess: [{type: static, options: {token: static-token-1, subject: ci}}], keys: [{secret: old-plugin-key}]}
  https: {certificate: {cert: public, key: private-part}}
  cors: {credentials: true, origin: 'http://localhost:3000', allowedHeaders: [x-shown]}
  database:
    client: pg
    connection: {host: db.example, port: 5432, user: backstage, database: portal, password: pw, application_name: hidden-name,
                 ssl: {ca: hidden-ca-1, key: hidden-key-1, rejectUnauthorized: false}}
    plugin: {catalog: {connection: 'postgres://u:p%40ssword1@db/x'}}
  cache: {store: redis, connection: 'redis://:cachepw@redis:6379'}
spacelift: {hostUrl: 'https://x.app.spacelift.io', apiKey: key-id-01, apiSecret: key-secret}
ske: {scm: {token: scm-token-1}}
kubernetes: {clusterLocatorMethods: [{type: config, clusters: [{url: u, serviceAccountToken: sa-token-1, caData: ca}]}]}
integrations: {github: [{host: github.com, token: gh-token-1, apps: [{appId: 1, privateKey: "-----BEGIN-----\nabcdefghij\n", webhookSecret: short}]}]}
auth: {session: {secret: 1234567890}, providers: {oidc: {production: {clientId: public-id, clientSecret: oidc-secret}}}}
proxy: {endpoints: {/x: {target: 'https://u:pw-in-url@h/open', auth: 'me:proxy-password', headers: {Authorization: Bearer header-bearer, X-Plain: header-plain, X-Many: [header-list]}}}}
other:
  pat: pat-value-1
  deep: [{bearer: bearer-value, psk: psk-value-1}, [{slackWebhook: 'https://hooks.example/services/hooked'}]]
  credentials: {user: deep-user, list: [deep-list-1], flag: true}
  env: [{name: API_TOKEN, value: env-value-1}, {name: COLOUR, value: blue}]
  json: '{"type":"service_account","private_key":"json-secret-1"}'
  yaml: "user: u\npassword: yaml-secret-1\n"
  text: 'Note: a token is needed'
  address: https://h/feed/scm-token-1-and-more/x
"#;

fn value() -> Value {
    yaml::parse(FILE.as_bytes()).unwrap().unwrap()
}

const HIDDEN: &[&str] = &[
    "static-token-1",
    "old-plugin-key",
    "private-part",
    "\"pw\"",
    "hidden-name",
    "hidden-ca-1",
    "hidden-key-1",
    "false",
    "p%40ssword1",
    "cachepw",
    "key-id-01",
    "key-secret",
    "scm-token-1\"",
    "sa-token-1",
    "\"ca\":\"ca\"",
    "gh-token-1",
    "abcdefghij",
    "short",
    "1234567890",
    "oidc-secret",
    "pw-in-url",
    "me:proxy",
    "header-bearer",
    "header-plain",
    "header-list",
    "pat-value-1",
    "bearer-value",
    "psk-value-1",
    "hooked",
    "deep-user",
    "deep-list-1",
    "env-value-1",
    "json-secret-1",
    "yaml-secret-1",
];

#[test]
fn every_secret_is_masked_and_nothing_else() {
    let text = json::to_json(&redacted(&value())).to_string();
    for secret in HIDDEN {
        assert!(!text.contains(secret), "{secret} is left in {text}");
    }
    for public in [
        "\"subject\":\"ci\"",
        "\"credentials\":true",
        "public-id",
        "\"cert\":\"public\"",
        "\"appId\":1",
        "\"client\":\"pg\"",
        "\"host\":\"db.example\"",
        "\"port\":5432",
        "\"user\":\"backstage\"",
        "\"database\":\"portal\"",
        "https://<secret>@h/open",
        "Note: a token is needed",
        "x-shown",
        "\"value\":\"blue\"",
        "\"store\":\"redis\"",
    ] {
        assert!(text.contains(public), "{public} is missing from {text}");
    }
}

#[test]
fn a_long_secret_inside_another_text_is_masked_there() {
    let text =
        "stagedoor: {feedSecret: 0123456789abcdef}\ncatalog: [{target: 'http://h/0123456789abcdef/x'}]";
    let value = yaml::parse(text.as_bytes()).unwrap().unwrap();
    let shown = json::to_json(&redacted(&value)).to_string();
    assert!(shown.contains("http://h/<secret>/x"), "{shown}");
}

#[test]
fn the_log_is_searched_for_secrets_and_their_parts() {
    let secrets = secret_values(&value());
    assert!(secrets.is_sorted_by_key(|text| std::cmp::Reverse(text.len())));
    for secret in [
        "static-token-1",
        "p@ssword1",
        "p%40ssword1",
        "abcdefghij",
        "pw-in-url",
        "scm-token-1",
        "short",
        "pw",
        "proxy-password",
        "header-bearer",
        "header-plain",
        "1234567890",
        "hidden-key-1",
        "json-secret-1",
        "services/hooked",
        "deep-list-1",
    ] {
        assert!(secrets.iter().any(|known| known == secret), "{secret} is missing");
    }
    for plain in [
        "-----BEGIN-----",
        "backstage",
        "true",
        "db.example",
        "5432",
        "public",
    ] {
        assert!(secrets.iter().all(|secret| secret != plain), "{plain}");
    }
}

#[test]
fn variables_with_names_of_secrets_are_searched_for() {
    let environment = Environment::from_pairs([
        ("MY_TOKEN", "from-a-variable"),
        ("PWD", "/home"),
        ("HOME", "/root"),
    ]);
    assert_eq!(secret_variables(&environment), ["from-a-variable"]);
}
