//! What became of pull requests: in few calls, and never said of one that could not be seen.

use std::time::Duration;

use secrecy::SecretString;
use stagedoor::{
    backstage::integrations::{
        CodeHosts, GitHubIntegration, GitLabIntegration, HostError, Integrations, Looked, PullRequestState,
        RepositoryAddress,
    },
    infra::{http_client::HttpClients, tasks::Tasks},
};

use super::{app, later};
use crate::support::code_host::{
    APP_TOKEN, FakeCodeHost, Kind, Planted, TOKEN, refusal,
    world::{Pull, World},
};

use PullRequestState::{Closed, Merged, Open};

pub(super) const REPOSITORY: &str = "acme/requests";

const BOTH: [Kind; 2] = [Kind::GitHub, Kind::GitLab];

/// A repository with so many open pull requests, the last of which changed last.
pub(super) async fn host(kind: Kind, pulls: u64) -> FakeCodeHost {
    let fake = FakeCodeHost::start(kind).await;
    let mut world = World::with(&[("a", "a")]);
    world.pulls = (1..=pulls).map(pull).collect();
    fake.hold(REPOSITORY, world);
    fake
}

fn pull(number: u64) -> Pull {
    Pull {
        number,
        head: format!("branch-{number}"),
        base: "main".to_owned(),
        title: String::new(),
        body: String::new(),
        state: "open",
        sha: String::new(),
    }
}

fn set(fake: &FakeCodeHost, number: u64, state: &'static str) {
    fake.world(REPOSITORY, |world| {
        world
            .pulls
            .iter_mut()
            .find(|pull| pull.number == number)
            .unwrap()
            .state = state;
    });
}

/// The host as `code.example.com`.
pub(super) fn hosts(fake: &FakeCodeHost, with_app: bool) -> CodeHosts {
    stagedoor::infra::install_crypto_provider();
    let (host, url) = ("code.example.com".to_owned(), fake.url().parse().unwrap());
    let token = (!with_app).then(|| SecretString::from(TOKEN));
    let mut integrations = Integrations::default();
    match fake.kind {
        Kind::GitHub => integrations.github.push(GitHubIntegration {
            key: "integrations.github[0]".to_owned(),
            host,
            api_base_url: url,
            token,
            apps: if with_app { vec![app()] } else { Vec::new() },
        }),
        Kind::GitLab => integrations.gitlab.push(GitLabIntegration {
            key: "integrations.gitlab[0]".to_owned(),
            host,
            api_base_url: url,
            base_url: "https://code.example.com".parse().unwrap(),
            token,
        }),
    }
    CodeHosts::new(integrations, &HttpClients::new(&[]).unwrap(), &Tasks::default())
}

fn requests() -> RepositoryAddress {
    RepositoryAddress::parse("code.example.com?owner=acme&repo=requests").unwrap()
}

pub(super) async fn look(hosts: &CodeHosts, numbers: &[u64]) -> Looked {
    hosts.states(&requests(), numbers).await
}

/// What a look shows that nothing goes wrong with.
async fn seen(hosts: &CodeHosts, numbers: &[u64]) -> Vec<(u64, PullRequestState)> {
    let looked = look(hosts, numbers).await;
    assert!(looked.trouble.is_none(), "{looked:?}");
    looked.states.into_iter().collect()
}

/// The path of the list.
fn list(kind: Kind) -> &'static str {
    match kind {
        Kind::GitHub => "GET /repos/acme/requests/pulls",
        Kind::GitLab => "GET /api/v4/projects/acme%2Frequests/merge_requests",
    }
}

#[tokio::test]
async fn one_call_tells_open_merged_and_closed_apart() {
    for kind in BOTH {
        let fake = host(kind, 4).await;
        set(&fake, 2, "merged");
        set(&fake, 3, "closed");
        let hosts = hosts(&fake, false);
        assert_eq!(
            seen(&hosts, &[3, 1, 2]).await,
            [(1, Open), (2, Merged), (3, Closed)],
            "{kind:?}"
        );
        assert_eq!(fake.calls().len(), 1, "{:?}", fake.calls());
        assert!(look(&hosts, &[]).await.states.is_empty());
        assert_eq!(fake.calls().len(), 1, "nobody is asked about nothing");
    }
}

#[tokio::test]
async fn a_second_look_is_conditional_and_sees_what_changed() {
    for kind in BOTH {
        let fake = host(kind, 3).await;
        let hosts = hosts(&fake, false);
        for _ in 0..2 {
            assert_eq!(seen(&hosts, &[1]).await, [(1, Open)]);
        }
        assert!(fake.calls()[1].ends_with(" 304"), "{:?}", fake.calls());
        set(&fake, 1, "closed");
        assert_eq!(seen(&hosts, &[1]).await, [(1, Closed)]);
        assert!(!fake.calls()[2].ends_with(" 304"), "{:?}", fake.calls());
    }
}

