//! Where a new object goes. What is already in the repository is never moved.

use sha2::{Digest as _, Sha256};

use super::identity::Identity;
use crate::plugins::ske::domain::Invalid;

/// An empty file that keeps a folder in Git, so that the last object can be pruned by who follows the folder.
pub(in crate::plugins::ske) const KEEP_FILE: &str = ".gitkeep";

/// Longest name of a file or folder we make, in bytes, with its ending.
const LONGEST: usize = 200;

const ENDING: &str = ".yaml";

/// Bytes of the SHA-256 that go into a name, written as twice as many hexadecimal digits.
const DIGEST_BYTES: usize = 6;

/// Stands for the core group, whose name is empty.
const CORE: &str = "core";

/// How new files are laid out below the configured folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Layout {
    /// `<namespace>_<kind>.<group>_<name>.yaml`, all in one folder: what Argo CD reads without further settings.
    #[default]
    Flat,
    /// `<kind>.<group>/<namespace>/<name>.yaml`, for many objects and for those who read folders recursively.
    Nested,
}

/// The path for a new object: the plain one, or where that is taken by something else, one with a digest in it.
///
/// Kinds that differ in case alone share their plain path, as do an object and a file that somebody put there.
///
/// # Errors
/// Both are taken.
pub(in crate::plugins::ske) fn place(
    layout: Layout,
    base: &str,
    identity: &Identity,
    is_taken: impl Fn(&str) -> bool,
) -> Result<String, Invalid> {
    let below = |path: String| match base {
        "" => path,
        base => format!("{base}/{path}"),
    };
    let plain = below(path(layout, identity));
    if !is_taken(&plain) {
        return Ok(plain);
    }
    let marked = below(marked_path(layout, identity));
    if !is_taken(&marked) {
        return Ok(marked);
    }
    Err(Invalid(format!(
        "the repository holds something else at {plain} and at {marked}, where {identity} would be written; move it away"
    )))
}

/// The path by the object's identity alone, relative to the configured folder.
fn path(layout: Layout, identity: &Identity) -> String {
    // A group may be called `core`, and a name may be one that kustomize takes for itself.
    let ambiguous =
        &*identity.group == CORE || (layout == Layout::Nested && &*identity.name == "kustomization");
    if ambiguous {
        return marked_path(layout, identity);
    }
    let (folders, stem) = parts(layout, identity);
    let short = stem.len() + ENDING.len() <= LONGEST;
    folders
        + &if short {
            stem + ENDING
        } else {
            marked(&stem, identity)
        }
}

/// The path with a digest of the whole identity, case included; `_` begins it, which no part of an identity holds.
fn marked_path(layout: Layout, identity: &Identity) -> String {
    let (folders, stem) = parts(layout, identity);
    folders + &marked(&stem, identity)
}

/// The folders, each with a slash behind it, and the file's name without an ending.
fn parts(layout: Layout, identity: &Identity) -> (String, String) {
    let group = if identity.group.is_empty() {
        CORE
    } else {
        &*identity.group
    };
    let kind = format!("{}.{group}", identity.kind.to_lowercase());
    let name = &identity.name;
    match (layout, &identity.namespace) {
        (Layout::Flat, Some(namespace)) => (String::new(), format!("{namespace}_{kind}_{name}")),
        (Layout::Flat, None) => (String::new(), format!("{kind}_{name}")),
        (Layout::Nested, Some(namespace)) => (format!("{}/{namespace}/", folder(kind)), name.to_string()),
        (Layout::Nested, None) => (format!("{}/", folder(kind)), name.to_string()),
    }
}

fn folder(kind: String) -> String {
    if kind.len() <= LONGEST {
        return kind;
    }
    let digest = short_digest(&kind);
    let kept = cut(&kind, LONGEST - digest.len() - 1);
    format!("{kept}_{digest}")
}

fn marked(stem: &str, identity: &Identity) -> String {
    let namespace = identity.namespace.as_deref().unwrap_or_default();
    let whole = [&*identity.group, &*identity.kind, namespace, &*identity.name].join("/");
    let digest = short_digest(&whole);
    let kept = cut(stem, LONGEST - ENDING.len() - digest.len() - 1);
    format!("{kept}_{digest}{ENDING}")
}

fn short_digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..DIGEST_BYTES])
}

