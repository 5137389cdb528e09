//! Where plugins are looked for.

use stagedoor::backstage::discovery::Discovery;

use super::service::reader;
use crate::support::app::{TestApp, backend_section};

const BASE: &str = "backend: { baseUrl: 'https://portal.example.com/', listen: ':7008' }\n";

fn discovery(yaml: &str) -> Discovery {
    Discovery::from_config(&reader(yaml), &["sample"]).unwrap()
}

fn problems(yaml: &str) -> Vec<String> {
    let errors = Discovery::from_config(&reader(yaml), &["sample"]).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn an_id_that_is_not_listed_is_at_the_portal() {
    assert_eq!(
        discovery(BASE).internal_base("catalog"),
        "https://portal.example.com/api/catalog"
    );
    let in_front = discovery(&format!(
        "{BASE}stagedoor: {{ upstream: 'http://backstage:7007/' }}"
    ));
    assert_eq!(
        in_front.internal_base("catalog"),
        "http://backstage:7007/api/catalog"
    );
    assert_eq!(
        in_front.external_base("catalog"),
        "https://portal.example.com/api/catalog"
    );
}

#[test]
fn an_id_we_serve_is_ourselves_whatever_is_listed() {
    let yaml =
        "discovery: { endpoints: [{ target: 'http://stagedoor:7008/api/{{pluginId}}', plugins: [sample] }] }";
    let found = discovery(&format!("{BASE}{yaml}"));
    assert!(found.serves("sample") && !found.serves("catalog"));
    assert_eq!(found.internal_base("sample"), "http://localhost:7008/api/sample");
    assert_eq!(found.external_base("sample"), "http://stagedoor:7008/api/sample");
}

#[test]
fn halves_the_star_and_the_last_entry_behave_as_in_backstage() {
    let found = discovery(&format!(
        "{BASE}discovery:\n  endpoints:\n    - {{ target: 'http://any/{{{{ pluginId }}}}', plugins: ['*'] }}\n    - {{ target: \
         'http://first', plugins: [search] }}\n    - {{ target: {{ internal: 'http://in/x' }}, plugins: [search, auth] }}\n"
    ));
    assert_eq!(found.internal_base("search"), "http://in/x");
    assert_eq!(
        found.external_base("search"),
        "https://portal.example.com/api/search"
    );
    assert_eq!(found.internal_base("a b/c"), "http://any/a%20b%2Fc");
    assert!(found.names("auth") && !found.names("a b/c"));
}

#[test]
fn an_id_that_would_be_looked_for_at_ourselves_is_refused_with_the_cures() {
    for yaml in [
        "backend: { baseUrl: 'http://localhost:7007' }",
        "backend: { baseUrl: 'http://127.0.0.1:7007', listen: '0.0.0.0:7007' }",
        "backend: { baseUrl: 'http://portal:80', listen: { host: portal, port: 80 } }",
        "backend: { baseUrl: 'http://portal' }\ndiscovery: { endpoints: [{ target: 'http://localhost:7007/api/{{pluginId}}', \
         plugins: [auth] }] }",
    ] {
        let found = problems(yaml);
        assert_eq!(found.len(), 1, "{yaml}");
        for cure in [
            "'auth'",
            "'discovery.endpoints'",
            "'stagedoor.upstream'",
            "'stagedoor.listen'",
        ] {
            assert!(found[0].contains(cure), "{found:?}");
        }
    }
}

#[test]
fn an_upstream_that_is_ourselves_is_refused_by_its_own_name() {
    let problems =
        problems("backend: { baseUrl: 'http://portal' }\nstagedoor: { upstream: 'http://[::1]:7007' }");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("'stagedoor.upstream' is this service itself"),
        "{problems:?}"
    );
}