#[tokio::test]
async fn what_is_not_among_the_newest_is_asked_for_by_itself() {
    let fake = host(Kind::GitHub, 350).await;
    set(&fake, 5, "merged");
    let hosts = hosts(&fake, false);
    assert_eq!(seen(&hosts, &[350, 5]).await, [(5, Merged), (350, Open)]);
    assert_eq!(
        (
            fake.count(list(Kind::GitHub)),
            fake.count("GET /repos/acme/requests/pulls/5")
        ),
        (2, 1)
    );
    let many: Vec<u64> = (1..=350).collect();
    assert_eq!(seen(&hosts, &many).await.len(), 350);
    assert_eq!(fake.calls().len(), 2 + 4, "{:?}", fake.calls());
}

#[tokio::test]
async fn gitlab_is_asked_for_the_numbers_themselves_a_hundred_at_a_time() {
    let fake = host(Kind::GitLab, 350).await;
    let many: Vec<u64> = (1..=150).collect();
    assert_eq!(seen(&hosts(&fake, false), &many).await.len(), 150);
    assert_eq!(fake.calls().len(), 2);
}

#[tokio::test]
async fn an_apps_token_reads_states_and_is_asked_for_once() {
    let fake = host(Kind::GitHub, 2).await;
    fake.take(APP_TOKEN);
    let hosts = hosts(&fake, true);
    for _ in 0..3 {
        assert_eq!(seen(&hosts, &[1]).await, [(1, Open)]);
    }
    assert_eq!(fake.count("POST /app/installations/7/access_tokens"), 1);
}

#[tokio::test]
async fn a_repository_that_is_not_covered_any_more_says_nothing_of_its_pull_requests() {
    for kind in BOTH {
        let fake = FakeCodeHost::start(kind).await;
        let looked = look(&hosts(&fake, false), &[1, 2]).await;
        assert!(looked.states.is_empty());
        let trouble = looked.trouble.unwrap().to_string();
        assert!(
            trouble.contains("code.example.com/acme/requests") && trouble.contains("token or App"),
            "{trouble}"
        );
        assert!(!trouble.contains(TOKEN));
    }
}

#[tokio::test]
async fn a_number_that_is_not_found_is_not_closed_and_hides_no_other() {
    let fake = host(Kind::GitHub, 2).await;
    let looked = look(&hosts(&fake, false), &[77, 2]).await;
    assert_eq!(looked.states.into_iter().collect::<Vec<_>>(), [(2, Open)]);
    let trouble = looked.trouble.unwrap().to_string();
    assert!(trouble.contains("no pull request 77"), "{trouble}");
    let fake = host(Kind::GitLab, 2).await;
    let looked = look(&hosts(&fake, false), &[77, 2]).await;
    assert_eq!(looked.states.into_iter().collect::<Vec<_>>(), [(2, Open)]);
}

#[tokio::test]
async fn a_rate_limit_is_obeyed_until_it_ends() {
    let reset = (crate::support::github::now() + 90).to_string();
    let primary = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &*reset)];
    let counter = [("ratelimit-remaining", "0"), ("ratelimit-reset", &*reset)];
    for (kind, status, headers, wait) in [
        (Kind::GitHub, 403, &primary[..], 85..=90),
        // What GitHub calls a secondary limit.
        (Kind::GitHub, 403, &[("retry-after", "30")][..], 30..=30),
        (Kind::GitHub, 429, &[("retry-after", "30")][..], 30..=30),
        (Kind::GitLab, 429, &counter[..], 85..=90),
        (Kind::GitLab, 429, &[("retry-after", "30")][..], 30..=30),
    ] {
        let fake = host(kind, 2).await;
        fake.plant(list(kind), &[refusal(status, headers, "Too many")]);
        let hosts = hosts(&fake, false);
        for _ in 0..3 {
            let looked = look(&hosts, &[1]).await;
            let told = looked
                .trouble
                .as_ref()
                .and_then(HostError::wait)
                .unwrap()
                .as_secs();
            assert!(
                looked.states.is_empty() && *wait.start() - 5 <= told && told <= *wait.end(),
                "{looked:?}"
            );
        }
        assert_eq!(fake.calls().len(), 1, "{kind:?} is left alone");
    }
}

