//! What of `integrations.github` is accepted, what it defaults to, and what is said of the rest.

use secrecy::ExposeSecret as _;

use super::{
    GitHubIntegration, Owner,
    testing::{key, loaded},
};
use crate::config::{ConfigReader, Problems};

/// The integrations and the notices, or what is wrong.
fn read_all(reader: &ConfigReader) -> Result<(Vec<GitHubIntegration>, Vec<String>), Vec<String>> {
    let mut problems = Problems::default();
    match GitHubIntegration::read_all(reader, &mut problems) {
        Some(read) if problems.is_empty() => Ok((read, problems.into_notices())),
        _ => Err(problems.into_errors().iter().map(ToString::to_string).collect()),
    }
}

/// The first entry, with these lines in it.
async fn entry(lines: &str) -> Result<GitHubIntegration, Vec<String>> {
    let reader = loaded(&format!("integrations:\n  github:\n    - {lines}\n"), &[]).await;
    read_all(&reader).map(|(mut read, _)| read.remove(0))
}

fn app(more: &str) -> String {
    let pem = key().pkcs8.replace('\n', "\\n");
    format!("apps: [{{appId: 12, privateKey: '{pem}'{more}}}]")
}

#[tokio::test]
async fn an_entry_defaults_to_github_and_other_hosts_to_their_own_api() {
    let github = entry("token: t").await.unwrap();
    assert_eq!(github.key, "integrations.github[0]");
    assert_eq!(github.host, "github.com");
    assert_eq!(github.api_base_url.as_str(), "https://api.github.com/");
    let own = entry("host: GHE.example.com:8443").await.unwrap();
    assert_eq!(own.host, "ghe.example.com:8443");
    assert_eq!(own.api_base_url.as_str(), "https://ghe.example.com:8443/api/v3");
    let given = entry("{host: ghe.example.com, apiBaseUrl: 'https://api.example.com/x/'}").await;
    assert_eq!(given.unwrap().api_base_url.as_str(), "https://api.example.com/x/");
}

#[tokio::test]
async fn a_token_is_taken_without_blanks_and_must_be_one() {
    let read = entry(r#"token: " ghp_1\n""#).await.unwrap();
    assert_eq!(read.token.unwrap().expose_secret(), "ghp_1");
    for bad in [r#"token: "  ""#, r#"token: "canary\nmore""#, "token: 12"] {
        let problems = entry(bad).await.unwrap_err().join(" ");
        assert!(problems.contains("integrations.github[0].token"), "{problems}");
        assert!(!problems.contains("canary"), "{problems}");
    }
}

#[tokio::test]
async fn an_app_is_read_with_its_number_as_number_or_text() {
    let read = entry(&app("")).await.unwrap();
    assert_eq!(
        (read.apps[0].app_id, read.apps[0].key.as_str()),
        (12, "integrations.github[0].apps[0]")
    );
    let text = app("").replace("appId: 12", "appId: '12'");
    assert_eq!(entry(&text).await.unwrap().apps[0].app_id, 12);
    for bad in ["-1", "0", "1.5", "Iv1.client", "1e300"] {
        let text = app("").replace("appId: 12", &format!("appId: {bad}"));
        let problems = entry(&text).await.unwrap_err().join(" ");
        assert!(
            problems.contains("integrations.github[0].apps[0].appId"),
            "{bad}: {problems}"
        );
    }
}

#[tokio::test]
async fn a_private_key_that_is_none_is_named_and_not_shown() {
    let pem = key().pkcs8.replace('\n', "\\n");
    let cut = app("").replace(&pem, "canary-key");
    let problems = entry(&cut).await.unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("integrations.github[0].apps[0].privateKey"),
        "{problems:?}"
    );
    assert!(!problems[0].contains("canary"), "{problems:?}");
}

#[tokio::test]
async fn an_app_without_allowed_owners_is_for_all_and_an_empty_list_for_none() {
    let owner = Owner::parse("Acme").unwrap();
    let allows = async |more: &str| entry(&app(more)).await.unwrap().apps[0].allows(&owner);
    assert!(allows("").await);
    assert!(allows(", allowedInstallationOwners: [other, aCME]").await);
    assert!(!allows(", allowedInstallationOwners: [other]").await);
    assert!(!allows(", allowedInstallationOwners: []").await);
}

