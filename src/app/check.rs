//! `stagedoor check` outside the plugins: can callers' tokens be verified?

use std::time::Duration;

use url::Url;

use super::{App, front};
use crate::{
    backstage::{Check, PluginEnv, builder::Registration},
    infra::{database::Database, http_client::HttpClients, http_proxy::PASSED},
};

/// As long as the door itself waits for another backend.
const LIMIT: Duration = Duration::from_secs(5);

impl App {
    /// Tries every upstream with the real credentials.
    pub async fn check(&self) -> Vec<Check> {
        let upstream = self.check_upstream().await;
        let away = upstream.as_ref().is_some_and(|check| check.outcome.is_err());
        let mut checks = Vec::from_iter(upstream);
        // A backend that is away has no keys either; that is one problem.
        if !(away && self.has_keys_upstream()) {
            checks.insert(0, self.env.callers.check_user_keys(self.keys_cure()).await);
        }
        checks.extend(self.env.callers.check_further_keys().await);
        checks.extend(check_database(&self.env.database).await);
        for registration in &self.registrations {
            checks.extend(check_plugin(registration, &self.env).await);
        }
        checks
    }

    /// In front of a portal: asks the backend behind us whether it is ready.
    async fn check_upstream(&self) -> Option<Check> {
        let reader = self.env.config.reader();
        let origin = front::read(&reader).ok().flatten()?;
        let outcome = match is_ready(&self.env.http, &origin).await {
            Ok(()) => Ok(format!("{origin} is ready")),
            Err(problem) => Err(format!(
                "{origin} {problem}; everything that is not Stagedoor's own goes there"
            )),
        };
        Some(Check::new("Backstage behind us", outcome))
    }

    fn has_keys_upstream(&self) -> bool {
        let upstream = front::read(&self.env.config.reader()).ok().flatten();
        let keys: Option<Url> = self.discovery.get().internal_base("auth").parse().ok();
        upstream
            .zip(keys)
            .is_some_and(|(upstream, keys)| upstream.origin() == keys.origin())
    }

    /// Says where to look when the keys are not there: the setting that led to them.
    fn keys_cure(&self) -> &'static str {
        let discovery = self.discovery.get();
        match front::read(&self.env.config.reader()) {
            _ if discovery.names("auth") => "Check the entry for 'auth' in discovery.endpoints",
            Ok(Some(_)) => "Set stagedoor.upstream to where the Backstage backend listens",
            _ => "Point 'auth' at the Backstage backend in discovery.endpoints",
        }
    }
}

/// A file needs no look: it is made, or found to be unusable, when it is needed.
async fn check_database(database: &Database) -> Option<Check> {
    if !database.is_server() {
        return None;
    }
    let outcome = match database.answers().await {
        Ok(true) => Ok("PostgreSQL answers, and the tables are up to date".to_owned()),
        Ok(false) => Ok("PostgreSQL answers; our database is made when it is first needed".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Some(Check::new("Database", outcome))
}

async fn check_plugin(registration: &Registration, env: &PluginEnv) -> Vec<Check> {
    match &registration.on {
        Some(on) => (on.check)(env.clone()).await,
        None => {
            let section = registration.section;
            let why = format!("off, because app-config has no '{section}' section");
            vec![Check::new(registration.id, Ok(why))]
        }
    }
}

/// Asks the health route every Backstage backend has. We have it too, and say there who we are to whoever asks.
async fn is_ready(http: &HttpClients, origin: &Url) -> Result<(), String> {
    let url = origin
        .join("/.backstage/health/v1/readiness")
        .map_err(|_| "is not a URL".to_owned())?;
    let request = http.for_url(&url).get(url.clone()).timeout(LIMIT);
    let asking = request.header(PASSED, "check");
    let response = asking.send().await.map_err(|error| explain(&error))?;
    if response.headers().contains_key(PASSED) {
        Err("is answered by a Stagedoor; set stagedoor.upstream to where the Backstage backend itself listens".into())
    } else if response.status().is_success() {
        Ok(())
    } else {
        Err(format!("answers its health probe with {}", response.status()))
    }
}

fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        format!("does not answer within {} s", LIMIT.as_secs())
    } else {
        "cannot be reached (is the address right, is Backstage up, is its certificate in stagedoor.tls.caFile?)".into()
    }
}
