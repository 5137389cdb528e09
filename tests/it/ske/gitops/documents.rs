//! A file that people wrote by hand, with comments and habits: a change leaves all of it but the one document.

use serde_json::{Value, json};

use super::place::{Depot, TEAM};
use crate::ske::portal::manifest;

const FILE: &str = "requests/databases.yaml";

/// As people write: comments everywhere, blanks, flow style, quotes, anchors, a document end, odd indentation.
const BY_HAND: &str = r#"# Databases of the team.
#   Ask Ann before you change anything here!

---
# The first one, since 2019.
apiVersion: example.org/v1   # still v1
kind:       Database
metadata: {name: first, namespace: team,   labels: {"a":   'b'}}
spec:
    size: small      # enough
    notes: |
        several

          lines
    common: &common {x: 1, "on": 'yes'}
    more: *common
...
# Between two documents.
---
# Mine.
apiVersion: example.org/v1
kind: Database
metadata:
  name: mine
  namespace: team
spec:
  size: small
  replicas: 2
# Behind mine.

--- # the last one
kind: Database
apiVersion: example.org/v1
spec: {size: large,
  tags: [ a,b ,c ]}
metadata:
      namespace: team
      name: last
# The end, without a line break"#;

/// The lines of `mine`, comments included, counted from one.
fn lines_of_mine() -> std::ops::RangeInclusive<usize> {
    let line = |text: &str| BY_HAND.lines().position(|line| line == text).unwrap() + 1;
    line("# Mine.")..=line("# Behind mine.")
}

/// The first line and the count of lines the newest commit takes away, hunk by hunk.
fn hunks(depot: &Depot) -> Vec<(usize, usize)> {
    let diff = depot.remote.git(&["diff", "--unified=0", "main~1", "main"]);
    let headers = diff.lines().filter_map(|line| line.strip_prefix("@@ -"));
    let hunk = |header: &str| {
        let old = header.split(' ').next().unwrap();
        let (first, count) = old.split_once(',').unwrap_or((old, "1"));
        (first.parse().unwrap(), count.parse().unwrap())
    };
    headers.map(hunk).collect()
}

async fn neighbours(depot: &Depot) -> [Value; 2] {
    [
        Depot::spec_of(depot.read("first").await),
        Depot::spec_of(depot.read("last").await),
    ]
}

#[tokio::test]
async fn an_update_changes_the_lines_that_changed_and_nothing_else_of_a_hand_written_file() {
    let depot = Depot::holding(&[(FILE, BY_HAND)]).await;
    let before = neighbours(&depot).await;
    depot
        .write("mine", json!({ "size": "large", "replicas": 2 }))
        .await
        .ok();
    let diff = depot
        .remote
        .git(&["diff", "--unified=0", "--no-color", "main~1", "main"]);
    let body: Vec<_> = diff.lines().skip_while(|line| !line.starts_with("@@")).collect();
    let at = BY_HAND.lines().position(|line| line == "  replicas: 2").unwrap();
    assert_eq!(
        body,
        [
            format!("@@ -{at} +{at} @@ spec:").as_str(),
            "-  size: small",
            "+  size: large"
        ],
        "{diff}"
    );
    assert_eq!(diff.matches("diff --git").count(), 1, "{diff}");
    assert_eq!(neighbours(&depot).await, before);
}

