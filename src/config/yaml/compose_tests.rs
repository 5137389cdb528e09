//! What texts are read as, and which are refused.

use super::{Dialect, Room, parse, parse_documents, parse_manifests};

fn json(text: &str) -> String {
    let value = parse(text.as_bytes()).unwrap().unwrap();
    crate::config::json::to_json(&value).to_string()
}

fn fails(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn nothing_but_comments_is_no_document() {
    assert_eq!(parse(b"# only this\n"), Ok(None));
    assert_eq!(parse(b""), Ok(None));
}

#[test]
fn duplicate_keys_are_compared_by_what_they_stand_for() {
    assert_eq!(
        fails("1: a\n0x1: b"),
        "Map keys must be unique at line 2, column 1"
    );
    assert_eq!(json("1: a\n'1': b"), r#"{"1":"b"}"#);
    assert_eq!(json(".nan: a\n.NaN: b"), r#"{"NaN":"b"}"#);
}

#[test]
fn a_second_document_is_refused_but_manifests_may_have_many() {
    assert!(fails("a: 1\n---\n").starts_with("Source contains multiple documents"));
    let text = b"mode: 0644\n---\nb: yes\n---\n";
    let documents = parse_documents(text, Dialect::Yaml11, &mut Room::of_file()).unwrap();
    let documents: Vec<_> = documents
        .iter()
        .map(|one| crate::config::json::to_json(one).to_string())
        .collect();
    assert_eq!(documents, [r#"{"mode":420}"#, r#"{"b":true}"#, "null"]);
}

#[test]
fn a_scalar_can_be_used_ninety_nine_times() {
    let uses = |count| format!("a: &a x\nb: [{}]", vec!["*a"; count].join(","));
    assert!(parse(uses(99).as_bytes()).is_ok());
    assert!(fails(&uses(100)).starts_with("Excessive alias count"));
}

#[test]
fn an_alias_inside_its_own_anchor_fails() {
    assert!(fails("a: &a [*a]").contains("inside the value it names"));
}

#[test]
fn aliases_of_empty_values_cannot_multiply_without_end() {
    let thousand = |name: &str| vec![format!("*{name}"); 1000].join(",");
    let text = format!("a: &a []\nb: &b [{}]\nc: [{}]", thousand("a"), thousand("b"));
    assert!(fails(&text).contains("more than 1000000 values"));
    let one = format!(
        "a: &a []\nb: &b [{}]\nc: [{}]\n",
        thousand("a"),
        "*b,".repeat(500)
    );
    assert_eq!(
        parse_documents(one.as_bytes(), Dialect::Core, &mut Room::of_operator()).map(|all| all.len()),
        Ok(1)
    );
    let three = [one.as_str(); 3].join("---\n");
    assert!(parse_documents(three.as_bytes(), Dialect::Core, &mut Room::of_operator()).is_err());
}

#[test]
fn a_key_made_of_a_list_counts_by_its_length() {
    let key = vec!["[]"; 10_000].join(",");
    let text = format!(
        "e: &e []\na: &a {{? [{key}] : *e}}\nb: &b [{}]",
        "*a,".repeat(5000)
    );
    assert!(fails(&text).contains("more than 1000000 values"));
}

#[test]
fn anchors_around_anchors_cannot_multiply_what_they_hold() {
    let many = vec!["*a"; 9000].join(",");
    let nested = (0..200).map(|level| format!("&n{level} [")).collect::<String>();
    let text = format!("a: &a []\nb: {nested}{many}{}", "]".repeat(200));
    assert!(fails(&text).contains("more than 1000000 values"));
}

#[test]
fn a_callers_text_stands_for_few_values_whatever_multiplies() {
    let list = |item: &str, times| vec![item; times].join(",");
    let (open, close) = ("&n [".repeat(110), "]".repeat(110));
    for text in [
        format!("a: &a [{}]\nb: [{}]", list("{a: 1}", 1500), list("*a", 90)),
        format!("a: &a {}\nb: [{}]", "x".repeat(60_000), list("*a", 90)),
        format!("a: &a {{? {} : 1}}\nb: [{}]", "k".repeat(50_000), list("*a", 90)),
        format!("a: {open}{}{close}", list("1", 1000)),
        format!(
            "%YAML 1.1\n---\na: &a {{{}}}\nb: [{}]",
            list("? k", 1),
            list("{<<: *a}", 4000)
        ),
        "--- a\n".repeat(12_000),
        format!("[{}]", list("1", 12_000)),
        format!("[{}]", list("{a: 1}", 4000)),
    ] {
        let read = parse_documents(text.as_bytes(), Dialect::Core, &mut Room::of_caller());
        let problem = read.map(|all| all.len()).unwrap_err().to_string();
        let fits = problem.contains("more than 10000 values") || problem.contains("Excessive alias");
        assert!(fits, "{}: {problem}", &text[..20]);
    }
}

#[test]
fn a_callers_honest_text_of_100_kb_is_read() {
    let lines: String = (0..4000)
        .map(|line| format!("setting-{line}: value-{line}\n"))
        .collect();
    let aliases = format!("a: &a [{}]\nb: [*a, *a]\n", vec!["{x: 1}"; 500].join(","));
    for text in [lines, aliases, format!("a: |\n{}", "  text\n".repeat(14_000))] {
        let read = parse_documents(text.as_bytes(), Dialect::Core, &mut Room::of_caller());
        assert_eq!(read.map(|all| all.len()), Ok(1));
    }
}

#[test]
fn aliases_cannot_nest_deeper_than_the_stack_allows() {
    let chain = |links: usize| {
        let link = |level| format!("k{}: &k{} [*k{level}]\n", level + 1, level + 1);
        "k0: &k0 []\n".to_owned() + &(0..links).map(link).collect::<String>()
    };
    assert!(parse(chain(390).as_bytes()).is_ok());
    assert!(fails(&chain(20_000)).contains("more than 400 levels"));
}

#[test]
fn deep_nesting_fails_instead_of_overflowing_the_stack() {
    assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    assert!(parse(format!("a: {}1", "- ".repeat(5_000)).as_bytes()).is_err());
    assert!(parse(format!("{}1", "- ".repeat(200)).as_bytes()).is_ok());
}

#[test]
fn an_object_has_at_most_120_levels_however_they_are_written() {
    let documents = |text: &str| parse_documents(text.as_bytes(), Dialect::Core, &mut Room::of_caller());
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
        let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        assert!(documents(&nested(119)).is_ok(), "{open}");
        let problem = documents(&nested(120)).unwrap_err().to_string();
        assert!(problem.contains("more than 120 levels"), "{open}: {problem}");
    }
}

#[test]
fn what_names_an_object_is_text_as_it_is_written() {
    let read = |text: &str| {
        let read = parse_manifests(text).unwrap().remove(0);
        crate::config::json::to_json(&read).to_string()
    };
    for name in [
        "007",
        "1e3",
        "0x10",
        "0o17",
        "1.10",
        "true",
        "12345678901234567890123",
        ".inf",
        "on",
        "2026-12-01",
    ] {
        let labels = format!("{{a: {name}, 1: {name}}}");
        let object =
            format!("metadata: {{name: {name}, namespace: {name}, labels: {labels}, annotations: {labels}}}");
        let said = read(&object);
        assert_eq!(said.matches(&format!(r#":"{name}""#)).count(), 6, "{said}");
    }
    assert_eq!(
        read("metadata: {name: null, namespace: }"),
        r#"{"metadata":{"name":null,"namespace":null}}"#
    );
    let elsewhere =
        "metadata: {name: {name: 1}, generation: 1, finalizers: [1]}\nname: 1\nspec: {metadata: {name: 1}}";
    assert_eq!(
        read(elsewhere),
        r#"{"metadata":{"name":{"name":1},"generation":1,"finalizers":[1]},"name":1,"spec":{"metadata":{"name":1}}}"#
    );
}

#[test]
fn a_tag_of_yaml_1_1_makes_a_merge_key_too() {
    for key in ["!!merge <<", "!!merge '<<'", "!<tag:yaml.org,2002:merge> <<"] {
        let text = format!("%YAML 1.1\n---\na: &a {{x: 1}}\nb: {{{key}: *a}}");
        assert_eq!(json(&text), r#"{"a":{"x":1},"b":{"x":1}}"#, "{key}");
    }
    assert_eq!(json("%YAML 1.1\n---\nb: {'<<': 1}"), r#"{"b":{"<<":1}}"#);
}

#[test]
fn merge_keys_work_in_yaml_1_1_only() {
    assert_eq!(
        json("a: &a {x: 1}\nb: {<<: *a}"),
        r#"{"a":{"x":1},"b":{"<<":{"x":1}}}"#
    );
    assert_eq!(
        json("%YAML 1.1\n---\na: &a {x: 1, y: 1}\nb: {<<: [*a, {z: 3}], y: 2}"),
        r#"{"a":{"x":1,"true":1},"b":{"x":1,"true":2,"z":3}}"#
    );
}
