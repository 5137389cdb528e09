//! What is legal in app-config and probably not meant is said once, with its key and never its value.

use stagedoor::plugins;

use crate::support::app::{TestApp, backend_section};

async fn warnings(app_config: &str) -> Vec<String> {
    TestApp::warnings(&format!("{}{app_config}", backend_section()), plugins::register).await
}

#[tokio::test]
async fn a_mistyped_key_of_ours_is_named_wherever_it_stands() {
    let warnings = warnings(
        "spacelift: { hostUrl: demo.app.spacelift.io, apiKey: k, apiSecret: s, readonly: true }\n\
         stagedoor: { spacelift: { cacheTTL: 5s }, ske: { allow: [{ group: g, kind: [sesame] }] } }\n",
    )
    .await;
    let all = warnings.join("\n");
    for key in [
        "spacelift.readonly",
        "stagedoor.spacelift.cacheTTL",
        "stagedoor.ske.allow[0].kind",
    ] {
        assert!(
            all.contains(&format!("{key} is not a key")),
            "{key} is missing in:\n{all}"
        );
    }
    assert_eq!(warnings.len(), 3, "{all}");
    assert!(!all.contains("sesame"));
}

/// What stands in the file, the key that is wrong, and what was meant.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "spacelift: { hostUrl: a.b, apiKey: k, apiSecret: s, readonly: true }",
        "spacelift.readonly",
        "spacelift.readOnly",
    ),
    (
        "spacelift: { hostUrl: a.b, apiKey: k, apiSecret: s, endpoint: x }",
        "spacelift.endpoint",
        "stagedoor.spacelift.endpoint",
    ),
    (
        "spacelift: { hostUrl: a.b, apiKey: k, apiSecret: s, apiKeyId: x }",
        "spacelift.apiKeyId",
        "spacelift.apiKey",
    ),
    (
        "stagedoor: { writeCallers: [] }",
        "stagedoor.writeCallers",
        "stagedoor.actions.writeCallers",
    ),
    (
        "stagedoor: { datadir: x }",
        "stagedoor.datadir",
        "stagedoor.dataDir",
    ),
    (
        "stagedoor: { cacheTtl: 5s }",
        "stagedoor.cacheTtl",
        "stagedoor.permission.cacheTtl or stagedoor.spacelift.cacheTtl",
    ),
    (
        "stagedoor: { ske: { repository: [] } }",
        "stagedoor.ske.repository",
        "stagedoor.ske.repositories",
    ),
    ("stagedor: { listen: 1 }", "stagedor", "stagedoor"),
    (
        "externalAccess: []",
        "externalAccess",
        "backend.auth.externalAccess",
    ),
    (
        "discovery: { endpoint: [] }",
        "discovery.endpoint",
        "discovery.endpoints",
    ),
    (
        "discovery: { endpoints: [{ target: 'http://h', plugins: [x] }], plugins: [y] }",
        "discovery.plugins",
        "discovery.endpoints.plugins",
    ),
    (
        "permission: { enable: true }",
        "permission.enable",
        "permission.enabled",
    ),
    (
        "kubernetes: { clusters: [] }",
        "kubernetes.clusters",
        "kubernetes.clusterLocatorMethods.clusters",
    ),
    (
        "app: { baseURL: 'http://localhost:3000' }",
        "app.baseURL",
        "app.baseUrl",
    ),
    (
        "auth: { externalAccess: [] }",
        "auth.externalAccess",
        "backend.auth.externalAccess",
    ),
];

#[tokio::test]
async fn a_key_in_the_wrong_place_or_spelling_is_told_the_right_one() {
    for (app_config, wrong, right) in MISTAKES {
        let found: Vec<_> = warnings(&format!("{app_config}\n"))
            .await
            .into_iter()
            .filter(|text| text.contains("is not a key"))
            .collect();
        let expected = format!("{wrong} is not a key Stagedoor knows; did you mean {right}?");
        assert_eq!(found, [expected], "{app_config}");
    }
}

