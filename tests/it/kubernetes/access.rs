//! Who is let in, and what they may do then.

use reqwest::{Certificate, Identity};
use serde_json::{Value, json};

use crate::support::kubernetes::{Answer, Api, CLIENT_ID, Cluster, Rule, Subject};

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

async fn who_am_i(api: &Api) -> Value {
    let answer = api.create(REVIEWS, &json!({})).await.ok();
    answer["status"]["userInfo"].clone()
}

fn config_maps(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

fn config_map(name: &str) -> Value {
    json!({ "metadata": { "name": name } })
}

fn assert_forbidden(answer: &Answer, user: &str, verb: &str) {
    assert_eq!(answer.status, 403, "{answer:?}");
    let said = format!("User \"{user}\" cannot {verb} resource \"configmaps\"");
    assert!(answer.message().contains(&said), "{}", answer.message());
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says_and_nothing_else() {
    let cluster = Cluster::shared().await;
    let (namespace, other) = (cluster.namespace("roles").await, cluster.namespace("other").await);
    let account = cluster.service_account(&namespace, "portal").await;
    let api = cluster.bearer(&cluster.token(&account).await);
    assert_forbidden(&api.get(&config_maps(&namespace)).await, &account.user(), "list");
    let rule = Rule::on("", &["configmaps"])
        .verbs(&["list", "create"])
        .within(&namespace);
    cluster.allow(&account.subject(), &rule).await;
    api.create(&config_maps(&namespace), &config_map("one"))
        .await
        .ok();
    assert_eq!(api.get(&config_maps(&namespace)).await.status, 200);
    let one = format!("{}/one", config_maps(&namespace));
    assert_forbidden(&api.delete(&one).await, &account.user(), "delete");
    assert_forbidden(&api.get(&config_maps(&other)).await, &account.user(), "list");
    assert_eq!(who_am_i(&api).await["username"], account.user());
}

#[tokio::test]
async fn a_rule_can_name_the_objects_and_hold_for_the_whole_cluster() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("named").await;
    let maps = config_maps(&namespace);
    for name in ["mine", "theirs"] {
        cluster.api().create(&maps, &config_map(name)).await.ok();
    }
    let user = format!("reader-of-{namespace}");
    let reader = cluster.bearer(&cluster.issuer().token(&user, &[]));
    let rule = Rule::on("", &["configmaps"]).verbs(&["get"]).named(&["mine"]);
    cluster.allow(&Subject::oidc_user(&user), &rule).await;
    assert_eq!(reader.get(&format!("{maps}/mine")).await.status, 200);
    assert_eq!(reader.get(&format!("{maps}/theirs")).await.status, 403);
}

#[tokio::test]
async fn a_user_of_the_issuer_is_known_by_name_and_judged_by_group() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("groups").await;
    let team = format!("team-{namespace}");
    let jane = cluster.bearer(&cluster.issuer().token("jane", &[&team]));
    let known = who_am_i(&jane).await;
    assert_eq!(known["username"], "oidc:jane");
    assert_eq!(
        known["groups"],
        json!([format!("oidc:{team}"), "system:authenticated"])
    );
    assert_forbidden(&jane.get(&config_maps(&namespace)).await, "oidc:jane", "list");
    let rule = Rule::on("", &["configmaps"]).verbs(&["list"]).within(&namespace);
    cluster.allow(&Subject::oidc_group(&team), &rule).await;
    assert_eq!(jane.get(&config_maps(&namespace)).await.status, 200);
    let joe = cluster.bearer(&cluster.issuer().token("joe", &["another-team"]));
    assert_forbidden(&joe.get(&config_maps(&namespace)).await, "oidc:joe", "list");
}

#[tokio::test]
async fn a_token_that_is_expired_or_for_somebody_else_is_refused() {
    let cluster = Cluster::shared().await;
    let issuer = cluster.issuer();
    let now = jiff::Timestamp::now().as_second();
    let claims = |audience: &str| json!({ "iss": issuer.url(), "aud": audience, "preferred_username": "jane", "exp": now + 60 });
    let accepted = issuer.sign(&claims(CLIENT_ID));
    assert_eq!(cluster.bearer(&accepted).get("/api").await.status, 200);
    for token in [
        issuer.token_until("jane", &[], now - 60),
        issuer.sign(&claims("another-client")),
        format!("{accepted}x"),
        "rubbish".to_owned(),
    ] {
        assert_eq!(cluster.bearer(&token).get("/api").await.status, 401);
    }
}

#[tokio::test]
async fn a_client_certificate_makes_its_holder_the_user_it_names() {
    let cluster = Cluster::shared().await;
    let (certificate, key) = cluster.client_certificate("jane", &["team-a"]);
    let identity = Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap();
    let authority = Certificate::from_pem(cluster.ca_pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]);
    let client = client.identity(identity).build().unwrap();
    let review = client
        .post(format!("{}{REVIEWS}", cluster.url()))
        .json(&json!({}));
    let answer: Value = review.send().await.unwrap().json().await.unwrap();
    let known = &answer["status"]["userInfo"];
    assert_eq!(known["username"], "jane", "{answer}");
    assert_eq!(known["groups"], json!(["team-a", "system:authenticated"]));
}

#[tokio::test]
async fn only_an_account_that_may_impersonate_acts_as_somebody_else() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("impersonation").await;
    let account = cluster.service_account(&namespace, "door").await;
    let api = cluster.bearer(&cluster.token(&account).await);
    let as_jane = api.acting_as("oidc:jane", &["oidc:team-a"]);
    let refused = as_jane.create(REVIEWS, &json!({})).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let rule = Rule::on("", &["users", "groups"]).verbs(&["impersonate"]);
    cluster.allow(&account.subject(), &rule).await;
    let known = who_am_i(&as_jane).await;
    assert_eq!(known["username"], "oidc:jane");
    assert_eq!(known["groups"], json!(["oidc:team-a", "system:authenticated"]));
    let itself = api.create(REVIEWS, &json!({})).await.ok();
    assert_eq!(itself["status"]["userInfo"]["username"], account.user());
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_another_of_the_account_is_not() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("revoked").await;
    let account = cluster.service_account(&namespace, "portal").await;
    let (revocable, other) = (
        cluster.revocable_token(&account).await,
        cluster.token(&account).await,
    );
    assert_eq!(cluster.bearer(&revocable.token).get("/api").await.status, 200);
    cluster.revoke(revocable).await;
    assert_eq!(cluster.bearer(&other).get("/api").await.status, 200);
}

#[tokio::test]
async fn a_mounted_token_is_replaced_as_the_kubelet_does_it() {
    let cluster = Cluster::shared().await;
    let namespace = cluster.namespace("mounted").await;
    let account = cluster.service_account(&namespace, "portal").await;
    let mut mounted = cluster.mounted(&account).await;
    assert_eq!(mounted.read("namespace"), namespace);
    assert_eq!(mounted.read("ca.crt"), cluster.ca_pem());
    assert_eq!(cluster.url(), format!("https://127.0.0.1:{}", cluster.port()));
    let first = mounted.read("token");
    mounted.rotate().await;
    let second = mounted.read("token");
    assert_ne!(first, second);
    assert_eq!(cluster.bearer(&second).get("/api").await.status, 200);
    let refused = cluster.bearer(&first).get("/api").await;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert!(mounted.root().join("var/run/secrets/kubernetes.io").is_dir());
}