fn cut(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::plugins::ske::domain::ObjectRef;

    fn identity(api_version: &str, kind: &str, namespace: &str, name: &str) -> Identity {
        Identity::of(&ObjectRef::parse(api_version, kind, Some(namespace), name).unwrap()).unwrap()
    }

    fn both(identity: &Identity) -> [String; 2] {
        [Layout::Flat, Layout::Nested].map(|layout| path(layout, identity))
    }

    #[test]
    fn the_path_tells_namespace_kind_group_and_name() {
        assert_eq!(
            both(&identity("example.com/v1", "Redis", "team-a", "cache")),
            [
                "team-a_redis.example.com_cache.yaml",
                "redis.example.com/team-a/cache.yaml"
            ]
        );
        assert_eq!(
            both(&identity("v1", "ConfigMap", "", "cm")),
            ["default_configmap.core_cm.yaml", "configmap.core/default/cm.yaml"]
        );
        assert_eq!(
            both(&identity("platform.kratix.io/v1alpha1", "Promise", "x", "redis")),
            [
                "promise.platform.kratix.io_redis.yaml",
                "promise.platform.kratix.io/redis.yaml"
            ]
        );
    }

    #[test]
    fn the_version_does_not_change_the_path() {
        let of = |version: &str| both(&identity(version, "Redis", "a", "b"));
        assert_eq!(of("example.com/v1"), of("example.com/v2"));
    }

    #[test]
    fn a_long_name_is_cut_at_200_characters_and_told_apart_by_twelve_digits() {
        let long = |last: &str| {
            let name = format!("{}.{}{last}", "n".repeat(63), vec!["m".repeat(60); 3].join("."));
            path(
                Layout::Flat,
                &identity("example.com/v1", "Redis", "team-a", &name),
            )
        };
        let (one, other) = (long("a"), long("b"));
        assert_eq!((one.len(), other.len()), (LONGEST, LONGEST));
        assert_ne!(one, other);
        let digest = one.strip_suffix(".yaml").unwrap().rsplit('_').next().unwrap();
        assert!(
            digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{one}"
        );
        assert!(one.starts_with("team-a_redis.example.com_nnnn"), "{one}");
    }

    #[test]
    fn a_name_of_just_200_characters_is_whole() {
        let head = "a_b.c.d_".len();
        let name = |length: usize| {
            let labels = vec!["n".repeat(60); 4].join(".");
            labels[..length].trim_end_matches('.').to_owned()
        };
        let fits = name(LONGEST - head - ENDING.len());
        let of = |name: &str| path(Layout::Flat, &identity("c.d/v1", "B", "a", name));
        assert_eq!(of(&fits), format!("a_b.c.d_{fits}.yaml"));
        assert!(of(&format!("{fits}x")).len() <= LONGEST);
        assert!(!of(&format!("{fits}x")).contains(&format!("{fits}x")));
    }

    #[test]
    fn no_new_file_is_one_that_kustomize_takes_for_itself() {
        let [flat, nested] = both(&identity("example.com/v1", "Redis", "a", "kustomization"));
        assert_eq!(flat, "a_redis.example.com_kustomization.yaml");
        assert!(
            nested.starts_with("redis.example.com/a/kustomization_"),
            "{nested}"
        );
    }

    #[test]
    fn a_group_called_core_is_not_the_core_group() {
        let [ours, theirs] = ["v1", "core/v1"].map(|version| both(&identity(version, "A", "a", "b")));
        assert!(ours[0] != theirs[0] && ours[1] != theirs[1], "{theirs:?}");
    }

    #[test]
    fn kinds_that_differ_in_case_alone_get_files_of_their_own() {
        let (one, other) = (
            identity("e.com/v1", "Redis", "a", "b"),
            identity("e.com/v1", "REDIS", "a", "b"),
        );
        let first = place(Layout::Flat, "r", &one, |_| false).unwrap();
        assert_eq!(first, "r/a_redis.e.com_b.yaml");
        let second = place(Layout::Flat, "r", &other, |path| path == first).unwrap();
        assert!(
            second != first && second.starts_with("r/a_redis.e.com_b_"),
            "{second}"
        );
        let problem = place(Layout::Flat, "r", &other, |_| true)
            .unwrap_err()
            .to_string();
        assert!(problem.contains(&first) && problem.contains(&second), "{problem}");
    }

    fn label() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ab]",
            "[a-c0]{1,3}",
            Just("core".to_owned()),
            Just("kustomization".to_owned()),
            "a[a-z0-9-]{61}z"
        ]
    }

    fn dotted() -> impl Strategy<Value = String> {
        prop::collection::vec(label(), 1..5)
            .prop_map(|labels| labels.join("."))
            .prop_filter("too long", |text| text.len() <= 253)
    }

    fn any_identity() -> impl Strategy<Value = Identity> {
        let kind = prop_oneof![
            "[AB]",
            "[A-Ba-b]{1,3}",
            "[AB]-{1,2}[a-b]",
            "A[A-Za-z0-9-]{61}z",
            Just("Promise".to_owned())
        ];
        let group = prop_oneof![
            Just(String::new()),
            dotted(),
            Just("platform.kratix.io".to_owned())
        ];
        (group, kind, label(), dotted()).prop_map(|(group, kind, namespace, name)| {
            let slash = if group.is_empty() { "" } else { "/" };
            identity(&format!("{group}{slash}v1"), &kind, &namespace, &name)
        })
    }

    proptest! {
        #[test]
        fn two_identities_never_share_a_path(identities in prop::collection::vec(any_identity(), 2..20)) {
            for layout in [Layout::Flat, Layout::Nested] {
                let mut taken: HashMap<String, Identity> = HashMap::new();
                for identity in &identities {
                    let has = |path: &str| taken.get(path).is_some_and(|other| other != identity);
                    let path = place(layout, "", identity, has).unwrap();
                    prop_assert!(path.split('/').all(|part| part.len() <= LONGEST && !part.starts_with('.')));
                    prop_assert!(!super::super::selection::is_kustomization(&path));
                    if let Some(other) = taken.insert(path, identity.clone()) {
                        prop_assert_eq!(&other, identity);
                    }
                }
            }
        }

        #[test]
        fn identities_that_differ_in_more_than_case_differ_in_path(one in any_identity(), other in any_identity()) {
            let folded = |identity: &Identity| {
                Identity { kind: identity.kind.to_lowercase().into(), ..identity.clone() }
            };
            for layout in [Layout::Flat, Layout::Nested] {
                let same = path(layout, &one) == path(layout, &other);
                prop_assert_eq!(same, folded(&one) == folded(&other) && (one == other || same));
            }
        }
    }
}
