//! A recorded request as an entity of the catalog.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::request::PendingRequest;
use crate::{
    config::yaml::{Form, YamlError, write},
    plugins::ske::domain::UserRef,
};

/// Longest name the catalog takes (Backstage, "Descriptor Format of Catalog Entities").
const MAX_NAME: usize = 63;

/// Hexadecimal digits that tell apart what the rest of the name does not.
const DIGITS: usize = 8;

/// Between what the resource is called and the digits.
const MIDDLE: &str = "-pending-";

/// Stands for a name of which the catalog takes nothing.
const NAMELESS: &str = "request";

/// Owner of what no user of the portal asked for; owner of everything that Kratix' own entities describe.
const PLATFORM: &str = "kratix-platform";

/// The entity, as a document of YAML.
///
/// # Errors
/// Some text would read differently under YAML 1.1 and 1.2, which no checked record has.
pub(super) fn document(request: &PendingRequest) -> Result<String, YamlError> {
    write(&entity(request), Form::Block)
}

/// Its reference.
pub(super) fn reference(request: &PendingRequest) -> String {
    format!("component:default/{}", name(request))
}

fn entity(request: &PendingRequest) -> Value {
    let mut metadata = json!({
        "name": name(request),
        "title": format!("{} ({} pending)", request.name, request.action.word().to_lowercase()),
        "annotations": annotations(request),
    });
    if let Some(url) = &request.pull_request_url {
        metadata["links"] = json!([{ "url": url, "title": "Pull request" }]);
    }
    let owner = submitter(request).unwrap_or_else(|| PLATFORM.to_owned());
    let promise = format!("component:default/{}-promise", request.kind.to_lowercase());
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": metadata,
        "spec": {
            "type": "kratix-pending-request",
            "lifecycle": "experimental",
            "owner": owner,
            "dependsOn": [promise],
        },
    })
}

fn annotations(request: &PendingRequest) -> Map<String, Value> {
    let phase = serde_json::to_value(request.phase()).unwrap_or_default();
    let fixed = [
        // Not "resource": what shows live resources must not take it for one.
        ("type", Value::from("pending-request")),
        ("promise-name", request.promise.as_str().into()),
        ("group", request.group.as_str().into()),
        ("version", request.version.as_str().into()),
        ("kind", request.kind.as_str().into()),
        ("name", request.name.as_str().into()),
        ("namespace", request.namespace.as_str().into()),
        ("phase", phase),
        ("action", request.action.word().into()),
    ];
    let optional = [
        ("pull-request-url", request.pull_request_url.clone()),
        ("requests-repo-url", request.repository.clone()),
        ("requested-by", submitter(request)),
    ];
    let optional = optional
        .into_iter()
        .filter_map(|(name, value)| Some((name, Value::from(value?))));
    fixed
        .into_iter()
        .chain(optional)
        .map(|(name, value)| (format!("kratix.io/{name}"), value))
        .collect()
}

/// Who asked for it, if that is somebody the catalog can know.
fn submitter(request: &PendingRequest) -> Option<String> {
    let user = UserRef::parse(request.requested_by.as_deref()?)?;
    Some(user.to_string())
}

/// A name the catalog takes, the same for the same key and different for every other, however much of it is cut.
fn name(request: &PendingRequest) -> String {
    let lane = request.action.lane().word();
    let key = format!(
        "{}|{}|{}|{lane}",
        request.promise, request.namespace, request.name
    );
    let mut digits = hex::encode(Sha256::digest(key));
    digits.truncate(DIGITS);
    let base = plain(&request.name, MAX_NAME - MIDDLE.len() - DIGITS);
    format!("{base}{MIDDLE}{digits}")
}