#[tokio::test]
async fn larger_changes_stay_within_the_document_too() {
    let depot = Depot::holding(&[(FILE, BY_HAND)]).await;
    let before = neighbours(&depot).await;
    let mut body = manifest(
        &depot.kind,
        TEAM,
        "mine",
        json!({ "nested": { "on": "off", "list": [1, { "a": "b" }] } }),
    );
    body["manifest"]["metadata"]["annotations"] = json!({ "note": "several\nlines\n" });
    body["manifest"]["extra"] = json!(["x"]);
    depot.configure(&body).await.ok();
    let mine = lines_of_mine();
    for (first, count) in hunks(&depot) {
        assert!(
            mine.contains(&first) && first + count <= mine.end() + 1,
            "{first},{count} in {mine:?}"
        );
    }
    assert_eq!(neighbours(&depot).await, before);
    let text = depot.remote.show(FILE);
    for kept in [
        "# Mine.",
        "# Behind mine.",
        "--- # the last one",
        "# The end, without a line break",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    let spec = Depot::spec_of(depot.read("mine").await);
    assert_eq!(spec, body["manifest"]["spec"]);
}

#[tokio::test]
async fn a_document_in_a_style_of_its_own_is_written_anew_and_no_other() {
    let depot = Depot::holding(&[(FILE, BY_HAND)]).await;
    let mine = Depot::spec_of(depot.read("mine").await);
    depot.write("last", json!({ "size": "small" })).await.ok();
    let start = BY_HAND
        .lines()
        .position(|line| line == "--- # the last one")
        .unwrap()
        + 1;
    for (first, _) in hunks(&depot) {
        assert!(first > start, "line {first}");
    }
    let text = depot.remote.show(FILE);
    assert!(text.ends_with("# The end, without a line break"), "{text}");
    assert_eq!(Depot::spec_of(depot.read("mine").await), mine);
    depot.write("first", json!({ "size": "medium" })).await.ok();
    let end = BY_HAND.lines().position(|line| line == "...").unwrap() + 1;
    for (first, count) in hunks(&depot) {
        assert!(first + count <= end, "line {first}, {count}");
    }
    assert!(
        depot
            .remote
            .show(FILE)
            .starts_with("# Databases of the team.\n#   Ask Ann")
    );
}

#[tokio::test]
async fn line_ends_and_a_byte_order_mark_stay_as_they_are() {
    let windows = format!("\u{feff}{}", BY_HAND.replace('\n', "\r\n"));
    let depot = Depot::holding(&[(FILE, &windows)]).await;
    depot
        .write("mine", json!({ "size": "large", "replicas": 2 }))
        .await
        .ok();
    let expected = windows.replace("size: small\r\n  replicas", "size: large\r\n  replicas");
    assert_ne!(expected, windows);
    assert_eq!(depot.remote.show(FILE), expected);
}

#[tokio::test]
async fn deleting_a_document_takes_away_no_line_of_its_neighbours() {
    let depot = Depot::holding(&[(FILE, BY_HAND)]).await;
    let before = neighbours(&depot).await;
    depot.delete("mine").await.ok();
    let mine = lines_of_mine();
    // With the marker above it.
    let from = mine.start() - 1;
    for (first, count) in hunks(&depot) {
        assert!(
            first >= from && first + count <= mine.end() + 1,
            "{first},{count} in {mine:?}"
        );
    }
    let changed = depot.changed_lines();
    assert!(changed.iter().all(|line| line.starts_with('-')), "{changed:?}");
    assert_eq!(neighbours(&depot).await, before);
    assert_eq!(depot.read("mine").await.refused().0, 404);
}

#[tokio::test]
async fn texts_that_look_like_the_end_of_a_document_end_none() {
    let depot = Depot::holding(&[(FILE, BY_HAND)]).await;
    let before = neighbours(&depot).await;
    let texts = [
        "a\n---\nkind: Other\n",
        "...\n",
        "--- a",
        "# no comment\n# at all",
        "%YAML 1.2\n---\n",
        "\n\n  x\n \n",
    ];
    let spec = json!({ "texts": texts, "keys": { "---": "...", "# a": "- b" } });
    depot.write("mine", spec.clone()).await.ok();
    assert_eq!(Depot::spec_of(depot.read("mine").await), spec);
    depot.write("last", before[1].clone()).await.ok();
    depot.write("first", json!({ "texts": texts })).await.ok();
    assert_eq!(Depot::spec_of(depot.read("mine").await), spec);
    depot.delete("first").await.ok();
    assert_eq!(Depot::spec_of(depot.read("mine").await), spec);
    assert_eq!(Depot::spec_of(depot.read("last").await), before[1]);
    depot.delete("mine").await.ok();
    assert_eq!(Depot::spec_of(depot.read("last").await), before[1]);
}
