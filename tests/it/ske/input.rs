//! What nobody should send, and the sentence it is answered with.

use serde_json::{Value, json};

use super::place::{CONFIGURE, Place};

/// A manifest as text; `{spec}` is what is tried.
fn with_spec(place: &Place, spec: &str) -> Value {
    let (api_version, namespace) = (place.kind.api_version(), &place.namespace);
    let head = format!(
        "apiVersion: {api_version}\nkind: Database\nmetadata: {{name: mine, namespace: {namespace}}}\n"
    );
    json!({ "manifest": format!("{head}spec: {spec}\n") })
}

#[tokio::test]
async fn a_manifest_that_is_no_yaml_of_one_object_is_a_400_that_says_where() {
    let place = Place::open().await;
    let bomb = (0..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, level| {
        let next = level + 1;
        let aliases = vec![format!("*a{level}"); 9].join(",");
        format!("{text}a{next}: &a{next} [{aliases}]\n")
    });
    let deep = "[".repeat(20_000);
    for (text, said) in [
        ("", "empty"),
        ("# nothing\n---\n", "empty"),
        ("just words", "must be a mapping"),
        ("- a\n- b\n", "must be a mapping"),
        ("a: [1, 2", "not valid YAML"),
        ("spec:\n\tsize: small\n", "not valid YAML"),
        ("a: \u{0}", "not valid YAML"),
        ("a: 1\na: 2\n", "line 2"),
        ("a: *nobody\n", "not valid YAML"),
        (deep.as_str(), "not valid YAML"),
        (bomb.as_str(), "not valid YAML"),
    ] {
        let (status, message) = place.configure(&json!({ "manifest": text })).await.refused();
        let begins: String = text.chars().take(20).collect();
        assert!(
            status == 400 && message.contains(said),
            "{begins:?}: {status} {message}"
        );
        assert!(message.len() < 1000, "{begins:?}: {} bytes", message.len());
    }
    let one = with_spec(&place, "{size: small}")["manifest"]
        .as_str()
        .unwrap()
        .to_owned();
    let two = json!({ "manifest": format!("{one}---\n{one}") });
    let (status, message) = place.configure(&two).await.refused();
    assert!(
        status == 400 && message.contains("2 documents; give one object at a time"),
        "{message}"
    );
    for text in [format!("---\n{one}---\n# the end\n"), one.replace('\n', "\r\n")] {
        place.configure(&json!({ "manifest": text })).await.ok();
    }
}

