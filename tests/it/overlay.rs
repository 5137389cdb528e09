//! Stagedoor over the configuration of a portal that is there already: what is lost, what is missing, what to add.

use std::path::Path;

use serde_json::Value as Json;
use stagedoor::plugins;
use tempfile::TempDir;

use crate::support::{
    app::{TestApp, backend_section},
    binary::Binary,
};

const VARIABLES: &[(&str, &str)] = &[
    ("KEY", "the-key-of-spacelift"),
    ("FEED", "0123456789abcdef0123456789abcdef"),
    ("PORTAL", "http://localhost:7007"),
];

const SPACELIFT: &str =
    "spacelift: { hostUrl: example.app.spacelift.io, apiKey: '${KEY}', apiSecret: '${KEY}' }\n";

const SKE: &str =
    "ske: { mode: gitops, scm: { repoUrl: 'https://127.0.0.1:9/a/b.git', type: github, token: '${KEY}' } }
stagedoor: { listen: ':7010', ske: { pendingRequests: { feedSecret: '${FEED}' } } }\n";

/// Lists of a portal that all have to stay.
const LISTS: &str = "backend:
  baseUrl: ${PORTAL}
  csp: { connect-src: [\"'self'\", 'https://analytics.example'] }
  actions: { pluginSources: [catalog, scaffolder] }
  reading: { allow: [{ host: example.org, paths: [/a] }, { host: '*.example.net' }] }
catalog:
  locations: [{ type: file, target: ../../entities.yaml, rules: [{ allow: [User] }] }, { type: url, target: 'https://h/c.yaml' }]
discovery: { $include: discovery.yaml }
";

const INCLUDED: &str = "endpoints:
  - { target: '${PORTAL}/api/{{pluginId}}', plugins: [auth, catalog, permission] }
  - { target: { internal: 'http://other:1/api/{{pluginId}}' }, plugins: [other] }
";

struct Portal(TempDir);

impl Portal {
    fn with(app_config: &str) -> Self {
        let portal = Self(tempfile::tempdir().unwrap());
        portal.write("app-config.yaml", app_config);
        portal.write("discovery.yaml", INCLUDED);
        portal
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let binary = Binary::start(Path::new(self.0.path()), arguments, VARIABLES);
        let (status, printed) = tokio::task::spawn_blocking(|| binary.ended()).await.unwrap();
        (status.code(), printed)
    }

    async fn merged(&self, files: &[&str]) -> Json {
        let print = ["config", "print", "--show-secrets", "--format", "json"];
        let (code, printed) = self.run(&[&print[..], files].concat()).await;
        assert_eq!(code, Some(0), "{printed}");
        serde_json::from_str(&printed).unwrap()
    }
}

/// Every item of every list of `before` is in that list of `after`.
fn nothing_is_lost(before: &Json, after: &Json) {
    match (before, after) {
        (Json::Object(before), _) => {
            before
                .iter()
                .for_each(|(key, before)| nothing_is_lost(before, &after[key]));
        }
        (Json::Array(before), Json::Array(after)) => {
            for item in before {
                assert!(after.contains(item), "{item} is lost in {after:?}");
            }
        }
        _ => assert_eq!(before, after),
    }
}

#[tokio::test]
async fn the_lines_that_are_printed_complete_a_portal_and_take_nothing_away() {
    let bare = "backend: { baseUrl: 'http://localhost:7007' }\n";
    let in_front = "stagedoor: { listen: ':7007', upstream: 'http://localhost:7008' }\n";
    let wrong = "discovery: { endpoints: [{ target: 'http://localhost:7009/api/{{pluginId}}', plugins: [spacelift-io] }] }\n\
                 stagedoor: { listen: ':7008' }\n";
    for app_config in [
        format!("{bare}{SPACELIFT}"),
        format!("{LISTS}{SPACELIFT}{SKE}"),
        format!("{bare}{SPACELIFT}{in_front}"),
        format!("{LISTS}{SPACELIFT}stagedoor: {{ listen: ':7017', upstream: 'http://localhost:7007' }}\n"),
        format!("{bare}{SPACELIFT}{wrong}"),
    ] {
        let portal = Portal::with(&app_config);
        let (code, lines) = portal.run(&["config", "lines"]).await;
        assert_eq!(code, Some(0), "{lines}");
        for (_, secret) in &VARIABLES[..2] {
            assert!(!lines.contains(secret), "{lines}");
        }
        portal.write("lines.yaml", &lines);
        let both = ["--config=app-config.yaml", "--config=lines.yaml"];
        let (code, checked) = portal.run(&[&["config", "check"][..], &both].concat()).await;
        assert_eq!(code, Some(0), "{checked}\n{lines}");
        for bad in ["does not find", "no longer named", "actions are off"] {
            assert!(!checked.contains(bad), "{checked}\n{lines}");
        }
        nothing_is_lost(&portal.merged(&both[..1]).await, &portal.merged(&both).await);
        let (_, again) = portal.run(&[&["config", "lines"][..], &both].concat()).await;
        assert!(again.contains("has all lines"), "{again}\nafter\n{lines}");
    }
}

#[tokio::test]
async fn a_list_with_a_secret_is_not_printed_but_explained() {
    let app_config = format!(
        "{LISTS}{SPACELIFT}{}",
        SKE.replace("${FEED}", "fedcba9876543210fedcba9876543210")
    );
    let app_config = app_config.replace("https://h/c.yaml", "https://u:in-the-clear@h/c.yaml");
    let (_, lines) = Portal::with(&app_config).run(&["config", "lines"]).await;
    assert!(
        !lines.contains("in-the-clear") && !lines.contains("fedcba98"),
        "{lines}"
    );
    assert!(lines.contains("# catalog.locations: add {type: url"), "{lines}");
}

#[tokio::test]
async fn what_an_overlay_takes_from_a_portal_is_named_with_the_files() {
    let portal = Portal::with(&format!(
        "{LISTS}{SPACELIFT}  \nstagedoor: {{ listen: ':7008' }}\n"
    ));
    portal.write(
        "overlay.yaml",
        "backend: { actions: { pluginSources: [spacelift-io] } }\n\
         discovery: { endpoints: [{ target: 'http://localhost:7008/api/{{pluginId}}', plugins: [spacelift-io] }] }\n\
         catalog: { locations: [{ type: file, target: ours.yaml }] }\n",
    );
    let files = ["--config=app-config.yaml", "--config=overlay.yaml"];
    let (code, checked) = portal.run(&[&["config", "check"][..], &files].concat()).await;
    assert_eq!(code, Some(0), "{checked}");
    for said in [
        "overlay.yaml replaces the list backend.actions.pluginSources of app-config.yaml; no longer named: catalog, scaffolder",
        "overlay.yaml replaces the list discovery.endpoints of app-config.yaml; no longer named: \
         http://localhost:7007/api/{{pluginId}} (auth, catalog, permission), http://other:1/api/{{pluginId}} (other)",
        "overlay.yaml replaces the list catalog.locations of app-config.yaml; no longer named: ../../entities.yaml",
    ] {
        assert!(checked.contains(said), "{said} is missing in:\n{checked}");
    }
}

/// What stands in the file, what the warning says, and whether actions are on.
const SHAPES: &[(&str, &str, bool)] = &[
    (
        "",
        "no entry of discovery.endpoints names it, so it is looked for at backend.baseUrl",
        false,
    ),
    (
        "discovery: { endpoints: [{ target: 'http://localhost:7009/api/{{pluginId}}', plugins: [spacelift-io] }] }",
        "discovery.endpoints[0].target leads to port 7009 of this machine, while Stagedoor listens on 17007",
        false,
    ),
    (
        "discovery: { endpoints: [{ target: 'http://s:17007/api/x', plugins: [spacelift-io, ske] }] }",
        "has no {{pluginId}}, so all plugins of the entry are looked for at http://s:17007/api/x",
        false,
    ),
    (
        "discovery: { endpoints: [{ target: 'http://s:17007/{{pluginId}}', plugins: ['*'] }] }",
        "leads to /spacelift-io, while Stagedoor answers at /api/spacelift-io",
        false,
    ),
    (
        "discovery: { endpoints: [{ target: { internal: 'http://s/api/{{pluginId}}' }, plugins: [spacelift-io] }] }",
        "has no external half, so browsers look for it at backend.baseUrl",
        false,
    ),
    (
        "discovery: { endpoints: [{ target: 'http://s:1/api/{{pluginId}}', plugins: [spacelift-io] }] }",
        "",
        false,
    ),
    ("stagedoor: { upstream: 'http://localhost:7008' }", "", false),
    (
        "  actions: { pluginSources: [spacelift-io] }\nstagedoor: { upstream: 'http://localhost:7008' }",
        "so Templates look for its actions at Backstage itself",
        true,
    ),
    (
        "  actions: { pluginSources: [spacelift-io] }\nstagedoor: { upstream: 'http://localhost:7008' }\n\
      discovery: { endpoints: [{ target: { internal: 'http://localhost:7008/api/{{pluginId}}' }, plugins: [spacelift-io] }] }",
        "leads to stagedoor.upstream, which is Backstage itself",
        true,
    ),
];

#[tokio::test]
async fn why_a_portal_does_not_find_us_is_said_by_shape() {
    let spacelift = SPACELIFT.replace("${KEY}", "some-key");
    for (lines, expected, actions) in SHAPES {
        let app_config = format!("{}{lines}\n{spacelift}", backend_section());
        let portal = TestApp::portal(&app_config, plugins::register).await;
        match expected.is_empty() {
            true => assert_eq!(portal.warnings, Vec::<String>::new(), "{lines}"),
            false => assert!(
                portal.warnings.len() == 1 && portal.warnings[0].contains(expected),
                "{lines}: {:?}",
                portal.warnings
            ),
        }
        let [on] = &portal.on[..] else {
            panic!("{:?}", portal.on)
        };
        assert_eq!(
            on.contains("with actions for Templates"),
            *actions,
            "{lines}: {on}"
        );
        assert_eq!(
            portal.off,
            ["ske is off, because app-config has no 'ske' section"]
        );
    }
}

#[tokio::test]
async fn a_problem_that_several_find_is_told_once() {
    let portal = Portal::with("app: {}\n");
    let (code, printed) = portal.run(&["config", "check"]).await;
    assert_eq!(code, Some(64), "{printed}");
    assert_eq!(printed.matches("'backend.baseUrl'").count(), 1, "{printed}");
}
