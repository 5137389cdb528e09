//! The plugin `sample` of the fixtures, registered like any other, behind the real mount.

use std::sync::Arc;

use axum::Json;
use serde_json::{Value, json};
use stagedoor::{
    backstage::{
        BackendBuilder, BackendPlugin, Check, InitError, Plugin, PluginEnv,
        actions::Actions,
        auth::{
            Allow, AuthPolicy, CookieUserCredentials, Credentials, Principal, ServiceCredentials,
            ServicePrincipal, UserCredentials,
        },
        permission::Permissions,
        routes::Routes,
    },
    config::{ConfigError, ConfigReader, Live},
};

use super::service::fixture_yaml;
use crate::support::{app::TestApp, backstage::FakeBackstage};

struct Sample;

impl BackendPlugin for Sample {
    const ID: &'static str = "sample";
    const CONFIG_SECTION: &'static str = "sample";
    type Config = ();

    fn config(_: &ConfigReader) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    async fn init(_: Live<()>, env: PluginEnv) -> Result<Plugin, InitError> {
        let policy = |path, allow| AuthPolicy { path, allow };
        Ok(Plugin {
            routes: routes(),
            auth_policies: vec![
                policy("/cookie", Allow::UserCookie),
                policy("/open", Allow::Unauthenticated),
            ],
            actions: Actions::new(),
            permissions: Permissions::new(Self::ID, &env, &[]),
        })
    }

    async fn check(_: Arc<()>, _: PluginEnv) -> Vec<Check> {
        Vec::new()
    }
}

/// Starts the service under the recorded configuration.
pub(crate) async fn start(fake: &FakeBackstage) -> TestApp {
    start_as(&fixture_yaml(fake)).await
}

/// The same under `app-config.no-policy.yaml`.
pub(crate) async fn start_without_policy(fake: &FakeBackstage) -> TestApp {
    let open = "  auth:\n    dangerouslyDisableDefaultAuthPolicy: true\n";
    start_as(&fixture_yaml(fake).replacen("  auth:\n", open, 1)).await
}

/// The same under any app-config without the section `sample`.
pub(crate) async fn start_as(app_config: &str) -> TestApp {
    let register = |backend: BackendBuilder| backend.add::<Sample>();
    TestApp::start_with(&format!("{app_config}sample: {{}}\n"), register).await
}

/// The routes of `expected.json`.
fn routes() -> Routes {
    Routes::new()
        .get("/default", |who: Credentials| async move { seen(&who) })
        .get("/user-only", |UserCredentials(who): UserCredentials| async move {
            seen(&who)
        })
        .get(
            "/service-only",
            |ServiceCredentials(who): ServiceCredentials| async move { seen(&who) },
        )
        .get("/cookie/strict", |who: Credentials| async move { seen(&who) })
        .get(
            "/cookie/user",
            |CookieUserCredentials(who): CookieUserCredentials| async move { seen(&who) },
        )
        .get("/open/blind", || async { Json(json!({ "ok": true })) })
        .get("/change", |who: Credentials| async move { seen(&who) })
        .post("/change", |who: Credentials| async move { seen(&who) })
        .delete("/change", |who: Credentials| async move { seen(&who) })
        .get(
            "/cookie/change",
            |CookieUserCredentials(who): CookieUserCredentials| async move { seen(&who) },
        )
        .post(
            "/cookie/change",
            |CookieUserCredentials(who): CookieUserCredentials| async move { seen(&who) },
        )
        .get("/open/optional", |who: Credentials| async move { seen(&who) })
}

/// The body the recorded routes answer.
fn seen(who: &Credentials) -> Json<Value> {
    let mut body = json!({ "principal": principal(who) });
    if let Some(seconds) = who.expires_at() {
        let expiry = jiff::Timestamp::from_second(seconds).unwrap();
        body["expiresAt"] = expiry.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string().into();
    }
    Json(body)
}

fn principal(who: &Credentials) -> Value {
    match who.principal() {
        Principal::None => json!({ "type": "none" }),
        Principal::Service(service) => service_json(service),
        Principal::User(user) => {
            let mut json = json!({ "type": "user", "userEntityRef": user.user_entity_ref });
            if let Some(actor) = &user.actor {
                json["actor"] = service_json(actor);
            }
            json
        }
    }
}

fn service_json(service: &ServicePrincipal) -> Value {
    let mut json = json!({ "type": "service", "subject": service.subject });
    if let Some(restrictions) = &service.access_restrictions {
        let mut allowed = json!({});
        if let Some(names) = &restrictions.permission_names {
            allowed["permissionNames"] = json!(names);
        }
        if let Some(attributes) = &restrictions.permission_attributes {
            allowed["permissionAttributes"] = json!(attributes);
        }
        json["accessRestrictions"] = allowed;
    }
    json
}
