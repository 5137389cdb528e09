//! What changing one document leaves as it was, down to the byte.

use serde_json::{Value, json};

use super::{
    Change,
    documents::File,
    identity::Identity,
    index::{Found, Index},
    scan::{Spot, scan},
    write::{Edited, Refused, create, remove, replace},
};
use crate::plugins::ske::domain::ObjectRef;

fn identity(name: &str) -> Identity {
    Identity::of(&ObjectRef::parse("e.com/v1", "Redis", None, name).unwrap()).unwrap()
}

fn redis(name: &str, size: &str) -> Value {
    json!({"apiVersion": "e.com/v1", "kind": "Redis", "metadata": {"name": name}, "spec": {"size": size}})
}

/// The same as the writer writes it.
fn written(name: &str, size: &str) -> String {
    format!("apiVersion: e.com/v1\nkind: Redis\nmetadata:\n  name: {name}\nspec:\n  size: {size}\n")
}

fn spot(text: &str, name: &str) -> Spot {
    let mut index = Index::default();
    index.apply([Change {
        path: "x".to_owned(),
        now: Some(((), scan(text.as_bytes()))),
    }]);
    match index.find(&identity(name)) {
        Found::One(place) => place.spot,
        other => panic!("{name}: {other:?} in {text}"),
    }
}

fn text(edited: Result<Edited, Refused>) -> String {
    match edited.unwrap() {
        Edited::Written(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn replaced(before: &str, name: &str, after: &str) {
    let edited = replace(
        "x.yaml",
        before.as_bytes(),
        spot(before, name),
        &redis(name, "big"),
    );
    assert_eq!(text(edited), after);
}

#[track_caller]
fn removed(before: &str, name: &str, after: &str) {
    let edited = remove("x.yaml", before.as_bytes(), spot(before, name), &identity(name));
    assert_eq!(text(edited), after);
}

#[test]
fn a_document_between_others_changes_alone() {
    let (a, b, c) = (
        written("a", "small"),
        written("b", "small"),
        written("c", "small"),
    );
    let file = |b: &str| {
        format!(
            "# Licence\n\n---\n# about a\n{a}# after a\n---   # about b\n\n  # more\n{b}\n# after b\n---\n{c}"
        )
    };
    replaced(&file(&b), "b", &file(&written("b", "big")));
}

#[test]
fn what_people_write_by_hand_stays_around_the_document() {
    let hand = "# head\n\nkind:   Redis   # inner\napiVersion: 'e.com/v1'\nmetadata: {name: a}\n\nspec:\n    # why\n    size: small\n\n\
                # tail\n\n";
    replaced(
        hand,
        "a",
        &format!("# head\n\n{}\n# tail\n\n", written("a", "big")),
    );
}

#[test]
fn the_end_of_a_block_text_is_not_taken_for_a_comment() {
    let block = "apiVersion: e.com/v1\nkind: Redis\nmetadata: {name: a}\nspec:\n  script: |\n    echo\n    # last\n\n    # really\n";
    replaced(
        &format!("{block}# tail\n---\n{}", written("b", "x")),
        "a",
        &format!("{}# tail\n---\n{}", written("a", "big"), written("b", "x")),
    );
    let kept = block.replace('|', "|+") + "\n\n  # tail\n";
    replaced(&kept, "a", &format!("{}  # tail\n", written("a", "big")));
    let quoted = "{apiVersion: e.com/v1, kind: Redis, metadata: {name: a}, spec: {x: \"a\n# b\"\n\n# c\n}\n}\n# tail\n";
    replaced(quoted, "a", &format!("{}# tail\n", written("a", "big")));
}

#[test]
fn content_on_the_marker_line_moves_below_it() {
    let flow = "{apiVersion: e.com/v1, kind: Redis, metadata: {name: a}}";
    let after = format!("---\n{}", written("a", "big"));
    replaced(&format!("--- {flow}\n"), "a", &after);
    replaced(&format!("---\t{flow}"), "a", &after);
    replaced(&format!("--- !!map # x\n{flow}\n"), "a", &after);
    replaced(
        &format!("--- # note\n{flow}\n"),
        "a",
        &format!("--- # note\n{}", written("a", "big")),
    );
}

#[test]
fn markers_directives_and_end_marks_stay() {
    replaced(
        &format!(
            "%YAML 1.1\n# c\n---\n{}...\n# d\n%YAML 1.2\n---\n{}...\n",
            written("a", "x"),
            written("b", "x")
        ),
        "b",
        &format!(
            "%YAML 1.1\n# c\n---\n{}...\n# d\n%YAML 1.2\n---\n{}...\n",
            written("a", "x"),
            written("b", "big")
        ),
    );
}

#[test]
fn line_ends_and_a_byte_order_mark_stay_as_the_file_has_them() {
    let crlf = |text: String| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let file = |a: &str| crlf(format!("# c\n{a}---\n{}", written("b", "x")));
    replaced(&file(&written("a", "x")), "a", &file(&written("a", "big")));
    let without = written("a", "x");
    replaced(without.trim_end(), "a", &written("a", "big"));
}

#[test]
fn a_broken_neighbour_stays_as_broken_as_it_was() {
    let file = |a: &str| format!("b: [\n---\n{a}---\nc: 'x\n");
    replaced(&file(&written("a", "x")), "a", &file(&written("a", "big")));
}

#[test]
fn a_json_file_stays_json() {
    let before = serde_json::to_string(&redis("a", "small")).unwrap();
    let edited = replace(
        "x.json",
        before.as_bytes(),
        spot(&before, "a"),
        &redis("a", "big"),
    );
    let after = text(edited);
    assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), redis("a", "big"));
    assert!(after.ends_with("\n}\n"), "{after}");
    let created = create("y.json", &redis("a", "on")).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&created).unwrap(),
        redis("a", "on")
    );
}

