//! What the plugins share: read from the configuration, then made into their environment.

use std::sync::Arc;

use super::{StartOptions, authorities, data_folder, ids};
use crate::{
    backstage::{
        PluginEnv,
        audit::AuditSettings,
        auth::{AuthConfig, Authenticator, TokenIssuer},
        builder::Registration,
        discovery::Discovery,
        permission::PermissionSettings,
    },
    config::{ConfigError, ConfigStore, Live},
    infra::{
        data_folder::DataFolder,
        database::{Database, DatabaseSettings},
        http_client::{Authorities, ClientError, HttpClients},
        tasks::Tasks,
    },
};

/// The configuration of what is shared.
pub(super) struct SharedSettings {
    auth: AuthConfig,
    discovery: Discovery,
    authorities: Authorities,
    audit: AuditSettings,
    permission: PermissionSettings,
    data: DataFolder,
    database: DatabaseSettings,
}

impl SharedSettings {
    /// Reads all of it, and reports every problem.
    pub(super) fn read(
        store: &ConfigStore,
        options: &StartOptions,
        registrations: &[Registration],
    ) -> Result<Self, Vec<ConfigError>> {
        let reader = store.reader();
        let mut problems = Vec::new();
        let (on, off) = (ids(registrations, true), ids(registrations, false));
        let discovery = Discovery::with_plugins_off(&reader, &on, &off, options.listen.as_deref());
        let discovery = super::keep(discovery, &mut problems);
        let auth = super::keep(AuthConfig::read(&reader), &mut problems);
        let authorities = super::keep(authorities::read(&reader, &options.ca_files), &mut problems);
        let audit = super::keep(AuditSettings::read(&reader), &mut problems);
        let permission = super::keep(PermissionSettings::read(&reader), &mut problems);
        let data = super::keep(data_folder::read(&reader, &store.environment()), &mut problems);
        let database = super::keep(DatabaseSettings::read(&reader), &mut problems);
        let decided = audit.zip(permission);
        match (discovery, auth, authorities, decided, data.zip(database)) {
            (
                Some(discovery),
                Some(auth),
                Some(authorities),
                Some((audit, permission)),
                Some((data, database)),
            ) => Ok(Self {
                auth,
                discovery,
                authorities,
                audit,
                permission,
                data,
                database,
            }),
            _ => Err(problems),
        }
    }

    /// `backend.auth.dangerouslyDisableDefaultAuthPolicy`.
    pub(super) fn default_policy_disabled(&self) -> bool {
        self.auth.default_policy_disabled
    }

    /// What of the database's settings is legal and not followed.
    pub(super) fn database_notices(&self) -> &[String] {
        self.database.notices()
    }

    /// Makes what plugins may use of the service around them; asks nobody.
    ///
    /// # Errors
    /// The certificates are not usable.
    pub(super) fn env(self, store: ConfigStore) -> Result<PluginEnv, ClientError> {
        let http = HttpClients::trusting(&self.authorities)?;
        let tasks = Tasks::default();
        let database = Database::new(
            self.database,
            self.data.clone(),
            Arc::new(self.authorities),
            tasks.clone(),
        );
        let tokens = TokenIssuer::new(&self.auth, database.clone(), tasks.clone());
        let discovery = Live::new(self.discovery);
        Ok(PluginEnv {
            callers: Authenticator::new(self.auth, tokens.clone(), discovery.clone(), http.clone()),
            http,
            tokens,
            database,
            tasks,
            config: store,
            discovery,
            data: self.data,
            permission: Live::new(self.permission),
            audit: Arc::new(self.audit),
        })
    }
}
