//! What of `backend.database` is read, and how.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    DatabaseSettings,
    postgres_settings::{PostgresSettings, Tls},
    settings::Client,
    testing::reader,
};
use crate::config::{self, ConfigReader, Layer, from_json};

fn read(section: &Value) -> DatabaseSettings {
    DatabaseSettings::read(&reader(section)).unwrap()
}

#[track_caller]
fn postgres(section: &Value) -> PostgresSettings {
    match read(section).client {
        Client::Postgres(settings) => *settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_object_replaces_the_text_of_a_file_below_as_in_a_fresh_portal() {
    let layer = |context: &str, section: Value| {
        let data = from_json(json!({ "backend": { "database": section } }));
        let config::Value::Object(data) = data else {
            panic!("an object");
        };
        let context = context.to_owned();
        Layer { context, data }
    };
    let development = json!({"client": "better-sqlite3", "connection": ":memory:"});
    let production = json!({"client": "pg", "connection": {"host": "db", "user": "u", "password": "hunter2", "type": "default"}});
    let reader = ConfigReader::new(vec![
        layer("app-config.yaml", development),
        layer("app-config.production.yaml", production),
    ]);
    match DatabaseSettings::read(&reader).unwrap().client {
        Client::Postgres(settings) => {
            assert_eq!(settings.host, "db");
            assert_eq!(password(&settings), Some("hunter2"));
        }
        other => panic!("{other:?}"),
    }
}

fn problems(section: &Value) -> Vec<String> {
    let problems = DatabaseSettings::read(&reader(section)).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

fn password(settings: &PostgresSettings) -> Option<&str> {
    settings.password.as_ref().map(ExposeSecret::expose_secret)
}

#[test]
fn no_section_and_every_form_of_sqlite_are_the_file_in_the_data_folder() {
    for section in [
        json!({}),
        json!({"client": "better-sqlite3", "connection": ":memory:"}),
        json!({"client": "sqlite3", "connection": {"directory": "/var/db"}}),
        json!({"client": "pg", "connection": "postgres://x", "plugin": {"stagedoor": {"client": "better-sqlite3"}}}),
    ] {
        assert!(matches!(read(&section).client, Client::Sqlite), "{section}");
    }
}

#[test]
fn a_url_and_an_object_say_the_same() {
    let url = "postgres://jane%40x:p%2Fw@db.example.com:6543/ignored?application_name=us";
    let object = json!({
        "host": "db.example.com", "port": "6543", "user": "jane@x", "password": "p/w", "database": "ignored",
        "application_name": "us",
    });
    for connection in [
        json!(url),
        object,
        json!({"connectionString": url, "host": "loses"}),
    ] {
        let settings = postgres(&json!({"client": "pg", "connection": connection}));
        assert_eq!((settings.host.as_str(), settings.port), ("db.example.com", 6543));
        assert_eq!(
            (settings.user.as_deref(), password(&settings)),
            (Some("jane@x"), Some("p/w"))
        );
        assert_eq!(settings.database.as_deref(), Some("backstage_plugin_stagedoor"));
        assert_eq!(settings.application_name, "us");
        assert!(settings.makes_database && settings.migrates && settings.schema.is_none());
    }
}

#[test]
fn the_database_is_named_by_prefix_or_by_our_own_connection() {
    let base = json!({"client": "pg", "connection": {"host": "db", "database": "portal"}, "prefix": "team_"});
    assert_eq!(postgres(&base).database.as_deref(), Some("team_stagedoor"));
    let mut own = base.clone();
    own["plugin"] =
        json!({"stagedoor": {"connection": {"database": "ours"}, "role": "writer", "ensureExists": "no"}});
    let settings = postgres(&own);
    assert_eq!(settings.database.as_deref(), Some("ours"));
    assert_eq!(
        (settings.host.as_str(), settings.role.as_deref()),
        ("db", Some("writer"))
    );
    assert!(!settings.makes_database);
}

#[test]
fn a_connection_counts_only_for_its_own_client() {
    let settings = postgres(&json!({
        "client": "better-sqlite3", "connection": ":memory:",
        "plugin": {"stagedoor": {"client": "pg", "connection": "postgres://ours"}},
    }));
    assert_eq!((settings.host.as_str(), settings.port), ("ours", 5432));
}

#[test]
fn schema_mode_is_one_database_with_a_schema_of_ours() {
    let settings = postgres(&json!({
        "client": "pg", "connection": {"host": "db", "database": "portal"}, "pluginDivisionMode": "schema",
        "schemaPrefix": "b_",
    }));
    assert_eq!(
        (settings.database.as_deref(), settings.schema.as_deref()),
        (Some("portal"), Some("b_stagedoor"))
    );
    assert!(settings.makes_schema);
    let kept = json!({"client": "pg", "pluginDivisionMode": "schema", "ensureExists": false});
    assert!(!postgres(&kept).makes_schema);
    let long = json!({"client": "pg", "pluginDivisionMode": "schema", "schemaPrefix": "p".repeat(55)});
    assert!(problems(&long)[0].contains("backend.database.schemaPrefix"));
}

#[test]
fn tls_is_what_node_makes_of_the_same_words() {
    let url = |query: &str| json!({"client": "pg", "connection": format!("postgres://db/x?{query}")});
    let object = |ssl: Value| json!({"client": "pg", "connection": {"host": "db", "ssl": ssl}});
    for off in [
        url(""),
        url("sslmode=disable"),
        url("ssl=0"),
        object(json!(false)),
    ] {
        assert!(matches!(postgres(&off).tls, Tls::Off), "{off}");
    }
    for verified in [
        url("sslmode=require"),
        url("sslmode=verify-full"),
        url("ssl=true"),
        url("sslrootcert=/ca.pem"),
        object(json!(true)),
        object(json!({"ca": "-----BEGIN"})),
        object(json!({"rejectUnauthorized": true})),
    ] {
        assert!(matches!(postgres(&verified).tls, Tls::Verified(_)), "{verified}");
    }
    for unverified in [
        url("sslmode=no-verify"),
        object(json!({"rejectUnauthorized": false})),
    ] {
        assert!(
            matches!(postgres(&unverified).tls, Tls::Unverified(_)),
            "{unverified}"
        );
    }
}

#[test]
fn what_cannot_be_used_is_named_by_its_key_and_never_by_its_value() {
    let pg = |connection: Value| json!({"client": "pg", "connection": connection});
    for (section, key) in [
        (json!({"client": "oracle"}), "backend.database.client"),
        (
            json!({"plugin": {"stagedoor": {"client": "oracle"}}}),
            "backend.database.plugin.stagedoor.client",
        ),
        (
            json!({"pluginDivisionMode": "schema"}),
            "backend.database.pluginDivisionMode",
        ),
        (
            json!({"client": "pg", "pluginDivisionMode": "table"}),
            "backend.database.pluginDivisionMode",
        ),
        (pg(json!("mysql://u:hunter2@db")), "backend.database.connection"),
        (pg(json!("hunter2")), "backend.database.connection"),
        (
            pg(json!("postgres://u:hunter2@db/x?sslmode=maybe")),
            "backend.database.connection",
        ),
        (
            pg(json!({"connectionString": "hunter2"})),
            "backend.database.connection.connectionString",
        ),
        (
            pg(json!({"port": 70000, "password": "hunter2"})),
            "backend.database.connection.port",
        ),
        (
            pg(json!({"ssl": {"cert": "hunter2"}})),
            "backend.database.connection.ssl",
        ),
        (pg(json!({"type": "hunter2"})), "backend.database.connection.type"),
    ] {
        let told = problems(&section);
        assert!(
            told.len() == 1 && told[0].contains(&format!("'{key}'")),
            "{section}: {told:?}"
        );
        assert!(!told[0].contains("hunter2"), "{told:?}");
    }
}

#[tokio::test]
async fn what_backstage_has_and_we_have_not_is_told_at_the_start_and_refused_on_first_use() {
    for section in [
        json!({"client": "mysql2", "connection": "mysql://db"}),
        json!({"client": "pg", "connection": {"type": "cloudsql", "instance": "x"}}),
    ] {
        let notices = read(&section).notices().to_vec();
        assert!(
            notices.len() == 1 && notices[0].contains("backend.database"),
            "{notices:?}"
        );
        let refused = super::testing::TestDatabase::of(&section).database.pool().await;
        assert_eq!(refused.unwrap_err().to_string(), notices[0]);
    }
    let own = json!({"client": "pg", "connection": {"type": "cloudsql"},
        "plugin": {"stagedoor": {"connection": {"type": "default", "host": "db"}}}});
    assert_eq!(postgres(&own).host, "db");
}

#[test]
fn settings_of_knex_are_ignored_with_a_notice() {
    let notices = read(&json!({"client": "better-sqlite3", "knexConfig": {"pool": {"max": 5}}}));
    assert_eq!(
        notices.notices(),
        ["backend.database.knexConfig is ignored; there is no knex here"]
    );
}

#[test]
fn the_debug_form_shows_no_password() {
    let settings = read(&json!({"client": "pg", "connection": "postgres://u:hunter2@db"}));
    assert!(!format!("{settings:?}").contains("hunter2"));
}