#[tokio::test]
async fn an_address_where_a_secret_would_be_seen_or_kept_is_refused() {
    for bad in [
        "http://ghe.example.com/api/v3",
        "https://robot:canary@ghe.example.com/api/v3",
        "https://ghe.example.com/api/v3?token=canary",
        "ftp://ghe.example.com",
        "ghe.example.com",
    ] {
        let problems = entry(&format!("apiBaseUrl: '{bad}'"))
            .await
            .unwrap_err()
            .join(" ");
        assert!(
            problems.contains("integrations.github[0].apiBaseUrl"),
            "{bad}: {problems}"
        );
        assert!(!problems.contains("canary"), "{problems}");
    }
    let loopback = entry("apiBaseUrl: 'http://127.0.0.1:3000/api/v3'").await;
    assert!(loopback.is_ok(), "{loopback:?}");
}

#[tokio::test]
async fn a_host_is_a_host_and_nothing_else() {
    for bad in [
        "https://github.com",
        "github.com/acme",
        "robot@github.com",
        "a b",
        "github.com:x",
    ] {
        let problems = entry(&format!("host: '{bad}'")).await.unwrap_err().join(" ");
        assert!(
            problems.contains("integrations.github[0].host"),
            "{bad}: {problems}"
        );
    }
}

#[tokio::test]
async fn a_missing_variable_is_a_notice_for_the_token_and_an_error_for_an_app() {
    let yaml = "integrations:\n  github:\n    - token: ${GITHUB_TOKEN}\n";
    let (read, notices) = read_all(&loaded(yaml, &[]).await).unwrap();
    assert!(read[0].token.is_none());
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("integrations.github[0].token") && notices[0].contains("GITHUB_TOKEN"));
    let yaml = "integrations:\n  github:\n    - apps: [{appId: '${APP_ID}', privateKey: '${APP_KEY}'}]\n";
    let problems = read_all(&loaded(yaml, &[]).await).unwrap_err();
    for (named, variable) in [("appId", "APP_ID"), ("privateKey", "APP_KEY")] {
        let wanted = format!("integrations.github[0].apps[0].{named}");
        let said = |problem: &String| problem.contains(&wanted) && problem.contains(variable);
        assert!(problems.iter().any(said), "{problems:?}");
    }
    let variables = [("APP_ID", "7"), ("APP_KEY", key().pkcs1.as_str())];
    let (read, _) = read_all(&loaded(yaml, &variables).await).unwrap();
    assert_eq!(read[0].apps[0].app_id, 7);
}

#[tokio::test]
async fn the_entry_of_a_host_is_the_first_with_a_credential_and_no_other_is_looked_at() {
    let yaml = "integrations:\n  github:\n    - host: other.example.com\n      apps: [{appId: none}]\n    \
                - host: github.com\n    - token: second\n    - token: third\n";
    let reader = loaded(yaml, &[]).await;
    let of = |host: &str| {
        let mut problems = Problems::default();
        let read = GitHubIntegration::for_host(&reader, host, &mut problems);
        (read, problems.into_errors().len())
    };
    let (read, errors) = of("GitHub.com");
    assert_eq!(
        (read.unwrap().unwrap().key.as_str(), errors),
        ("integrations.github[2]", 0)
    );
    assert_eq!(of("elsewhere.example.com"), (Some(None), 0));
    let (read, errors) = of("other.example.com");
    assert!(read.is_none() && errors > 0);
}

#[tokio::test]
async fn a_list_of_no_apps_is_no_credential_and_one_that_cannot_be_read_is_not_passed_over() {
    let chosen = async |first: &str| {
        let yaml = format!(
            "integrations:\n  github:\n    - {{ host: github.com, apps: {first} }}\n    - token: second\n"
        );
        let mut problems = Problems::default();
        let read = GitHubIntegration::for_host(&loaded(&yaml, &[]).await, "github.com", &mut problems);
        (
            read.flatten().map(|entry| entry.key),
            problems.into_errors().len(),
        )
    };
    assert_eq!(chosen("[]").await, (Some("integrations.github[1]".to_owned()), 0));
    assert_eq!(chosen("none").await, (None, 1));
    assert_eq!(chosen("[]").await, chosen("[], token: null").await);
}

#[tokio::test]
async fn a_reload_shows_whether_anything_changed_and_the_debug_form_shows_no_secret() {
    let first = entry(&app("")).await.unwrap();
    assert_eq!(first, entry(&app("")).await.unwrap());
    assert_ne!(
        first,
        entry(&app(", allowedInstallationOwners: [acme]")).await.unwrap()
    );
    assert_ne!(entry("token: canary-1").await, entry("token: canary-2").await);
    let other = app("").replace(
        &key().pkcs8.replace('\n', "\\n"),
        &key().pkcs1.replace('\n', "\\n"),
    );
    assert_ne!(first, entry(&other).await.unwrap());
    let shown = format!("{first:?} {:?}", entry("token: canary-1").await);
    assert!(!shown.contains("canary") && !shown.contains("MII"), "{shown}");
}
