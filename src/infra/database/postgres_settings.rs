//! How PostgreSQL is reached: Backstage's keys, read with its getters.

use secrecy::SecretString;

use super::{
    postgres_url,
    settings::{Client, OURS, key, own_key},
};
use crate::config::{ConfigError, ConfigReader, Problems, Value};

/// Longest name of a schema (PostgreSQL, `NAMEDATALEN`).
const MAX_IDENTIFIER: usize = 63;

/// What names of databases begin with unless said otherwise (Backstage, `backend.database.prefix`).
const DEFAULT_PREFIX: &str = "backstage_plugin_";

/// Where the driver of Node looks unless told otherwise (npm `pg`).
const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 5432;

/// The server, the database on it and what may be made there.
#[derive(Debug, Clone)]
pub(super) struct PostgresSettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) tls: Tls,
    /// `None` only in schema mode, and then the server chooses by the user's name.
    pub(super) database: Option<String>,
    /// Set in schema mode.
    pub(super) schema: Option<String>,
    pub(super) application_name: String,
    /// Taken on after signing in.
    pub(super) role: Option<String>,
    /// Whether a missing database may be made.
    pub(super) makes_database: bool,
    /// Whether a missing schema may be made.
    pub(super) makes_schema: bool,
    /// Whether the tables are brought up to date.
    pub(super) migrates: bool,
}

/// What an app-config says of the connection; each part may be missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) database: Option<String>,
    pub(super) application_name: Option<String>,
    pub(super) tls: Option<Tls>,
}

/// `ssl` of a connection.
#[derive(Debug, Clone, Default)]
pub(super) enum Tls {
    #[default]
    Off,
    /// Without a look at the certificate (`rejectUnauthorized: false`, `sslmode=no-verify`).
    Unverified(Certificates),
    /// With one.
    Verified(Certificates),
}

/// PEM texts of `ssl`, or the files a URL names.
#[derive(Debug, Clone, Default)]
pub(super) struct Certificates {
    pub(super) authority: Option<String>,
    pub(super) certificate: Option<String>,
    pub(super) key: Option<SecretString>,
}

impl PostgresSettings {
    /// Reads the settings; `None` when something is wrong, which is then among the problems.
    pub(super) fn read(
        reader: &ConfigReader,
        (overlays, schema_mode): (bool, bool),
        problems: &mut Problems,
    ) -> Option<Client> {
        let unsupported = kind_unsupported(reader, overlays, problems)?;
        let own = Connection::read(reader, &own_key("connection"), problems)?;
        let base = if overlays {
            Connection::read(reader, &key("connection"), problems)?
        } else {
            Connection::default()
        };
        let base = Connection {
            // One database per plugin: the one the portal names is not ours.
            database: base.database.clone().filter(|_| schema_mode),
            ..base
        };
        let connection = own.over(base);
        let schema = schema(reader, schema_mode, problems)?;
        let prefix = problems.of(reader.optional_string(&key("prefix")))?;
        let prefix = prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
        let named = (!schema_mode).then(|| format!("{prefix}{OURS}"));
        let makes_database = flag(reader, "ensureExists", true, problems)?;
        let makes_schema = flag(reader, "ensureSchemaExists", false, problems)? || makes_database;
        let skips_migrations = flag(reader, "skipMigrations", false, problems)?;
        let role = overlay(reader, "role", problems)?;
        if let Some(why) = unsupported {
            return Some(Client::Unsupported(why));
        }
        Some(Client::Postgres(Box::new(Self {
            host: connection.host.unwrap_or_else(|| DEFAULT_HOST.to_owned()),
            port: connection.port.unwrap_or(DEFAULT_PORT),
            user: connection.user,
            password: connection.password,
            tls: connection.tls.unwrap_or_default(),
            database: connection.database.or(named),
            schema,
            application_name: connection
                .application_name
                .unwrap_or_else(|| format!("{DEFAULT_PREFIX}{OURS}")),
            role,
            makes_database,
            makes_schema,
            migrates: !skips_migrations,
        })))
    }
}

impl Connection {
    /// Reads a URL or an object; a missing one says nothing.
    fn read(reader: &ConfigReader, at: &str, problems: &mut Problems) -> Option<Self> {
        match problems.of(reader.get(at))? {
            None => Some(Self::default()),
            Some(Value::String(_)) => {
                let url = problems.of(reader.secret(at))?;
                problems.of(postgres_url::parse(&url, at))
            }
            Some(_) => {
                // A fresh portal has text in app-config.yaml and an object in app-config.production.yaml.
                let section = match problems.of(reader.merged_config(at))? {
                    Some(section) => section,
                    None => problems.of(reader.config(at))?,
                };
                // As in npm `pg`, the URL wins over what stands beside it.
                let url = problems.of(section.optional_secret("connectionString"))?;
                let fields = problems.of(Self::of_object(&section))?;
                match url {
                    None => Some(fields),
                    Some(url) => {
                        let at = section.full_key("connectionString");
                        Some(problems.of(postgres_url::parse(&url, &at))?.over(fields))
                    }
                }
            }
        }
    }

