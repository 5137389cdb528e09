//! What a manifest may be, and what becomes of a live object it is applied to.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::manifest::Manifest;

const REQUEST: &str = "
apiVersion: example.com/v1
kind: Redis
metadata: {name: cache}
spec: {size: small}
";

fn from_json(value: Value) -> Result<Manifest, String> {
    let Value::Object(object) = value else {
        panic!("not a mapping")
    };
    Manifest::from_object(object).map_err(|problem| problem.to_string())
}

fn refused(text: &str) -> String {
    Manifest::from_text(text).unwrap_err().to_string()
}

/// A manifest with these fields besides the identity.
fn with(fields: &Value) -> Manifest {
    let mut whole = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}});
    for (field, value) in fields.as_object().unwrap() {
        match (field.as_str(), value) {
            ("metadata", Value::Object(more)) => {
                whole["metadata"].as_object_mut().unwrap().extend(more.clone())
            }
            _ => whole[field] = value.clone(),
        }
    }
    from_json(whole).unwrap()
}

#[test]
fn a_manifest_says_which_object_it_means() {
    let manifest = Manifest::from_text(REQUEST).unwrap();
    assert_eq!(manifest.object_ref().api_version.to_string(), "example.com/v1");
    assert_eq!(manifest.object_ref().to_string(), "Redis default/cache");
}

#[test]
fn json_and_a_mapping_mean_the_same_as_yaml() {
    let whole = json!({"apiVersion": "example.com/v1", "kind": "Redis", "metadata": {"name": "cache"},
        "spec": {"size": "small"}});
    assert_eq!(
        Manifest::from_text(&whole.to_string()).unwrap(),
        Manifest::from_text(REQUEST).unwrap()
    );
    assert_eq!(from_json(whole).unwrap(), Manifest::from_text(REQUEST).unwrap());
}

#[test]
fn empty_documents_around_the_one_are_skipped_and_a_second_is_refused() {
    assert!(Manifest::from_text(&format!("---\n{REQUEST}---\n# nothing\n---\n")).is_ok());
    assert!(refused(&format!("{REQUEST}---\n{REQUEST}")).contains("2 documents; give one object at a time"));
    for text in ["", "# nothing", "---\n---\n", "~"] {
        assert!(refused(text).contains("is empty"), "{text:?}");
    }
}

#[test]
fn a_text_that_is_no_yaml_is_refused_with_its_place() {
    for text in ["a: [1", "a: 1\na: 2", "\t- x: [", "a: *nobody"] {
        let problem = refused(text);
        assert!(
            problem.starts_with("the manifest is not valid YAML: "),
            "{problem}"
        );
    }
    assert!(refused("a: 1\na: 2").contains("line 2"));
    let bomb = format!("a: &a x\nb: [{}]", vec!["*a"; 200].join(","));
    assert!(refused(&bomb).contains("not valid YAML"));
}

#[test]
fn a_list_or_a_word_is_no_object() {
    for text in ["[a]", "hello", "7"] {
        assert!(refused(text).contains("must be a mapping"), "{text}");
    }
}

#[test]
fn what_names_the_object_is_required_and_text() {
    for (field, value, said) in [
        ("apiVersion", json!(null), "apiVersion is missing"),
        ("apiVersion", json!(""), "apiVersion is missing"),
        ("apiVersion", json!(1), "apiVersion must be text"),
        ("apiVersion", json!("undefined/v1"), "kratix.io/group"),
        ("kind", json!(null), "kind is missing"),
        ("kind", json!("A_B"), "kind 'A_B'"),
        ("metadata", json!(null), "metadata.name is missing"),
        ("metadata", json!("cache"), "metadata must be a mapping"),
        ("metadata", json!({}), "metadata.name is missing"),
        ("metadata", json!({"name": 7}), "metadata.name must be text"),
        ("metadata", json!({"name": "a/b"}), "name 'a/b'"),
        (
            "metadata",
            json!({"name": "a", "namespace": 7}),
            "metadata.namespace must be text",
        ),
        (
            "metadata",
            json!({"name": "a", "namespace": "A"}),
            "namespace 'A'",
        ),
        (
            "metadata",
            json!({"name": "a", "generateName": "a-"}),
            "metadata.generateName",
        ),
        (
            "metadata",
            json!({"name": "a", "labels": {"x": true}}),
            "metadata.labels 'x' must be text",
        ),
        (
            "metadata",
            json!({"name": "a", "annotations": {"x": 1}}),
            "metadata.annotations 'x' must be text",
        ),
        (
            "metadata",
            json!({"name": "a", "labels": ["x"]}),
            "metadata.labels must be a mapping",
        ),
        ("spec", json!({"n": 1e300}), "number at spec.n"),
    ] {
        let mut whole = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}});
        whole[field] = value.clone();
        let problem = from_json(whole).unwrap_err();
        assert!(problem.contains(said), "{field} {value}: {problem}");
    }
}

