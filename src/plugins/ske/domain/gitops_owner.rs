//! Whether Flux or Argo CD applies an object, and would undo a change made in the cluster.

use serde_json::Value;

/// Flux's owner labels: the kind that applies the object, and the label's prefix.
const FLUX: [(&str, &str); 2] = [
    ("Kustomization", "kustomize.toolkit.fluxcd.io"),
    ("HelmRelease", "helm.toolkit.fluxcd.io"),
];

/// Argo CD's tracking annotation: `<application>:<group>/<kind>:<namespace>/<name>`.
const ARGO_TRACKING: &str = "argocd.argoproj.io/tracking-id";

/// Argo CD's tracking by a label or annotation of its own, which holds the application's name.
const ARGO_INSTANCE: &str = "argocd.argoproj.io/instance";

/// Longest name of an owner that we repeat.
const MAX_OWNER: usize = 253;

/// Returns a warning for the person who is about to change or delete the object; `None` when nobody owns it.
pub(in crate::plugins::ske) fn gitops_warning(object: &Value) -> Option<String> {
    let owner = flux(object).or_else(|| argo(object))?;
    Some(format!(
        "{owner} applies this object from Git and will undo changes made here; change it in the repository instead"
    ))
}

fn flux(object: &Value) -> Option<String> {
    FLUX.iter().find_map(|(kind, prefix)| {
        let name = mark(object, "labels", &format!("{prefix}/name"))?;
        let namespace = mark(object, "labels", &format!("{prefix}/namespace"));
        let path = namespace.map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
        Some(format!("Flux ({kind} {path})"))
    })
}

fn argo(object: &Value) -> Option<String> {
    let tracked = mark(object, "annotations", ARGO_TRACKING)
        .map(|id| id.split(':').next().unwrap_or_default().to_owned());
    let application = tracked
        .or_else(|| mark(object, "labels", ARGO_INSTANCE))
        .or_else(|| mark(object, "annotations", ARGO_INSTANCE))?;
    Some(format!("Argo CD (Application {application})"))
}

/// A label or annotation that says something, on one line of bounded length.
fn mark(object: &Value, place: &str, key: &str) -> Option<String> {
    let text = object.get("metadata")?.get(place)?.get(key)?.as_str()?;
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_OWNER).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_owner_is_named_as_the_owner_names_itself() {
        for (metadata, owner) in [
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}),
                "Flux (Kustomization flux-system/apps) ",
            ),
            (
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "db"}}),
                "Flux (HelmRelease db) ",
            ),
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:ns/web"}}),
                "Argo CD (Application shop) ",
            ),
            (
                json!({"labels": {"argocd.argoproj.io/instance": "shop"}}),
                "Argo CD (Application shop) ",
            ),
            (
                json!({"annotations": {"argocd.argoproj.io/instance": "shop"}}),
                "Argo CD (Application shop) ",
            ),
        ] {
            let warning = gitops_warning(&json!({ "metadata": metadata })).unwrap();
            assert!(warning.starts_with(owner), "{warning}");
            assert!(warning.contains("in the repository"), "{warning}");
        }
    }

    #[test]
    fn an_object_nobody_applies_from_git_has_no_warning() {
        for object in [
            json!({}),
            json!({"metadata": {"labels": {"app.kubernetes.io/instance": "db"}}}),
            json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/name": "apps"}}}),
            json!({"metadata": {"labels": {"argocd.argoproj.io/instance": ""}}}),
            json!({"metadata": {"labels": {"argocd.argoproj.io/instance": 7}}}),
            json!({"metadata": {"labels": "none", "annotations": []}}),
        ] {
            assert_eq!(gitops_warning(&object), None, "{object}");
        }
    }

    #[test]
    fn a_foreign_text_is_put_on_one_short_line() {
        let long = format!("a\nb{}", "x".repeat(10_000));
        let object = json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": long}}});
        let warning = gitops_warning(&object).unwrap();
        assert!(warning.len() < 500 && !warning.contains('\n'), "{warning}");
    }
}