#[test]
fn nothing_changed_means_nothing_to_commit() {
    let before = "{kind: Redis, apiVersion: e.com/v1, spec: {size: 'big'}, metadata: {name: a, uid: x}, status: {y: 1}} # c\n";
    let at = spot(before, "a");
    assert_eq!(
        replace("x.yaml", before.as_bytes(), at, &redis("a", "big")),
        Ok(Edited::Unchanged)
    );
    assert_ne!(
        replace("x.yaml", before.as_bytes(), at, &redis("a", "bigger")),
        Ok(Edited::Unchanged)
    );
}

#[test]
fn words_that_yaml_versions_read_differently_count_as_changes() {
    let before = written("a", "on");
    replaced(&before, "a", &written("a", "big"));
    let edited = replace("x.yaml", before.as_bytes(), spot(&before, "a"), &redis("a", "on"));
    assert_eq!(text(edited), written("a", "\"on\""));
}

#[test]
fn an_item_of_a_list_is_refused_with_file_and_line() {
    let list = format!(
        "# c\n---\napiVersion: v1\nkind: List\nitems:\n- {}",
        serde_json::to_string(&redis("a", "x")).unwrap()
    );
    let at = spot(&list, "a");
    for refused in [
        replace("r/x.yaml", list.as_bytes(), at, &redis("a", "big")),
        remove("r/x.yaml", list.as_bytes(), at, &identity("a")),
    ] {
        let problem = refused.unwrap_err().to_string();
        assert!(
            problem.starts_with("r/x.yaml, line 1: ") && problem.contains("list"),
            "{problem}"
        );
    }
}