#[tokio::test]
async fn a_mistake_in_the_backend_section_is_told_too() {
    let backend = backend_section();
    for (lines, wrong, right) in [
        (
            "  externalAccess: []",
            "backend.externalAccess",
            "backend.auth.externalAccess",
        ),
        (
            "  pluginSources: [ske]",
            "backend.pluginSources",
            "backend.actions.pluginSources",
        ),
        (
            "  cors: { origins: 'http://localhost' }",
            "backend.cors.origins",
            "backend.cors.origin",
        ),
        (
            "  actions: { pluginsources: [ske] }",
            "backend.actions.pluginsources",
            "backend.actions.pluginSources",
        ),
        (
            "  database: { host: x, client: better-sqlite3 }",
            "backend.database.host",
            "backend.database.connection.host",
        ),
        (
            "  externalAcess: []",
            "backend.externalAcess",
            "backend.auth.externalAccess",
        ),
        (
            "  cors: { origin: 'http://a', origins: 'http://b' }",
            "backend.cors.origins",
            "backend.cors.origin",
        ),
        (
            "  externalAcess: []",
            "backend.externalAcess",
            "backend.auth.externalAccess",
        ),
        (
            "  cors: { origin: 'http://a', origins: 'http://b' }",
            "backend.cors.origins",
            "backend.cors.origin",
        ),
        ("  trustproxy: 1", "backend.trustproxy", "backend.trustProxy"),
    ] {
        let found = TestApp::warnings(&format!("{backend}{lines}\n"), plugins::register).await;
        let expected = format!("{wrong} is not a key Stagedoor knows; did you mean {right}?");
        assert_eq!(found, [expected], "{lines}");
    }
}

#[tokio::test]
async fn keys_that_others_read_in_shared_sections_are_no_noise() {
    let shared = "  cache: { store: redis, connection: x }
  workingDirectory: /tmp
  packages: { include: [] }
  metrics: { enabled: true }
  startup: { default: {} }
  csp: { script-src: ['x'], connect-sr: ['y'] }
  logger: { meta: { serviceName: x } }
app: { title: x, support: {}, packages: all, extensions: [], listen: {}, analytics: {} }
auth: { environment: development, session: {}, providers: { guest: {} }, keyStore: {} }
permission: { enabled: false, rbac: {} }
integrations:
  gitea: [{ host: x }]
  azure: [{ host: x }]
  github: [{ host: h, rawBaseUrl: 'https://h', apps: [] }]
  gitlab: [{ host: gitlab.com, commitSigningKey: x, retry: {} }]
kubernetes:
  frontend: {}
  customResources: []
  clusterLocatorMethods:
    - { type: gke, projectId: x, region: y, skipTLSVerify: true, authProvider: google }
    - { type: config, clusters: [{ name: x, title: y, dashboardUrl: z, skipMetricsLookup: true, customResources: [] }] }
techRadar: {}
organization: { name: x }
proxy: { endpoints: {} }
search: {}
";
    let found = TestApp::warnings(&format!("{}{shared}", backend_section()), plugins::register).await;
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn a_door_that_is_open_is_warned_of() {
    let open = "  auth:\n    dangerouslyDisableDefaultAuthPolicy: true\n";
    let config = backend_section().replacen("  auth:\n", open, 1);
    let warnings = TestApp::warnings(&config, plugins::register).await;
    let key = "backend.auth.dangerouslyDisableDefaultAuthPolicy is true";
    assert!(
        warnings.iter().any(|warning| warning.starts_with(key)),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_listen_address_read_as_another_is_warned_of() {
    let config = backend_section().replacen("':17007'", "'127.0.0.1'", 1);
    let warnings = TestApp::warnings(&config, plugins::register).await;
    let [warning] = warnings.as_slice() else {
        panic!("one warning: {warnings:?}")
    };
    assert!(
        warning.contains("backend.listen is read as port 127 of every interface"),
        "{warning}"
    );
}

#[tokio::test]
async fn keys_of_other_sections_are_none_of_our_business() {
    assert_eq!(
        warnings("catalog: { anything: 1 }\ntechdocs: { builder: '${NOT_SET}' }\n").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn an_optional_key_whose_variable_is_missing_is_named_with_the_variable() {
    let warnings = warnings("stagedoor: { tls: { caFile: '${EXTRA_CA}' } }\n").await;
    let [warning] = &warnings[..] else {
        panic!("{warnings:?}");
    };
    let said = "stagedoor.tls.caFile is left out because the environment variable EXTRA_CA is not set (asked for in ";
    assert!(
        warning.starts_with(said) && warning.contains("app-config.yaml"),
        "{warning}"
    );
}

#[tokio::test]
async fn a_host_url_that_breaks_the_pages_links_is_told_the_right_one() {
    for host_url in [
        "https://demo.app.spacelift.io/",
        "demo.app.spacelift.io/",
        " demo.app.spacelift.io",
    ] {
        let warnings = warnings(&format!(
            "spacelift: {{ hostUrl: '{host_url}', apiKey: k, apiSecret: s }}\n"
        ))
        .await;
        assert!(
            warnings.len() == 1
                && warnings[0]
                    .starts_with("spacelift.hostUrl should be 'demo.app.spacelift.io' and nothing else"),
            "{warnings:?}"
        );
    }
    let section = "spacelift: { hostUrl: demo.app.spacelift.io, apiKey: k, apiSecret: s }\n";
    assert_eq!(warnings(section).await, Vec::<String>::new());
}
