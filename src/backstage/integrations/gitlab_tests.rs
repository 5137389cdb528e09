//! What of `integrations.gitlab` is accepted, what it defaults to, and what is said of the rest.

use secrecy::ExposeSecret as _;

use super::{
    CodeHost, GitLabIntegration,
    testing::{integrations, loaded, needing},
};

/// The first entry, with these lines in it.
async fn entry(lines: &str) -> Result<GitLabIntegration, Vec<String>> {
    let reader = loaded(&format!("integrations:\n  gitlab:\n    - {lines}\n"), &[]).await;
    let hosts = ["gitlab.com", "git.example.com:8443"];
    needing(&reader, &hosts).map(|(mut read, _)| read.gitlab.remove(0))
}

#[tokio::test]
async fn an_entry_defaults_to_gitlab_and_other_hosts_to_their_own_addresses() {
    let gitlab = entry("token: t").await.unwrap();
    assert_eq!(gitlab.key, "integrations.gitlab[0]");
    assert_eq!(
        (gitlab.host.as_str(), gitlab.base_url.as_str()),
        ("gitlab.com", "https://gitlab.com/")
    );
    assert_eq!(gitlab.api_base_url.as_str(), "https://gitlab.com/api/v4");
    let own = entry("host: Git.example.com:8443").await.unwrap();
    assert_eq!(own.api_base_url.as_str(), "https://git.example.com:8443/api/v4");
    assert!(own.token.is_none());
    let given =
        "{host: gitlab.com, apiBaseUrl: 'https://api.example.com/v4', baseUrl: 'https://example.com/gitlab'}";
    let given = entry(given).await.unwrap();
    assert_eq!(given.api_base_url.as_str(), "https://api.example.com/v4");
    assert_eq!(given.base_url.as_str(), "https://example.com/gitlab");
}

#[tokio::test]
async fn an_address_where_a_token_would_be_seen_is_refused_by_its_key_and_not_repeated() {
    for (key, bad) in [
        ("apiBaseUrl", "http://gitlab.com/api/v4"),
        ("apiBaseUrl", "https://robot:canary@gitlab.com/api/v4"),
        ("baseUrl", "https://gitlab.com?canary"),
        ("token", "canary\\nmore"),
    ] {
        let problems = entry(&format!("{key}: \"{bad}\"")).await.unwrap_err().join(" ");
        assert!(
            problems.contains(&format!("integrations.gitlab[0].{key}")),
            "{problems}"
        );
        assert!(!problems.contains("canary"), "{problems}");
    }
}

#[tokio::test]
async fn the_entry_of_a_host_is_the_first_with_a_token_and_a_reload_shows_whether_it_changed() {
    let yaml =
        "integrations:\n  gitlab:\n    - host: gitlab.com\n    - token: canary-2\n    - token: canary-3\n";
    let (read, _) = integrations(&loaded(yaml, &[]).await);
    assert_eq!(read.gitlab.len(), 1);
    assert_eq!(read.gitlab[0].token.as_ref().unwrap().expose_secret(), "canary-2");
    assert_eq!(read.host("GITLAB.com"), Some(CodeHost::GitLab(&read.gitlab[0])));
    assert_eq!(read.host("gitlab.com.evil.test"), None);
    let (again, _) = integrations(&loaded(&yaml.replace("canary-2", "canary-4"), &[]).await);
    assert_ne!(read, again);
    assert!(!format!("{read:?}").contains("canary"));
}

#[tokio::test]
async fn an_entry_that_is_wrong_is_a_problem_only_where_its_host_is_needed() {
    let yaml = "integrations:\n  github:\n    - { host: ghe.example.com, apps: [{ appId: none }] }\n    - token: t\n  gitlab:\n    \
                - { host: git.example.com, apiBaseUrl: nonsense }\n";
    let reader = loaded(yaml, &[]).await;
    let (read, notices) = integrations(&reader);
    assert_eq!((read.github.len(), read.gitlab.len()), (1, 0));
    assert!(
        notices
            .iter()
            .any(|notice| notice.contains("git.example.com is left out")),
        "{notices:?}"
    );
    let problems = needing(&reader, &["git.example.com"]).unwrap_err();
    assert!(
        problems.len() == 1 && problems[0].contains("gitlab[0].apiBaseUrl"),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_missing_variable_is_told_once_and_only_of_a_host_that_is_needed() {
    let yaml = "integrations:\n  gitlab:\n    - token: ${GITLAB_TOKEN}\n";
    let reader = loaded(yaml, &[]).await;
    let (_, notices) = needing(&reader, &["gitlab.com"]).unwrap();
    assert!(
        notices.len() == 1 && notices[0].contains("GITLAB_TOKEN"),
        "{notices:?}"
    );
    assert_eq!(integrations(&reader).1, Vec::<String>::new());
}
