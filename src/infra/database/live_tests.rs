//! The handle with real databases: what is opened when, shared, lost and found again.

use serde_json::json;

use super::{
    DatabaseError, Pool, on_pool,
    testing::{
        TestDatabase,
        postgres::{PASSWORD, Postgres, USER},
        section,
    },
};

async fn keys(pool: &Pool) -> Result<i64, DatabaseError> {
    on_pool!(pool, |pool| {
        sqlx::query_scalar::<_, i64>("select count(*) from signing_keys")
            .fetch_one(pool)
            .await
    })
}

async fn add_key(pool: &Pool, id: &str) {
    const SQL: &str = "insert into signing_keys (plugin_id, key_id, public_key, created_at, expires_at) \
                       values ('ske', $1, '{}', 1, 2)";
    on_pool!(pool, |pool| sqlx::query(SQL)
        .bind(id)
        .execute(pool)
        .await
        .map(drop))
    .unwrap();
}

#[tokio::test]
async fn a_database_is_made_by_the_first_use_and_not_by_a_look() {
    for test in TestDatabase::both() {
        assert!(test.database.existing().await.unwrap().is_none());
        assert!(
            !test.folder.path().join("data").exists(),
            "nothing is written before it is needed"
        );
        let pool = test.database.pool().await.unwrap();
        assert_eq!(keys(&pool).await.unwrap(), 0);
        assert!(test.database.existing().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn what_is_written_is_there_after_a_restart_and_migrations_run_once() {
    let pg = section(&Postgres::shared().url());
    for section in [json!({}), pg] {
        let test = TestDatabase::of(&section);
        add_key(&test.database.pool().await.unwrap(), "one").await;
        let restarted = test.again(&section);
        let found = restarted.existing().await.unwrap().expect("it is there");
        assert_eq!(keys(&found).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn many_first_users_share_one_opening() {
    for test in TestDatabase::both() {
        let opened = futures_util::future::join_all((0..32).map(|_| test.database.pool())).await;
        let counts = opened.iter().map(|pool| keys(pool.as_ref().unwrap()));
        for count in futures_util::future::join_all(counts).await {
            assert_eq!(count.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn two_replicas_that_start_together_make_one_database() {
    let section = section(&Postgres::shared().url());
    let test = TestDatabase::of(&section);
    let replicas: Vec<_> = (0..4).map(|_| test.again(&section)).collect();
    let opened = futures_util::future::join_all(replicas.iter().map(|replica| replica.pool())).await;
    for pool in opened {
        assert_eq!(keys(&pool.unwrap()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn the_file_is_ours_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let test = TestDatabase::sqlite();
    add_key(&test.database.pool().await.unwrap(), "one").await;
    for name in ["stagedoor.sqlite", "stagedoor.sqlite-wal"] {
        let file = test.folder.path().join("data").join(name);
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_schema_of_ours_holds_the_tables_in_schema_mode() {
    let server = Postgres::shared();
    let prefix = format!("{}_", uuid::Uuid::new_v4().simple());
    let test = TestDatabase::of(&json!({
        "client": "pg", "connection": format!("{}/postgres", server.url()), "pluginDivisionMode": "schema",
        "schemaPrefix": prefix,
    }));
    assert!(
        test.database.existing().await.unwrap().is_none(),
        "a look makes no schema"
    );
    let pool = test.database.pool().await.unwrap();
    add_key(&pool, "one").await;
    let Pool::Postgres(pool) = pool else {
        panic!("PostgreSQL");
    };
    let schema: String = sqlx::query_scalar(
        "select schemaname::text from pg_tables where tablename = 'signing_keys' and schemaname = $1",
    )
    .bind(format!("{prefix}stagedoor"))
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(schema, format!("{prefix}stagedoor"));
}

#[tokio::test]
async fn a_database_that_may_not_be_made_is_an_error_that_names_the_key() {
    let mut section = section(&Postgres::shared().url());
    section["ensureExists"] = json!(false);
    let refused = TestDatabase::of(&section).database.pool().await.unwrap_err();
    assert!(
        refused.to_string().contains("backend.database.ensureExists"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_without_the_password() {
    let port = Postgres::shared().port;
    let section = section(&format!("postgres://{USER}:wrong-password@127.0.0.1:{port}"));
    let refused = TestDatabase::of(&section).database.pool().await.unwrap_err();
    assert!(matches!(refused, DatabaseError::NotAccepted(_)), "{refused:?}");
    let told = format!("{refused} {refused:?}");
    assert!(
        told.contains("backend.database.connection") && !told.contains("wrong-password"),
        "{told}"
    );
}

#[tokio::test]
async fn a_database_gone_is_told_in_bounded_time_and_one_that_is_back_serves_again() {
    let server = Postgres::own();
    let test = TestDatabase::of(&section(&server.url()));
    server.stop();
    let begun = std::time::Instant::now();
    let away = test.database.pool().await.unwrap_err();
    assert!(matches!(away, DatabaseError::Unreachable(_)), "{away:?}");
    server.resume();
    let pool = test.database.pool().await.unwrap();
    add_key(&pool, "one").await;
    server.stop();
    let away = keys(&pool).await.unwrap_err();
    assert!(matches!(away, DatabaseError::Unreachable(_)), "{away:?}");
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    server.resume();
    assert_eq!(keys(&pool).await.unwrap(), 1);
}

#[tokio::test]
async fn work_of_one_name_is_done_by_one_at_a_time() {
    let pg = section(&Postgres::shared().url());
    for section in [json!({}), pg] {
        let test = TestDatabase::of(&section);
        let (here, there) = (&test.database, test.again(&section));
        assert_eq!(
            here.alone("sweep", async { 1 }).await.unwrap(),
            None,
            "nothing was kept yet"
        );
        here.pool().await.unwrap();
        let both = here.alone("sweep", async {
            let other = there.alone("sweep", async { 2 }).await.unwrap();
            let beside = there.alone("refresh", async { 3 }).await.unwrap();
            (other, beside)
        });
        assert_eq!(both.await.unwrap(), Some((None, Some(3))));
        assert_eq!(
            there.alone("sweep", async { 4 }).await.unwrap(),
            Some(4),
            "it is free again"
        );
    }
}

#[tokio::test]
async fn work_that_was_given_up_sets_its_lock_free() {
    for test in TestDatabase::both() {
        test.database.pool().await.unwrap();
        let stuck = test.database.alone("sweep", std::future::pending::<()>());
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(300), stuck).await;
        assert!(given_up.is_err());
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while test.database.alone("sweep", async {}).await.unwrap().is_none() {
            assert!(std::time::Instant::now() < end, "it stays locked");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn tls_wants_a_certificate_that_is_trusted() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let encrypted = Postgres::encrypted(&certificate, &key);
    let with = |ssl: serde_json::Value| {
        let mut section = section(&encrypted.url());
        section["connection"] = json!({
            "host": "127.0.0.1", "port": encrypted.port, "user": USER, "password": PASSWORD, "ssl": ssl,
        });
        TestDatabase::of(&section)
    };
    let trusted = with(json!({"ca": certificate}));
    assert_eq!(keys(&trusted.database.pool().await.unwrap()).await.unwrap(), 0);
    let unverified = with(json!({"rejectUnauthorized": false}));
    assert_eq!(keys(&unverified.database.pool().await.unwrap()).await.unwrap(), 0);
    let strange = with(json!(true)).database.pool().await.unwrap_err();
    assert!(matches!(strange, DatabaseError::Untrusted(_)), "{strange:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told_with_the_folder_it_is_in() {
    let test = TestDatabase::sqlite();
    let data = test.folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("stagedoor.sqlite"), "no database\n".repeat(1_000)).unwrap();
    let refused = test.database.pool().await.unwrap_err();
    let told = refused.to_string();
    assert!(
        told.contains("stagedoor.dataDir") && told.contains("no database"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_full_disk_and_a_file_that_may_not_be_written_are_told_with_their_cure() {
    for (pragma, cure) in [
        ("max_page_count = 1", "make room"),
        ("query_only = 1", "the right to"),
    ] {
        let test = TestDatabase::sqlite();
        let Pool::Sqlite(pool) = test.database.pool().await.unwrap() else {
            panic!("a file");
        };
        let mut connection = pool.acquire().await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("pragma {pragma}")))
            .execute(&mut *connection)
            .await
            .unwrap();
        let large =
            sqlx::query("insert into signing_keys values ('ske', 'one', hex(zeroblob(1000000)), 1, 2)");
        let told = DatabaseError::of_file(large.execute(&mut *connection).await.unwrap_err()).to_string();
        assert!(
            told.contains("stagedoor.dataDir") && told.contains(cure),
            "{pragma}: {told}"
        );
    }
}

#[tokio::test]
async fn one_that_does_not_answer_in_time_is_told_with_what_to_look_at() {
    let limit = std::time::Duration::from_secs(5);
    let [file, server] = TestDatabase::both().map(|test| test.database.too_slow(limit).to_string());
    assert!(
        file.contains("5 s") && file.contains("stagedoor.dataDir"),
        "{file}"
    );
    assert!(server.contains("backend.database.connection"), "{server}");
}
