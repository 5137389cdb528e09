//! Opening PostgreSQL: the database and schema are made where that is wanted, and each connection is set up alike.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

use super::{
    error::{DatabaseError, NO_SUCH_DATABASE, code},
    handle::IfMissing,
    migrations,
    postgres_settings::{Certificates, PostgresSettings, Tls},
};
use crate::infra::http_client::{Authorities, trusted_pem};

/// Enough for short queries of all requests; a server is shared by many.
const MOST_CONNECTIONS: u32 = 8;

/// How long a query waits for a connection. A server that is away is noticed after this.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server's connections are dear.
const IDLE: Duration = Duration::from_secs(60);

/// Every server has it, so it is where others are made (Backstage does so too).
const MAINTENANCE: &str = "postgres";

/// Codes of what another replica made at the same moment (PostgreSQL, Appendix A).
const MADE_ALREADY: [&str; 3] = ["42P04", "42P06", "23505"];

/// Sets a connection up: no notices, our schema, our role.
const SET_UP: &str = "select set_config('client_min_messages', 'warning', false), \
                      set_config('search_path', coalesce($1, current_setting('search_path')), false), \
                      set_config('role', coalesce($2, current_setting('role')), false)";

/// Connects and brings the tables up to date; `None` when there is no database and none is to be made.
pub(super) async fn open(
    settings: &PostgresSettings,
    authorities: &Authorities,
    missing: IfMissing,
) -> Result<Option<PgPool>, DatabaseError> {
    let options = options(settings, authorities);
    let mut first = match options.connect().await {
        Ok(connection) => connection,
        Err(error) if code(&error).as_deref() == Some(NO_SUCH_DATABASE) => {
            if missing == IfMissing::Leave {
                return Ok(None);
            }
            if !settings.makes_database {
                return Err(error.into());
            }
            make_database(&options, settings.database.as_deref()).await?;
            options.connect().await?
        }
        Err(error) => return Err(error.into()),
    };
    let ready = ready_schema(&mut first, settings, missing).await;
    let _ = first.close().await;
    if !ready? {
        return Ok(None);
    }
    let pool = pool(options, settings);
    if settings.migrates {
        migrations::postgres().run(&pool).await?;
    }
    Ok(Some(pool))
}

fn pool(options: PgConnectOptions, settings: &PostgresSettings) -> PgPool {
    let schema = settings.schema.as_deref().map(quoted);
    let set_up = Arc::new((schema, settings.role.clone()));
    PgPoolOptions::new()
        .max_connections(MOST_CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .idle_timeout(IDLE)
        .after_connect(move |connection, _| {
            let set_up = Arc::clone(&set_up);
            Box::pin(async move {
                let (schema, role) = &*set_up;
                let query = sqlx::query(SET_UP).bind(schema.as_deref()).bind(role.as_deref());
                query.execute(connection).await.map(drop)
            })
        })
        .connect_lazy_with(options)
}

fn options(settings: &PostgresSettings, authorities: &Authorities) -> PgConnectOptions {
    let mut options = PgConnectOptions::new_without_pgpass()
        .port(settings.port)
        .application_name(&settings.application_name)
        .disable_statement_logging();
    options = if settings.host.starts_with('/') {
        options.socket(&settings.host)
    } else {
        options.host(&settings.host)
    };
    if let Some(user) = &settings.user {
        options = options.username(user);
    }
    if let Some(password) = &settings.password {
        options = options.password(password.expose_secret());
    }
    if let Some(database) = &settings.database {
        options = options.database(database);
    }
    encrypted(options, &settings.tls, authorities)
}

fn encrypted(options: PgConnectOptions, tls: &Tls, authorities: &Authorities) -> PgConnectOptions {
    match tls {
        Tls::Off => options.ssl_mode(PgSslMode::Disable),
        Tls::Unverified(certificates) => shown(options.ssl_mode(PgSslMode::Require), certificates),
        Tls::Verified(certificates) => {
            let options = shown(options.ssl_mode(PgSslMode::VerifyFull), certificates);
            match &certificates.authority {
                Some(authority) if is_pem(authority) => {
                    options.ssl_root_cert_from_pem(authority.clone().into_bytes())
                }
                Some(file) => options.ssl_root_cert(file),
                None => options.ssl_root_cert_from_pem(trusted_pem(authorities)),
            }
        }
    }
}

/// A certificate of ours, as text or as a file's path.
fn shown(options: PgConnectOptions, certificates: &Certificates) -> PgConnectOptions {
    let (Some(certificate), Some(key)) = (&certificates.certificate, &certificates.key) else {
        return options;
    };
    let key = key.expose_secret();
    if is_pem(certificate) {
        options
            .ssl_client_cert_from_pem(certificate)
            .ssl_client_key_from_pem(key)
    } else {
        options.ssl_client_cert(certificate).ssl_client_key(key)
    }
}

fn is_pem(text: &str) -> bool {
    text.trim_start().starts_with("-----BEGIN")
}

async fn make_database(options: &PgConnectOptions, name: Option<&str>) -> Result<(), DatabaseError> {
    let Some(name) = name else {
        return Ok(());
    };
    let mut connection = options.clone().database(MAINTENANCE).connect().await?;
    let made = make(&mut connection, format!("create database {}", quoted(name))).await;
    let _ = connection.close().await;
    made
}

/// Whether there is a schema to work in.
async fn ready_schema(
    connection: &mut PgConnection,
    settings: &PostgresSettings,
    missing: IfMissing,
) -> Result<bool, DatabaseError> {
    let Some(schema) = &settings.schema else {
        return Ok(true);
    };
    let query = sqlx::query_scalar::<_, bool>("select exists(select 1 from pg_namespace where nspname = $1)");
    let exists = query.bind(schema).fetch_one(&mut *connection).await?;
    if exists || missing == IfMissing::Leave || !settings.makes_schema {
        // A missing schema shows in the first table that is to be made.
        return Ok(exists || missing == IfMissing::Make);
    }
    sqlx::query(SET_UP)
        .bind(None::<&str>)
        .bind(settings.role.as_deref())
        .execute(&mut *connection)
        .await?;
    make(connection, format!("create schema {}", quoted(schema))).await?;
    Ok(true)
}

/// Another replica may have been faster.
async fn make(connection: &mut PgConnection, sql: String) -> Result<(), DatabaseError> {
    match sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await {
        Ok(_) => Ok(()),
        Err(error) if code(&error).is_some_and(|code| MADE_ALREADY.contains(&code.as_str())) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