#[test]
fn a_reload_moves_the_endpoints_and_neither_the_portal_nor_ourselves() {
    let before = discovery(&format!(
        "{BASE}stagedoor: {{ upstream: 'http://backstage:7007' }}"
    ));
    let newer = "backend: { baseUrl: 'https://other.example.com', listen: ':9999' }\nstagedoor: { upstream: \
                 'http://elsewhere:7007' }\ndiscovery: { endpoints: [{ target: 'http://search/x', plugins: [search] }] }";
    let after = before.following(&reader(newer)).unwrap();
    assert_eq!(after.internal_base("search"), "http://search/x");
    assert_eq!(
        after.internal_base("catalog"),
        "http://backstage:7007/api/catalog"
    );
    assert_eq!(
        after.external_base("catalog"),
        "https://portal.example.com/api/catalog"
    );
    assert!(after.serves("sample"));
    assert_eq!(after.internal_base("sample"), "http://localhost:7008/api/sample");
    let here = "discovery: { endpoints: [{ target: 'http://localhost:7008/x', plugins: [search] }] }";
    assert!(before.following(&reader(&format!("{BASE}{here}"))).is_err());
}

#[test]
fn a_plugin_of_ours_that_is_off_may_be_looked_for_here() {
    let yaml = format!(
        "{BASE}discovery: {{ endpoints: [{{ target: 'http://localhost:7008/api/{{{{pluginId}}}}', plugins: [spacelift, other] }}] }}"
    );
    let errors = Discovery::with_plugins_off(&reader(&yaml), &["sample"], &["spacelift"], None).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().contains("'other'"));
    let found = Discovery::with_plugins_off(&reader(&yaml), &[], &["spacelift", "other"], None).unwrap();
    assert!(!found.serves("spacelift"));
    assert_eq!(
        found.internal_base("spacelift"),
        "http://localhost:7008/api/spacelift"
    );
}

#[tokio::test]
async fn a_plugin_without_a_section_answers_501_though_discovery_points_here() {
    let here =
        "discovery: { endpoints: [{ target: 'http://localhost:17007/api/{{pluginId}}', plugins: [ske] }] }";
    let app = TestApp::start(&format!("{}{here}\n", backend_section())).await;
    assert_eq!(app.get("/api/ske/anything").await.status(), 501);
}

#[test]
fn a_port_of_our_own_is_enough() {
    let yaml =
        "backend: { baseUrl: 'http://localhost:7007', listen: ':7007' }\nstagedoor: { listen: ':7008' }";
    assert_eq!(
        discovery(yaml).internal_base("auth"),
        "http://localhost:7007/api/auth"
    );
}

#[test]
fn the_listen_argument_counts_more_than_the_configuration() {
    let yaml = "backend: { baseUrl: 'http://localhost:7007', listen: ':7007' }";
    let elsewhere = Discovery::listening_at(&reader(yaml), &["sample"], Some("127.0.0.1:7008")).unwrap();
    assert_eq!(
        elsewhere.internal_base("sample"),
        "http://127.0.0.1:7008/api/sample"
    );
    assert!(Discovery::listening_at(&reader(yaml), &["sample"], Some("[::1]:7007")).is_err());
    assert!(Discovery::listening_at(&reader(yaml), &["sample"], Some("nowhere")).is_err());
}

#[test]
fn targets_that_cannot_be_called_are_refused_with_their_key() {
    for target in ["'http+srv://portal/api'", "'ftp://x'", "'/api'", "'http://'"] {
        let found = problems(&format!(
            "{BASE}discovery: {{ endpoints: [{{ target: {target}, plugins: [auth] }}] }}"
        ));
        assert!(found[0].contains("discovery.endpoints[0].target"), "{found:?}");
    }
    assert!(problems("backend: { listen: ':7008' }")[0].contains("backend.baseUrl"));
}

#[test]
fn our_own_address_is_written_as_backstage_writes_it() {
    for (listen, own) in [
        ("':80'", "http://localhost:80"),
        ("'0.0.0.0:80'", "http://127.0.0.1:80"),
        ("{ host: '::', port: 80 }", "http://localhost:80"),
        ("{ host: 'fd00::1', port: 80 }", "http://[fd00::1]:80"),
        ("'8080'", "http://localhost:8080"),
        ("{ host: box, port: 81 }", "http://box:81"),
    ] {
        let yaml = format!("backend: {{ baseUrl: 'https://portal', listen: {listen} }}");
        assert_eq!(
            discovery(&yaml).internal_base("sample"),
            format!("{own}/api/sample")
        );
    }
}