#[tokio::test]
async fn a_limit_of_a_token_is_obeyed_for_all_it_reaches() {
    let other = RepositoryAddress::parse("code.example.com?owner=other&repo=requests").unwrap();
    for (kind, asked) in [(Kind::GitLab, 1), (Kind::GitHub, 2)] {
        let fake = host(kind, 1).await;
        fake.hold("other/requests", World::with(&[("a", "a")]));
        fake.plant(list(kind), &[refusal(429, &[("retry-after", "30")], "slow down")]);
        let hosts = hosts(&fake, false);
        look(&hosts, &[1]).await;
        // At GitHub another account's App has a limit of its own.
        let looked = hosts.states(&other, &[1]).await;
        assert!(looked.states.is_empty() && looked.trouble.is_some());
        assert_eq!(
            fake.count("GET /repos") + fake.count("GET /api"),
            asked + usize::from(kind == Kind::GitHub)
        );
    }
}

#[tokio::test]
async fn a_limit_in_the_middle_of_a_look_ends_it_with_what_is_known() {
    let fake = host(Kind::GitHub, 150).await;
    fake.plant(
        "GET /repos/acme/requests/pulls/2",
        &[refusal(429, &[("retry-after", "1")], "slow down")],
    );
    let hosts = hosts(&fake, false);
    let looked = look(&hosts, &[150, 2]).await;
    assert_eq!(looked.states.into_iter().collect::<Vec<_>>(), [(150, Open)]);
    assert!(matches!(looked.trouble, Some(HostError::RateLimited { .. })));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(seen(&hosts, &[150, 2]).await.len(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_stays() {
    let elsewhere = host(Kind::GitHub, 1).await;
    for kind in BOTH {
        let fake = host(kind, 1).await;
        for status in [301, 302, 307, 308] {
            let location = format!("{}/repos/acme/requests/pulls", elsewhere.url());
            let moved = Planted::Raw(
                status,
                vec![("location", location)],
                serde_json::json!({"message": "Moved"}),
            );
            fake.plant(list(kind), &[moved]);
            let trouble = look(&hosts(&fake, false), &[1]).await.trouble.unwrap();
            assert!(matches!(trouble, HostError::Redirected { .. }), "{trouble}");
        }
    }
    assert!(elsewhere.calls().is_empty());
}

#[tokio::test]
async fn what_is_no_answer_of_such_a_host_is_an_error_that_names_the_address() {
    for kind in BOTH {
        let fake = host(kind, 1).await;
        let nonsense = Planted::Raw(200, Vec::new(), serde_json::json!({"message": "hello"}));
        for answer in [
            Planted::Page(200),
            Planted::Page(404),
            Planted::Page(502),
            nonsense,
        ] {
            fake.plant(list(kind), std::slice::from_ref(&answer));
            let looked = look(&hosts(&fake, false), &[1]).await;
            let trouble = looked.trouble.unwrap().to_string();
            assert!(
                looked.states.is_empty() && trouble.contains("[0].apiBaseUrl"),
                "{answer:?}: {trouble}"
            );
        }
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_not_waited_for() {
    let fake = host(Kind::GitHub, 1).await;
    fake.plant(list(Kind::GitHub), &[Planted::Hang]);
    let hosts = hosts(&fake, false);
    let time_passes = async {
        while fake.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        later(Duration::from_secs(15)).await;
    };
    let (looked, ()) = tokio::join!(look(&hosts, &[1]), time_passes);
    assert!(looked.trouble.unwrap().to_string().contains("15 seconds"));
}

#[tokio::test]
async fn a_refused_token_and_a_missing_one_are_errors_that_name_the_key_and_show_nothing() {
    for kind in BOTH {
        let fake = host(kind, 1).await;
        let words = format!("Bad credentials {TOKEN}");
        let refused = [refusal(401, &[], &words), refusal(401, &[], &words)];
        let asked = if kind == Kind::GitHub { 2 } else { 1 };
        fake.plant(list(kind), &refused[..asked]);
        let trouble = look(&hosts(&fake, false), &[1]).await.trouble.unwrap();
        let (shown, debug) = (trouble.to_string(), format!("{trouble:?}"));
        assert!(
            shown.contains("did not accept the credential of integrations."),
            "{shown}"
        );
        assert!(!shown.contains("canary") && !debug.contains("canary"), "{debug}");
        let unknown = RepositoryAddress::parse("other.example.com?owner=acme&repo=requests").unwrap();
        let trouble = hosts(&fake, false).states(&unknown, &[1]).await.trouble.unwrap();
        assert!(trouble.to_string().contains("other.example.com"), "{trouble}");
        assert_eq!(fake.calls().len(), asked, "no other host's address leads here");
    }
}