    fn of_object(section: &ConfigReader) -> Result<Self, ConfigError> {
        Ok(Self {
            host: section.optional_string("host")?,
            port: port(section)?,
            user: section.optional_string("user")?,
            password: section.optional_secret("password")?,
            database: section.optional_string("database")?,
            application_name: section.optional_string("application_name")?,
            tls: Tls::read(section)?,
        })
    }

    /// Lays this over another.
    fn over(self, base: Self) -> Self {
        Self {
            host: self.host.or(base.host),
            port: self.port.or(base.port),
            user: self.user.or(base.user),
            password: self.password.or(base.password),
            database: self.database.or(base.database),
            application_name: self.application_name.or(base.application_name),
            tls: self.tls.or(base.tls),
        }
    }
}

impl Tls {
    fn read(section: &ConfigReader) -> Result<Option<Self>, ConfigError> {
        match section.get("ssl")? {
            None => Ok(None),
            Some(Value::Object(_)) => {
                let ssl = section.config("ssl")?;
                let certificates = Certificates {
                    authority: ssl.optional_string("ca")?,
                    certificate: ssl.optional_string("cert")?,
                    key: ssl.optional_secret("key")?,
                };
                if certificates.certificate.is_some() != certificates.key.is_some() {
                    let why = "must have both cert and key, or neither";
                    return Err(ConfigError::invalid(&section.full_key("ssl"), why));
                }
                Ok(Some(match ssl.optional_boolean("rejectUnauthorized")? {
                    Some(false) => Self::Unverified(certificates),
                    _ => Self::Verified(certificates),
                }))
            }
            Some(_) => Ok(section.optional_boolean("ssl")?.map(|on| match on {
                true => Self::Verified(Certificates::default()),
                false => Self::Off,
            })),
        }
    }
}

fn port(section: &ConfigReader) -> Result<Option<u16>, ConfigError> {
    let Some(number) = section.optional_number("port")? else {
        return Ok(None);
    };
    let fits = number.fract() == 0.0 && (1.0..=f64::from(u16::MAX)).contains(&number);
    // In range and whole, so the cast keeps it.
    let port = fits.then_some(number as u16);
    port.map(Some)
        .ok_or_else(|| ConfigError::invalid(&section.full_key("port"), "must be a port, 1 to 65535"))
}

/// `connection.type` names a cloud's own way to sign in.
fn kind_unsupported(
    reader: &ConfigReader,
    overlays: bool,
    problems: &mut Problems,
) -> Option<Option<String>> {
    let mut unsupported = None;
    for at in [own_key("connection"), key("connection")] {
        let counts = overlays || at == own_key("connection");
        let Some(section) = problems.of(reader.merged_config(&at))?.filter(|_| counts) else {
            continue;
        };
        let at = format!("{at}.type");
        match problems.of(section.optional_string("type"))?.as_deref() {
            None => {}
            Some("default") => break,
            Some("azure" | "cloudsql" | "rds") => {
                unsupported = Some(format!(
                    "{at} names a way to sign in that Stagedoor does not have; give {} a user and a password of its own",
                    own_key("connection"),
                ));
                break;
            }
            Some(_) => problems.refuse(&at, "must be default, azure, cloudsql or rds"),
        }
    }
    Some(unsupported)
}

fn schema(reader: &ConfigReader, schema_mode: bool, problems: &mut Problems) -> Option<Option<String>> {
    let prefix = problems.of(reader.optional_string(&key("schemaPrefix")))?;
    if !schema_mode {
        return Some(None);
    }
    let name = format!("{}{OURS}", prefix.unwrap_or_default());
    if name.len() > MAX_IDENTIFIER {
        problems.refuse(
            &key("schemaPrefix"),
            "makes a name of more than 63 bytes, which PostgreSQL would cut",
        );
        return None;
    }
    Some(Some(name))
}

/// A text of ours, else of the section.
fn overlay(reader: &ConfigReader, name: &str, problems: &mut Problems) -> Option<Option<String>> {
    let own = problems.of(reader.optional_string(&own_key(name)))?;
    let base = problems.of(reader.optional_string(&key(name)))?;
    Some(own.or(base))
}

/// A boolean of ours, else of the section.
fn flag(reader: &ConfigReader, name: &str, default: bool, problems: &mut Problems) -> Option<bool> {
    let own = problems.of(reader.optional_boolean(&own_key(name)))?;
    let base = problems.of(reader.optional_boolean(&key(name)))?;
    Some(own.or(base).unwrap_or(default))
}