/// The letters and digits of a text, with a `-` for whatever stands between them.
fn plain(text: &str, most: usize) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let mut plain = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-");
    plain.truncate(most);
    match plain.trim_end_matches('-') {
        "" => NAMELESS.to_owned(),
        kept => kept.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{
            request::{Action, Review},
            testing::request,
        },
        *,
    };
    use crate::config::{
        to_json,
        yaml::{Room, parse_documents},
    };

    fn read_back(request: &PendingRequest) -> Value {
        let text = document(request).unwrap();
        let documents =
            parse_documents(text.as_bytes(), Default::default(), &mut Room::of_operator()).unwrap();
        to_json(&documents[0])
    }

    /// Backstage's rule (`KubernetesValidatorFunctions.isValidObjectName`).
    fn is_name(name: &str) -> bool {
        (1..=63).contains(&name.len())
            && name
                .split(['-', '_', '.'])
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }

    #[test]
    fn the_entity_says_what_was_asked_for_by_whom_and_where_it_is_reviewed() {
        let request = PendingRequest {
            review: Review::Open,
            pull_request_url: Some("https://github.com/O/R/pull/1".to_owned()),
            repository: Some("github.com?owner=O&repo=R".to_owned()),
            ..request(Action::Request)
        };
        let name = name(&request);
        assert!(name.starts_with("orders-pending-") && name.len() == "orders-pending-".len() + 8);
        let expected = json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {
                "name": name,
                "title": "orders (request pending)",
                "annotations": {
                    "kratix.io/type": "pending-request",
                    "kratix.io/promise-name": "databases",
                    "kratix.io/group": "example.org",
                    "kratix.io/version": "v1",
                    "kratix.io/kind": "Database",
                    "kratix.io/name": "orders",
                    "kratix.io/namespace": "shop",
                    "kratix.io/phase": "pending-review",
                    "kratix.io/action": "Request",
                    "kratix.io/pull-request-url": "https://github.com/O/R/pull/1",
                    "kratix.io/requests-repo-url": "github.com?owner=O&repo=R",
                    "kratix.io/requested-by": "user:default/jane",
                },
                "links": [{ "url": "https://github.com/O/R/pull/1", "title": "Pull request" }],
            },
            "spec": {
                "type": "kratix-pending-request", "lifecycle": "experimental", "owner": "user:default/jane",
                "dependsOn": ["component:default/database-promise"],
            },
        });
        assert_eq!(read_back(&request), expected);
    }

    #[test]
    fn the_phase_follows_the_review_and_a_deletion_is_always_one() {
        let phase = |action, review| {
            let request = PendingRequest {
                review,
                ..request(action)
            };
            read_back(&request)["metadata"]["annotations"]["kratix.io/phase"].clone()
        };
        assert_eq!(phase(Action::Request, Review::None), "submitted");
        assert_eq!(phase(Action::Update, Review::Open), "pending-review");
        assert_eq!(phase(Action::Update, Review::Merged), "merged");
        for review in [Review::None, Review::Open, Review::Merged] {
            assert_eq!(phase(Action::Delete, review), "pending-deletion");
        }
    }

    #[test]
    fn without_a_pull_request_or_a_user_nothing_is_made_up() {
        let request = PendingRequest {
            requested_by: Some("external:ci".to_owned()),
            ..request(Action::Request)
        };
        let entity = read_back(&request);
        assert_eq!(entity["spec"]["owner"], "kratix-platform");
        let annotations = entity["metadata"]["annotations"].as_object().unwrap();
        for absent in ["pull-request-url", "requests-repo-url", "requested-by"] {
            assert!(
                !annotations.contains_key(&format!("kratix.io/{absent}")),
                "{absent}"
            );
        }
        assert!(entity["metadata"].get("links").is_none());
    }

    #[test]
    fn the_lanes_of_one_resource_have_different_names_and_an_update_that_of_its_request() {
        let [requested, updated, deleted] =
            [Action::Request, Action::Update, Action::Delete].map(|action| name(&request(action)));
        assert_eq!(requested, updated);
        assert_ne!(requested, deleted);
    }

    proptest! {
        #[test]
        fn every_name_is_one_the_catalog_takes_and_keeps_its_suffix(given in "\\PC{0,80}") {
            let request = PendingRequest { name: given, ..request(Action::Request) };
            let name = name(&request);
            prop_assert!(is_name(&name), "{name}");
            let (_, digits) = name.rsplit_once(MIDDLE).unwrap();
            prop_assert_eq!(digits.len(), DIGITS);
        }

        #[test]
        fn names_of_kubernetes_that_differ_only_behind_the_cut_differ(
            base in "[a-z]([-a-z0-9]{60,70})", one in "[a-z]{1,8}", other in "[a-z]{1,8}",
        ) {
            prop_assume!(one != other);
            let named = |end: &str| name(&PendingRequest { name: format!("{base}{end}"), ..request(Action::Request) });
            prop_assert_ne!(named(&one), named(&other));
        }

        #[test]
        fn whatever_a_name_is_made_of_the_entity_reads_back_as_it_was_meant(given in "\\PC{0,40}") {
            let request = PendingRequest { name: given.clone(), namespace: given.clone(), ..request(Action::Update) };
            let entity = read_back(&request);
            prop_assert_eq!(&entity["metadata"]["annotations"]["kratix.io/name"], &Value::from(given));
        }
    }
}
