//! Which names are taken, and how references read.

use std::fmt;

use super::object_ref::*;

fn refused<T: fmt::Debug>(read: Result<T, Invalid>) -> String {
    read.unwrap_err().to_string()
}

#[test]
fn an_api_version_is_a_version_or_a_group_and_a_version() {
    for (text, group, version) in [
        ("v1", "", "v1"),
        ("apps/v1", "apps", "v1"),
        ("platform.kratix.io/v1alpha1", "platform.kratix.io", "v1alpha1"),
    ] {
        let read = ApiVersion::parse(text).unwrap();
        assert_eq!((read.group(), read.version()), (group, version));
        assert_eq!(read.to_string(), text);
    }
}

#[test]
fn an_api_version_of_another_form_is_refused() {
    let long = format!("{}/v1", vec!["a".repeat(60); 5].join("."));
    for text in [
        "",
        "/",
        "/v1",
        "apps/",
        "a/b/v1",
        "Apps/v1",
        "a..b/v1",
        "-a/v1",
        "v 1",
        "V1",
        "1v",
        "apps/v1%2f",
        "../v1",
        "apps/v1\n",
        &long,
    ] {
        let problem = refused(ApiVersion::parse(text));
        assert!(
            problem.starts_with("apiVersion ") && problem.contains("group/version"),
            "{text:?}: {problem}"
        );
    }
}

#[test]
fn the_frontends_undefined_names_the_annotations_that_are_missing() {
    for text in [
        "undefined",
        "undefined/undefined",
        "undefined/v1",
        "example.com/undefined",
        "a/undefined/b",
    ] {
        let problem = refused(ApiVersion::parse(text));
        assert!(
            problem.contains("'kratix.io/group'") && problem.contains("'kratix.io/version'"),
            "{problem}"
        );
    }
}

#[test]
fn a_kind_is_a_label_of_rfc_1035_in_any_case() {
    let longest = "K".repeat(63);
    for text in [
        "ConfigMap",
        "redis",
        "A",
        "K8s",
        "argocd-application",
        "Paved-Path-Demo",
        "a--b",
        "a-1",
        &longest,
    ] {
        assert_eq!(Kind::parse(text).unwrap().as_str(), text);
    }
    let too_long = "K".repeat(64);
    for text in [
        "",
        "8s",
        "-a",
        "a-",
        "-",
        "pods/log",
        "a.b",
        "a_b",
        "\u{212a}ey",
        "Ü",
        "a b",
        "a\n",
        "..",
        &too_long,
    ] {
        assert!(refused(Kind::parse(text)).starts_with("kind "), "{text:?}");
    }
}

#[test]
fn a_name_with_a_slash_or_anything_else_that_changes_a_path_is_refused() {
    let too_long = "n".repeat(254);
    for text in [
        "", ".", "..", "a/b", "/", "%2e", "a%", "a\0", "a\nb", "\u{7f}", "\u{85}", &too_long,
    ] {
        assert!(refused(ObjectName::parse(text)).starts_with("name "), "{text:?}");
    }
    let longest = "n".repeat(253);
    for text in ["db", "...", "system:node", "a.b", "A_b", &longest] {
        assert_eq!(ObjectName::parse(text).unwrap().as_str(), text);
    }
    assert!(ObjectName::parse(&"é".repeat(127)).is_err(), "254 bytes");
}

#[test]
fn a_namespace_is_a_label_and_default_when_empty() {
    assert_eq!(Namespace::parse("").unwrap().as_str(), "default");
    assert_eq!(Namespace::parse("team-a-2").unwrap().as_str(), "team-a-2");
    let too_long = "n".repeat(64);
    for text in ["-a", "a-", "a.b", "A", "a/b", "..", "a_b", " ", &too_long] {
        assert!(
            refused(Namespace::parse(text)).starts_with("namespace "),
            "{text:?}"
        );
    }
}

#[test]
fn a_reference_without_a_namespace_is_in_default_and_reads_as_people_write_it() {
    let object = ObjectRef::parse("example.com/v1", "Redis", None, "cache").unwrap();
    assert_eq!(object.to_string(), "Redis default/cache");
    let object = ObjectRef::parse("v1", "ConfigMap", Some("team-a"), "cm").unwrap();
    assert_eq!(object.to_string(), "ConfigMap team-a/cm");
    let promise = ObjectRef::parse("platform.kratix.io/v1alpha1", "Promise", None, "redis").unwrap();
    assert_eq!(promise.to_string(), "Promise redis");
    assert_eq!(object.known_to_be(false).to_string(), "ConfigMap cm");
    assert_eq!(promise.known_to_be(true).to_string(), "Promise default/redis");
    assert_eq!(
        refused(ObjectRef::parse("v1", "", None, "x")).split(';').next(),
        Some("kind is missing")
    );
}

#[test]
fn a_refused_text_is_repeated_on_one_short_line() {
    let problem = refused(Kind::parse(&format!("a\nb{}", "x".repeat(10_000))));
    assert!(problem.len() < 300 && !problem.contains('\n'), "{problem}");
}
