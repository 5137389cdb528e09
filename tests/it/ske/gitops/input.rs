//! Names and bodies nobody should send: no path is made of them, and no commit.

use serde_json::{Value, json};

use super::place::{Depot, TEAM, document};
use crate::ske::{
    place::{CONFIGURE, DELETE},
    portal::{manifest, named, post},
};

/// Names that are no DNS subdomain, some of which lead elsewhere in a path.
const NAMES: [&str; 26] = [
    "..",
    ".",
    "../mine",
    "../../README",
    "a/../../b",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "..\\b",
    ".git",
    ".git/config",
    ".github",
    ".gitmodules",
    "git~1",
    "mine\n",
    "mi\0ne",
    "mine\u{202e}",
    "UPPER",
    "under_score",
    "-dash",
    "dash-",
    "a..b",
    "mïne",
    "a b",
    "%2e%2e%2fmine",
    "mine:x",
];

#[tokio::test]
async fn a_name_that_is_no_dns_subdomain_is_a_400_and_no_path() {
    let depot = Depot::holding(&[("requests/a.yaml", &document("mine", "small"))]).await;
    let too_long = "n".repeat(254);
    for name in NAMES.into_iter().chain([too_long.as_str()]) {
        let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        for said in [
            depot.read(&encoded).await,
            depot.state(&encoded).await,
            depot.write(name, json!({ "size": "small" })).await,
            depot.delete(name).await,
        ] {
            let (status, message) = said.refused();
            assert_eq!(status, 400, "{name:?}: {message}");
            assert!(message.contains("name"), "{name:?}: {message}");
        }
    }
    assert_eq!(depot.remote.commits().len(), 2);
    assert_eq!(depot.remote.files(), ["README", "requests/a.yaml"]);
}

#[tokio::test]
async fn a_kind_namespace_or_version_that_leads_elsewhere_is_a_400_too() {
    let depot = Depot::open().await;
    let whole = named(&depot.kind, TEAM, "mine");
    for (field, value) in [
        ("kind", "../Database"),
        ("kind", "Data/base"),
        ("kind", "Data.base"),
        ("kind", ".git"),
        ("kind", "Datenbänke"),
        ("kind", "Data_base"),
        ("namespace", ".."),
        ("namespace", "../.git"),
        ("namespace", "a/b"),
        ("namespace", "Upper"),
        ("namespace", "a.b"),
        ("apiVersion", "../v1"),
        ("apiVersion", "example.org/v1/.."),
        ("apiVersion", ".git/v1"),
        ("apiVersion", "undefined/undefined"),
    ] {
        let mut body = whole.clone();
        body[field] = value.into();
        let deleted = post(&depot.app, crate::support::app::STATIC_TOKEN, DELETE, &body).await;
        let object = json!({
            "apiVersion": body["apiVersion"], "kind": body["kind"],
            "metadata": { "name": "mine", "namespace": body["namespace"] },
        });
        let query = |name: &str| {
            let text = body[name].as_str().unwrap();
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
        };
        let path = format!(
            "/api/ske/resource?name=mine&kind={}&namespace={}&apiVersion={}",
            query("kind"),
            query("namespace"),
            query("apiVersion")
        );
        for said in [
            deleted,
            depot.configure(&json!({ "manifest": object })).await,
            depot.get(&path).await,
        ] {
            let (status, message) = said.refused();
            assert_eq!(status, 400, "{field} {value}: {message}");
        }
    }
    assert_eq!(depot.remote.files(), ["README"]);
}

