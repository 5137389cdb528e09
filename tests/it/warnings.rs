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
    assert_eq!(
        warnings,
        ["stagedoor.tls.caFile is left out because the environment variable EXTRA_CA is not set"]
    );
}
