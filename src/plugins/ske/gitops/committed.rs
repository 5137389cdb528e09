//! What of an object goes into a repository.

use serde_json::{Map, Value};

use crate::plugins::ske::domain::{Manifest, SERVER_OWNED};

/// Kratix' own prefix for labels, annotations and finalizers.
const KRATIX: &str = "kratix.io/";

/// Labels Kratix sets on requests and on what pipelines make (Kratix, `lib/` and `internal/controller/`). Those that
/// steer it, such as `kratix.io/paused`, belong to people.
const KRATIX_LABELS: [&str; 8] = [
    "promise-name",
    "resource-name",
    "resource-namespace",
    "pipeline-name",
    "pipeline-namespace",
    "workflow-type",
    "workflow-action",
    "work-type",
];

/// Annotations it sets begin so.
const KRATIX_TRACE: &str = "kratix.io/trace-";

/// The object to commit: new, or as the manifest changes the one that is there.
///
/// Each top-level field of the manifest replaces the existing one as a whole; labels and annotations are added. The
/// version is the manifest's: what it says is written for that one.
pub(in crate::plugins::ske) fn desired(
    manifest: &Manifest,
    existing: Option<&Value>,
    namespaced: bool,
) -> Value {
    let Some(existing) = existing else {
        return cleaned(manifest.for_create(namespaced));
    };
    let mut object = cleaned(manifest.applied_to(existing));
    object["apiVersion"] = manifest.object_ref().api_version.to_string().into();
    object
}

/// The object without what the API server or Kratix writes: in a repository it would be stale, or fought over.
pub(in crate::plugins::ske) fn cleaned(mut object: Value) -> Value {
    let Value::Object(fields) = &mut object else {
        return object;
    };
    fields.shift_remove("status");
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
        for field in SERVER_OWNED {
            metadata.shift_remove(field);
        }
        clean_marks(metadata, "labels", |key| {
            key.strip_prefix(KRATIX)
                .is_some_and(|label| KRATIX_LABELS.contains(&label))
        });
        clean_marks(metadata, "annotations", |key| key.starts_with(KRATIX_TRACE));
        clean_finalizers(metadata);
    }
    object
}

/// Drops what is Kratix', and the mapping with the last of it.
fn clean_marks(metadata: &mut Map<String, Value>, field: &str, is_kratix: impl Fn(&str) -> bool) {
    let Some(Value::Object(marks)) = metadata.get_mut(field) else {
        return;
    };
    let before = marks.len();
    marks.retain(|key, _| !is_kratix(key));
    if marks.is_empty() && before > 0 {
        metadata.shift_remove(field);
    }
}

fn clean_finalizers(metadata: &mut Map<String, Value>) {
    let Some(Value::Array(finalizers)) = metadata.get_mut("finalizers") else {
        return;
    };
    let before = finalizers.len();
    finalizers.retain(|one| !one.as_str().is_some_and(|one| one.starts_with(KRATIX)));
    if finalizers.is_empty() && before > 0 {
        metadata.shift_remove("finalizers");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_and_kratix_write_is_left_out_and_the_rest_stays() {
        let live = json!({
            "apiVersion": "example.com/v1", "kind": "Redis",
            "metadata": {
                "name": "cache", "namespace": "team-a", "uid": "1", "resourceVersion": "2", "generation": 3,
                "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{}], "selfLink": "/x",
                "labels": {"kratix.io/promise-name": "redis", "kratix.io/paused": "true", "team": "a"},
                "annotations": {"kratix.io/trace-parent": "00", "kratix.io/trace-state": ""},
                "finalizers": ["kratix.io/work-cleanup", "example.com/keep"],
                "ownerReferences": [],
            },
            "spec": {"size": "small", "status": "kept"}, "status": {"message": "x"},
        });
        assert_eq!(
            cleaned(live),
            json!({
                "apiVersion": "example.com/v1", "kind": "Redis",
                "metadata": {
                    "name": "cache", "namespace": "team-a",
                    "labels": {"kratix.io/paused": "true", "team": "a"},
                    "finalizers": ["example.com/keep"], "ownerReferences": [],
                },
                "spec": {"size": "small", "status": "kept"},
            })
        );
    }

    #[test]
    fn empty_mappings_that_were_empty_before_stay() {
        let object = json!({"metadata": {"labels": {}, "finalizers": []}});
        assert_eq!(cleaned(object.clone()), object);
        let kratix =
            json!({"metadata": {"labels": {"kratix.io/work-type": "x"}, "finalizers": ["kratix.io/x"]}});
        assert_eq!(cleaned(kratix), json!({"metadata": {}}));
    }

    fn manifest(text: &str) -> Manifest {
        Manifest::from_text(text).unwrap()
    }

    #[test]
    fn a_new_object_says_its_namespace_when_its_kind_has_one() {
        let made = desired(
            &manifest("{apiVersion: e.com/v1, kind: Redis, metadata: {name: a}, spec: }"),
            None,
            true,
        );
        assert_eq!(made["metadata"], json!({"name": "a", "namespace": "default"}));
        assert_eq!(made["spec"], json!({}));
        let promise =
            "{apiVersion: platform.kratix.io/v1alpha1, kind: Promise, metadata: {name: a, namespace: b}}";
        assert_eq!(
            desired(&manifest(promise), None, false)["metadata"],
            json!({"name": "a"})
        );
    }

    #[test]
    fn an_existing_object_keeps_its_metadata_and_takes_spec_and_version_as_they_are_given() {
        let existing = json!({
            "apiVersion": "e.com/v1", "kind": "Redis", "metadata": {"name": "a", "annotations": {"x": "1"}},
            "spec": {"old": 1, "size": "small"}, "status": {},
        });
        let update = "{apiVersion: e.com/v2, kind: Redis, metadata: {name: a, annotations: {y: '2'}}, spec: {size: big}}";
        assert_eq!(
            desired(&manifest(update), Some(&existing), true),
            json!({
                "apiVersion": "e.com/v2", "kind": "Redis",
                "metadata": {"name": "a", "annotations": {"x": "1", "y": "2"}}, "spec": {"size": "big"},
            })
        );
    }
}