#[test]
fn a_list_of_objects_is_refused_but_not_a_kind_that_only_ends_so() {
    for kind in ["List", "ConfigMapList"] {
        let list = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, "items": []});
        assert!(
            from_json(list).unwrap_err().contains("one object at a time"),
            "{kind}"
        );
    }
    let named_so =
        json!({"apiVersion": "example.com/v1", "kind": "AllowList", "metadata": {"name": "x"}, "spec": {}});
    assert!(from_json(named_so).is_ok());
}

#[test]
fn a_new_object_has_an_empty_spec_for_null_and_nothing_the_server_owns() {
    let manifest = with(&json!({
        "spec": null,
        "status": {"phase": "Ready"},
        "metadata": {"uid": "u", "resourceVersion": "1", "generation": 1, "creationTimestamp": null,
            "deletionTimestamp": "t", "deletionGracePeriodSeconds": 0, "managedFields": [], "selfLink": "/x", "generateName": null, "labels": null,
            "ownerReferences": [{"uid": "o"}], "finalizers": ["f"]},
    }));
    assert_eq!(
        manifest.for_create(true),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "spec": {},
            "metadata": {"name": "cm", "namespace": "default", "ownerReferences": [{"uid": "o"}], "finalizers": ["f"]}})
    );
}

#[test]
fn a_namespaced_object_is_made_in_its_namespace_and_a_cluster_scoped_one_in_none() {
    let manifest = with(&json!({"metadata": {"namespace": "team-a"}}));
    assert_eq!(manifest.for_create(true)["metadata"]["namespace"], "team-a");
    assert_eq!(manifest.for_create(false)["metadata"], json!({"name": "cm"}));
    let without = with(&json!({"metadata": {"namespace": ""}}));
    assert_eq!(without.for_create(true)["metadata"]["namespace"], "default");
    assert_eq!(without.object_ref().namespace.as_str(), "default");
}

#[test]
fn given_fields_replace_the_live_ones_whole_and_all_else_stays() {
    let live = json!({
        "apiVersion": "example.com/v1", "kind": "Redis",
        "metadata": {"name": "cache", "namespace": "default", "uid": "u", "resourceVersion": "7", "finalizers": ["f"],
            "labels": {"kratix.io/promise-name": "redis", "tier": "old"}, "annotations": {"kept": "yes"}},
        "spec": {"size": "large", "backup": true},
        "data": {"kept": "yes"}, "extra": [1, 2],
        "status": {"message": "ready"},
    });
    let manifest = from_json(json!({
        "apiVersion": "example.com/v2", "kind": "Redis",
        "metadata": {"name": "cache", "resourceVersion": "1", "labels": {"tier": "new"}, "finalizers": []},
        "spec": {"size": "small"}, "extra": [3], "status": {"message": "mine"},
    }));
    assert_eq!(
        manifest.unwrap().applied_to(&live),
        json!({
            "apiVersion": "example.com/v1", "kind": "Redis",
            "metadata": {"name": "cache", "namespace": "default", "uid": "u", "resourceVersion": "7", "finalizers": ["f"],
                "labels": {"kratix.io/promise-name": "redis", "tier": "new"}, "annotations": {"kept": "yes"}},
            "spec": {"size": "small"},
            "data": {"kept": "yes"}, "extra": [3],
            "status": {"message": "ready"},
        })
    );
}

#[test]
fn labels_are_added_also_where_the_live_object_has_none() {
    let manifest = with(&json!({"metadata": {"labels": {"a": "1"}, "annotations": {"b": "2"}}}));
    for metadata in [
        json!({"name": "cm"}),
        json!({"name": "cm", "labels": null, "annotations": null}),
    ] {
        let applied = manifest.applied_to(&json!({ "metadata": metadata }));
        assert_eq!(
            applied["metadata"],
            json!({"name": "cm", "labels": {"a": "1"}, "annotations": {"b": "2"}})
        );
    }
}

#[test]
fn a_manifest_without_a_spec_leaves_the_spec_alone() {
    let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "spec": {"a": 1}});
    assert_eq!(with(&json!({})).applied_to(&live), live);
    assert_eq!(with(&json!({"spec": null})).applied_to(&live)["spec"], json!({}));
}

proptest! {
    #[test]
    fn applying_gives_exactly_the_manifests_spec_and_twice_is_once(
        live in proptest::collection::btree_map("[a-d]", 0_i64..9, 0..4),
        ours in proptest::collection::btree_map("[a-d]", 0_i64..9, 0..4),
    ) {
        let manifest = with(&json!({ "spec": ours }));
        let live = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "uid": "u"}, "spec": live});
        let once = manifest.applied_to(&live);
        prop_assert_eq!(&once["spec"], &json!(ours));
        prop_assert_eq!(&once["metadata"], &live["metadata"]);
        prop_assert_eq!(manifest.applied_to(&once), once);
    }
}