#[tokio::test]
async fn a_body_without_a_manifest_is_a_400_that_says_what_is_wanted() {
    let place = Place::open().await;
    for body in [
        json!({}),
        json!({"manifest": null}),
        json!({"manifest": 7}),
        json!({"manifest": [{}]}),
        json!({"manifest": true}),
    ] {
        let (status, message) = place.configure(&body).await.refused();
        assert!(
            status == 400 && message.contains("'manifest' is missing"),
            "{body}: {message}"
        );
    }
    for body in ["[]", "\"text\"", "7", "null", ""] {
        assert_eq!(
            place.send(CONFIGURE, "application/json", body).await.refused().0,
            400,
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn a_manifest_that_names_no_object_is_a_400_that_names_the_field() {
    let place = Place::open().await;
    let whole = place.kind.request("mine", json!({"size": "small"}));
    for (pointer, value, said) in [
        ("/apiVersion", Value::Null, "apiVersion is missing"),
        ("/apiVersion", json!(1), "apiVersion must be text"),
        ("/apiVersion", json!("undefined/undefined"), "kratix.io/group"),
        ("/kind", json!(""), "kind is missing"),
        ("/kind", json!({}), "kind must be text"),
        ("/kind", json!("Data_base"), "kind 'Data_base'"),
        ("/metadata", json!([]), "metadata must be a mapping"),
        ("/metadata/name", Value::Null, "metadata.name is missing"),
        ("/metadata/name", json!(7), "metadata.name must be text"),
        ("/metadata/name", json!("mine/status"), "name 'mine/status'"),
        (
            "/metadata",
            json!({"generateName": "mine-"}),
            "metadata.generateName",
        ),
        (
            "/metadata",
            json!({"name": "mine", "namespace": "No"}),
            "namespace 'No'",
        ),
        (
            "/metadata",
            json!({"name": "mine", "labels": {"on": true}}),
            "metadata.labels 'on' must be text",
        ),
        (
            "/metadata",
            json!({"name": "mine", "annotations": {"n": 1}}),
            "metadata.annotations 'n' must be text",
        ),
    ] {
        let mut object = whole.clone();
        *object.pointer_mut(pointer).unwrap() = value;
        let (status, message) = place.configure(&json!({ "manifest": object })).await.refused();
        assert!(
            status == 400 && message.contains(said),
            "{object}: {status} {message}"
        );
    }
}

#[tokio::test]
async fn a_name_only_the_server_refuses_is_a_422_when_written_and_a_404_when_read() {
    let place = Place::open().await;
    let long = "a".repeat(253);
    for name in ["UPPER", "under_score", "-dash", "a..b", "mïne", "a b", "a?b"] {
        let (status, message) = place.write(name, json!({"size": "small"})).await.refused();
        assert!(
            status == 422 && message.contains("metadata.name: Invalid value"),
            "{name}: {status} {message}"
        );
        let (status, _) = place
            .read(&name.replace(' ', "%20").replace('?', "%3F"))
            .await
            .refused();
        assert_eq!(status, 404, "{name}");
    }
    place.write(&long, json!({"size": "small"})).await.ok();
    let (status, message) = place
        .write(&format!("{long}a"), json!({"size": "small"}))
        .await
        .refused();
    assert!(status == 400 && message.contains("253 characters"), "{message}");
}

#[tokio::test]
async fn a_number_is_passed_on_exactly_or_refused() {
    let place = Place::open().await;
    for number in [
        "18446744073709551616",
        "9007199254740993.0",
        "1e400",
        "-.inf",
        ".nan",
        "123456789012345678901234567890",
    ] {
        let spec = format!("{{size: small, replicas: {number}}}");
        let (status, message) = place.configure(&with_spec(&place, &spec)).await.refused();
        assert!(
            status == 400 && message.contains("spec.replicas"),
            "{number}: {status} {message}"
        );
    }
    place
        .configure(&with_spec(&place, "{size: small, replicas: 2.0}"))
        .await
        .ok();
    assert_eq!(place.live("mine").await["spec"]["replicas"], json!(2));
    let (status, message) = place
        .configure(&with_spec(&place, "{size: small, replicas: 2.5}"))
        .await
        .refused();
    assert!(status == 422 && message.contains("spec.replicas"), "{message}");
}

#[tokio::test]
async fn values_of_the_wrong_type_are_the_servers_to_refuse_and_text_stays_text() {
    let place = Place::open().await;
    for (spec, field) in [
        ("{size: [small]}", "spec.size"),
        ("{size: small, replicas: two}", "spec.replicas"),
        ("{size: small, tags: {a: b}}", "spec.tags"),
        ("{size: small, backups: 'true'}", "spec.backups"),
        ("{size: small, settings: [x]}", "spec.settings"),
        ("[small]", "spec"),
        ("small", "spec"),
    ] {
        let (status, message) = place.configure(&with_spec(&place, spec)).await.refused();
        assert!(
            status == 422 && message.contains(field),
            "{spec}: {status} {message}"
        );
    }
    let words = "{size: small, settings: {a: yes, b: 'on', c: 12:30, d: 2026-01-01, e: '014'}}";
    place.configure(&with_spec(&place, words)).await.ok();
    let settings = place.live("mine").await["spec"]["settings"].clone();
    assert_eq!(
        settings,
        json!({"a": "yes", "b": "on", "c": "12:30", "d": "2026-01-01", "e": "014"})
    );
}

#[tokio::test]
async fn nesting_that_is_deep_but_read_is_the_servers_to_judge() {
    let place = Place::open().await;
    let nested = |depth: usize| {
        format!(
            "{{size: small, settings: {}{}}}",
            "{a: ".repeat(depth),
            "}".repeat(depth)
        )
    };
    let (status, message) = place.configure(&with_spec(&place, &nested(100))).await.refused();
    assert_eq!(status, 422, "{message}");
    for depth in [118, 250, 5_000] {
        let said = place.configure(&with_spec(&place, &nested(depth))).await;
        let (status, message) = said.refused();
        assert!(
            status == 400 && message.contains("not valid YAML"),
            "{depth}: {message}"
        );
    }
    let chained = (1..200).fold("a0: &a0 []\n".to_owned(), |text, level| {
        format!("{text}a{level}: &a{level} [*a{}]\n", level - 1)
    });
    let (status, message) = place.configure(&json!({ "manifest": chained })).await.refused();
    assert!(
        status == 400 && message.contains("more than 10000 values"),
        "{message}"
    );
    let json = format!("{{\"manifest\":{}1{}}}", "{\"a\":".repeat(500), "}".repeat(500));
    assert_eq!(
        place.send(CONFIGURE, "application/json", json).await.refused().0,
        400
    );
}

#[tokio::test]
async fn a_manifest_larger_than_a_body_may_be_is_a_413_and_a_large_one_arrives_whole() {
    let place = Place::open().await;
    let text = "x".repeat(60_000);
    let mut body = with_spec(&place, &format!("{{size: small, settings: {{text: {text}}}}}"));
    place.configure(&body).await.ok();
    assert_eq!(
        place.live("mine").await["spec"]["settings"]["text"],
        text.as_str()
    );
    body["manifest"] = json!(format!(
        "{}# {}",
        body["manifest"].as_str().unwrap(),
        "y".repeat(60_000)
    ));
    let (status, message) = place.configure(&body).await.refused();
    assert_eq!(status, 413, "{message}");
}