#[tokio::test]
async fn a_missing_or_incomplete_parameter_is_a_400_that_names_it() {
    let depot = Depot::open().await;
    let path = "/api/ske/resource?";
    for (query, says) in [
        ("", "'name'"),
        ("name=mine&apiVersion=example.org/v1", "'kind'"),
        ("name=mine&kind=Database", "'apiVersion'"),
        ("name=&kind=Database&apiVersion=example.org/v1", "'name'"),
        (
            "name=a&name=b&kind=Database&apiVersion=example.org/v1",
            "'name' is given twice",
        ),
        (
            "name=mine&kind=Database&apiVersion=undefined/undefined",
            "kratix.io/group",
        ),
    ] {
        let (status, message) = depot.get(&format!("{path}{query}")).await.refused();
        assert!(
            status == 400 && message.contains(says),
            "{query}: {status} {message}"
        );
    }
    for route in [CONFIGURE, DELETE] {
        for body in ["{}", "[]", "null", "7", "{", ""] {
            assert_eq!(depot.send(route, body).await.refused().0, 400, "{route} {body}");
        }
    }
}

#[tokio::test]
async fn a_manifest_that_is_no_object_is_a_400_and_no_commit() {
    let depot = Depot::open().await;
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let text = document("mine", "small");
    let bodies: Vec<Value> = vec![
        json!(""),
        json!("just words"),
        json!("a: [1, 2"),
        json!(format!("{text}---\n{text}")),
        json!(format!("{text}{text}")),
        json!(text.replace("  name: mine\n", "  generateName: mine-\n")),
        json!(text.replace("size: small", "size: *nobody")),
        json!(text.replace("size: small", &format!("size: {deep}"))),
        json!(text.replace("size: small", "size: 123456789012345678901234567890")),
        json!(7),
        json!([text]),
        Value::Null,
    ];
    for body in bodies {
        let begins: String = body.to_string().chars().take(60).collect();
        let (status, message) = depot.configure(&json!({ "manifest": body })).await.refused();
        assert!(
            status == 400 && message.len() < 1000,
            "{begins}: {status} {message}"
        );
    }
    assert_eq!(depot.remote.commits().len(), 1);
}

#[tokio::test]
async fn the_longest_name_fits_and_is_found_again() {
    for layout in ["flat", "nested"] {
        let depot = Depot::with(&format!("{{ layout: {layout} }}")).await;
        let long = vec!["n".repeat(63); 4].join(".")[..253].to_owned();
        let other = format!("{}x", &long[..252]);
        for name in [&long, &other] {
            depot.write(name, json!({ "of": name })).await.ok();
        }
        let files = depot.files();
        assert_eq!(files.len(), 2, "{files:?}");
        assert!(
            files
                .iter()
                .flat_map(|file| file.split('/'))
                .all(|part| part.len() <= 200),
            "{files:?}"
        );
        for name in [&long, &other] {
            assert_eq!(Depot::spec_of(depot.read(name).await)["of"], name.as_str());
            depot.delete(name).await.ok();
            assert_eq!(depot.read(name).await.refused().0, 404);
        }
    }
}

#[tokio::test]
async fn an_object_is_as_large_as_a_body_may_be_and_a_larger_one_is_a_413() {
    let depot = Depot::open().await;
    let lines: Vec<_> = (0..5_000).map(|number| format!("line {number}")).collect();
    depot.write("mine", json!({ "lines": lines })).await.ok();
    let read = Depot::spec_of(depot.read("mine").await);
    assert_eq!(read["lines"].as_array().unwrap().len(), 5_000);
    let body = manifest(
        &depot.kind,
        TEAM,
        "other",
        json!({ "text": "x".repeat(110 << 10) }),
    );
    assert_eq!(depot.configure(&body).await.refused().0, 413);
    assert_eq!(depot.remote.commits().len(), 2);
}

#[tokio::test]
async fn a_character_that_would_stop_kustomize_for_everybody_is_refused() {
    let depot = Depot::open().await;
    for character in ['\u{7f}', '\u{80}', '\u{9f}', '\u{fffe}', '\u{ffff}'] {
        for spec in [
            json!({ "text": format!("a{character}b") }),
            json!({ "list": [{ format!("a{character}b"): 1 }] }),
        ] {
            let (status, message) = depot.write("mine", spec).await.refused();
            let named = format!("U+{:04X}", u32::from(character));
            assert!(status == 422 && message.contains(&named), "{status} {message}");
        }
    }
    assert_eq!(depot.remote.commits().len(), 1);
}
