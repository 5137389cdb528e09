//! Where ours is not what the real loader does, on purpose.

use stagedoor::config::{ConfigReader, ConfigStore, Environment, LoadOptions, Value, load};

/// Loads `app-config.yaml` and whatever lies beside it; the first file is the main one.
async fn read(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<ConfigReader, String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    let options = LoadOptions {
        targets: Vec::new(),
        root_dir: dir.path().to_owned(),
        working_dir: dir.path().to_owned(),
        environment: Environment::from_pairs(environment.iter().copied()),
        remote: None,
    };
    let loaded = load(&options).await.map_err(|error| error.to_string())?;
    Ok(loaded.into_reader())
}

async fn main_file(content: &str) -> Result<ConfigReader, String> {
    read(&[("app-config.yaml", content)], &[]).await
}

#[tokio::test]
async fn a_syntax_error_in_a_main_file_names_the_file_and_the_line() {
    let error = main_file("a: 1\nb: [hunter2").await.unwrap_err();
    assert!(
        error.contains("app-config.yaml") && error.contains("line "),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn an_include_that_reaches_itself_is_an_error_that_names_the_file() {
    let files = [
        ("app-config.yaml", "a: { $include: one.yaml }"),
        ("one.yaml", "b: { $include: two.yaml }"),
        ("two.yaml", "c: { $include: one.yaml }"),
    ];
    let error = read(&files, &[]).await.unwrap_err();
    assert!(
        error.contains("the included file one.yaml includes itself"),
        "{error}"
    );
}

/// The main file and a chain of this many included ones.
async fn chain_of_includes(length: usize) -> Result<ConfigReader, String> {
    let link = |level: usize| format!("n: {{ $include: f{}.yaml }}", level + 1);
    let mut files: Vec<_> = (0..length)
        .map(|level| (format!("f{level}.yaml"), link(level)))
        .collect();
    files[0].0 = "app-config.yaml".to_owned();
    files.push((format!("f{length}.yaml"), "n: 1".to_owned()));
    let files: Vec<_> = files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_str()))
        .collect();
    read(&files, &[]).await
}

#[tokio::test]
async fn includes_and_aliases_cannot_nest_deeper_than_the_stack_allows() {
    assert!(chain_of_includes(40).await.is_ok());
    let error = chain_of_includes(420).await.unwrap_err();
    assert!(
        error.contains("more than 50 files include one another"),
        "{error}"
    );
    let link = |level| format!("k{}: &k{} [*k{level}]\n", level + 1, level + 1);
    let aliases = |links| "k0: &k0 []\n".to_owned() + &(0..links).map(link).collect::<String>();
    assert!(main_file(&aliases(390)).await.is_ok());
    let error = main_file(&aliases(420)).await.unwrap_err();
    assert!(error.contains("more than 400 levels deep"), "{error}");
}

#[tokio::test]
async fn a_duration_that_cannot_be_waited_is_refused_with_its_full_key() {
    let reader = main_file("a: { below: { milliseconds: -1 }, text: soon }")
        .await
        .unwrap();
    let nested = reader.config("a").unwrap();
    for key in ["below", "text"] {
        let error = nested.duration(key).unwrap_err().to_string();
        assert!(error.contains(&format!("'a.{key}'")), "{error}");
        assert!(!error.contains("soon"), "{error}");
    }
}

#[tokio::test]
async fn has_is_false_on_a_broken_path_and_the_getter_reports_it() {
    let reader = main_file("a: text").await.unwrap();
    assert!(!reader.has("a.b"));
    assert!(reader.optional_number("a.b").is_err());
}

#[tokio::test]
async fn a_key_that_would_be_a_prototype_is_no_data() {
    let reader = main_file("a: { __proto__: { b: 1 }, c: 2 }").await.unwrap();
    assert_eq!(reader.config("a").unwrap().keys(), ["c"]);
    assert!(!reader.has("a.b"));
}

#[tokio::test]
async fn a_json_number_no_double_can_hold_is_text_in_a_variable_and_an_error_in_a_file() {
    let main = ("app-config.yaml", "a: 1");
    let reader = read(&[main], &[("APP_CONFIG_b", "1e400")]).await.unwrap();
    assert_eq!(reader.string("b").unwrap(), "1e400");
    let files = [
        ("app-config.yaml", "a: { $include: one.json }"),
        ("one.json", "1e400"),
    ];
    assert!(read(&files, &[]).await.unwrap_err().contains("one.json"));
}