#[test]
fn another_object_at_the_spot_is_neither_replaced_nor_removed() {
    let (file, at) = (written("b", "x"), spot(&written("a", "x"), "a"));
    for refused in [
        replace("x.yaml", file.as_bytes(), at, &redis("a", "big")),
        remove("x.yaml", file.as_bytes(), at, &identity("a")),
        replace("x.yaml", b"# gone\n", at, &redis("a", "big")),
        remove("x.yaml", b"a: [\n", at, &identity("a")),
        remove("x.yaml", b"\xff", at, &identity("a")),
    ] {
        assert!(matches!(refused, Err(Refused::Broken { .. })), "{refused:?}");
    }
}

#[test]
fn a_document_goes_with_its_marker_and_its_neighbours_stay() {
    let (a, b, c) = (written("a", "x"), written("b", "x"), written("c", "x"));
    let file = format!("# top\n---\n# about a\n{a}# after a\n---\n# about b\n{b}# after b\n---\n{c}# end\n");
    removed(
        &file,
        "a",
        &format!("# top\n# after a\n---\n# about b\n{b}# after b\n---\n{c}# end\n"),
    );
    removed(
        &file,
        "b",
        &format!("# top\n---\n# about a\n{a}# after a\n# after b\n---\n{c}# end\n"),
    );
    removed(
        &file,
        "c",
        &format!("# top\n---\n# about a\n{a}# after a\n---\n# about b\n{b}# after b\n# end\n"),
    );
    removed(&format!("{a}---\n{b}"), "a", &format!("---\n{b}"));
}

#[test]
fn what_separates_the_neighbours_stays_when_it_is_needed() {
    let (a, b, c) = (written("a", "x"), written("b", "x"), written("c", "x"));
    removed(&format!("{a}---\n{b}...\n{c}"), "b", &format!("{a}...\n{c}"));
    removed(&format!("{a}...\n{b}...\n{c}"), "b", &format!("{a}...\n{c}"));
    removed(&format!("{a}...\n{b}...\n{c}"), "a", &format!("{b}...\n{c}"));
    removed(&format!("{a}---\n{b}...\n---\n{c}"), "b", &format!("{a}---\n{c}"));
    removed(
        &format!("{a}---\n{b}...\n%YAML 1.2\n---\n{c}"),
        "b",
        &format!("{a}...\n%YAML 1.2\n---\n{c}"),
    );
    removed(
        &format!("%YAML 1.2\n# n\n---\n{a}...\n%YAML 1.1\n---\n{c}"),
        "a",
        &format!("# n\n%YAML 1.1\n---\n{c}"),
    );
    removed(&format!("%YAML 1.2\n---\n{a}---\n{c}"), "a", &format!("---\n{c}"));
}

#[test]
fn the_last_document_takes_the_file_with_it_unless_something_else_is_in_it() {
    let a = written("a", "x");
    let gone = |text: &str| remove("x.yaml", text.as_bytes(), spot(text, "a"), &identity("a")).unwrap();
    for alone in [
        a.clone(),
        format!("# top\n---\n{a}# end\n"),
        format!("---\n---\n{a}---\n# nothing\n"),
    ] {
        assert_eq!(gone(&alone), Edited::Emptied, "{alone}");
    }
    for kept in ["a: [\n", "note: not an object\n"] {
        let rest = gone(&format!("{a}---\n{kept}"));
        assert_eq!(rest, Edited::Written(format!("---\n{kept}").into_bytes()));
    }
}

#[test]
fn a_new_file_holds_one_document_that_is_read_as_it_was_meant() {
    let bytes = create("x.yaml", &redis("a", "yes")).unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    assert_eq!(text, written("a", "\"yes\""));
    assert_eq!(File::read(&bytes).unwrap().documents.len(), 1);
}

#[test]
fn what_cannot_be_written_so_that_all_read_it_alike_is_refused() {
    let unread = json!({"a": [{"__proto__": 1}]});
    for path in ["r/x.yaml", "r/x.json"] {
        let problem = create(path, &unread).unwrap_err().to_string();
        assert!(
            problem.contains(path) && problem.contains("'__proto__'"),
            "{problem}"
        );
    }
}