#[tokio::test]
async fn dates_and_sixty_based_numbers_of_yaml_1_1_stay_text() {
    let reader = main_file("%YAML 1.1\n---\na: 2001-12-14\nb: 1:30\nc: e3")
        .await
        .unwrap();
    for (key, text) in [("a", "2001-12-14"), ("b", "1:30"), ("c", "e3")] {
        let same = reader.get(key).unwrap() == Some(Value::String(text.to_owned()));
        assert!(same, "{key}");
    }
}

/// As the service reads it, beside a portal whose files it may lack.
async fn beside_a_portal(files: &[(&str, &str)]) -> Result<ConfigReader, String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    let options = LoadOptions {
        targets: Vec::new(),
        root_dir: dir.path().to_owned(),
        working_dir: dir.path().to_owned(),
        environment: Environment::default(),
        remote: None,
    };
    let store = ConfigStore::open(options)
        .await
        .map_err(|error| error.to_string())?;
    Ok(store.reader())
}

#[tokio::test]
async fn a_portals_file_that_is_missing_is_a_notice() {
    let broken = [("broken.yaml", "[1"), ("broken.json", "{"), ("folder.txt", "x")];
    for (key, problem) in [
        (
            "auth: { providers: { saml: { cert: { $file: gone.pem } } } }",
            "gone.pem",
        ),
        ("techdocs: { $include: gone.yaml }", "gone.yaml"),
        (
            "techdocs: { x: [{ y: { $include: broken.yaml } }] }",
            "broken.yaml",
        ),
        ("techdocs: { x: { $include: broken.json } }", "broken.json"),
        ("techdocs: { x: { $include: folder.txt } }", "folder.txt"),
        (
            "backend: { cache: { connection: { $file: gone.txt } } }",
            "gone.txt",
        ),
        ("kubernetes: { x: { $file: gone.txt } }", "gone.txt"),
        (
            "integrations: { azure: [{ token: { $file: gone.txt } }] }",
            "gone.txt",
        ),
    ] {
        let files = [&[("app-config.yaml", key)], &broken[..]].concat();
        let reader = beside_a_portal(&files)
            .await
            .unwrap_or_else(|error| panic!("{key}: {error}"));
        let notices: Vec<_> = reader.left_out_notices().collect();
        assert!(
            notices.len() == 1 && notices[0].contains(problem) && notices[0].contains("app-config.yaml"),
            "{key}: {notices:?}"
        );
        assert!(read(&files, &[]).await.is_err(), "the real loader refuses {key}");
    }
}

#[tokio::test]
async fn a_file_that_is_missing_where_we_read_is_refused() {
    for key in [
        "backend: { https: { certificate: { key: { $file: gone.pem } } } }",
        "backend: { $include: gone.yaml }",
        "stagedoor: { $include: gone.yaml }",
        "spacelift: { apiSecret: { $file: gone.txt } }",
        "ske: { $include: gone.yaml }",
        "ske: {}\nkubernetes: { x: { $file: gone.txt } }",
        "ske: {}\nintegrations: { github: [{ token: { $file: gone.txt } }] }",
    ] {
        let error = beside_a_portal(&[("app-config.yaml", key)]).await.unwrap_err();
        assert!(
            error.contains("gone.") && error.contains("app-config.yaml"),
            "{key}: {error}"
        );
    }
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_told_with_the_file_that_asks_for_it() {
    let files = [
        (
            "app-config.yaml",
            "spacelift: { $include: keys.yaml }\nbackend: { baseUrl: '${BASE}' }",
        ),
        (
            "keys.yaml",
            "apiKey: '${KEY}'\napiSecret: { $env: SECRET }\nhostUrl: '${HOST}'",
        ),
        ("app-config.local.yaml", "spacelift: { apiKey: given }"),
    ];
    let reader = beside_a_portal(&files).await.unwrap();
    let notices: Vec<_> = reader.left_out_notices().collect();
    assert_eq!(
        notices.len(),
        3,
        "what a later file gives is not missing: {notices:#?}"
    );
    for (notice, parts) in notices.iter().zip([
        &["backend.baseUrl", "BASE", "app-config.yaml"][..],
        &[
            "spacelift.apiSecret",
            "SECRET",
            "keys.yaml",
            "app-config.yaml includes",
        ],
        &[
            "spacelift.hostUrl",
            "HOST",
            "keys.yaml",
            "app-config.yaml includes",
        ],
    ]) {
        for part in parts {
            assert!(notice.contains(part), "{part} in {notice}");
        }
    }
    let error = reader.string("spacelift.hostUrl").unwrap_err().to_string();
    assert!(
        error.contains("variable HOST is not set") && error.contains("keys.yaml"),
        "{error}"
    );
    assert!(reader.missing_because("spacelift.apiKey").is_none());
}
