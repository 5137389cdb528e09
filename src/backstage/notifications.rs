//! Tells people of the portal something: the bell in its sidebar, and whatever else the portal passes it on by.
//!
//! `@backstage/plugin-notifications-backend`, `POST /notifications`: takes calls of services alone, and shows the calling
//! plugin as the origin.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    error::BackstageError,
    plugin::PluginEnv,
    plugin_client::{Bearer, PluginCall, PluginClient, bad_gateway},
};

/// The plugin that keeps and shows them.
const NOTIFICATIONS: &str = "notifications";

/// The portal's notifications backend.
#[derive(Debug, Clone)]
pub struct Notifications(PluginClient);

/// What somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whom: the entity of a user, or of a group for all its members.
    pub recipient: String,
    /// In one line.
    pub title: String,
    /// In a few sentences.
    pub description: String,
    /// Where to look, as an absolute address.
    pub link: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// What people can choose not to be told of.
    pub topic: &'static str,
    /// A later one of the same scope takes the place of the one before.
    pub scope: String,
}

/// How much a notification matters; the two that call people at night are for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth a look.
    Normal,
    /// Good to know.
    Low,
}

impl Notifications {
    /// Asks nothing yet.
    pub fn new(plugin_id: &'static str, env: &PluginEnv) -> Self {
        Self(PluginClient::new(plugin_id, env))
    }

    /// Sends one. A person who has turned the topic off is not told, and that is no error.
    ///
    /// # Errors
    /// The backend cannot be reached, is not installed, or refuses.
    pub async fn send(&self, notice: &Notice) -> Result<(), BackstageError> {
        let answer = self.0.call(PluginCall {
            plugin: NOTIFICATIONS,
            method: Method::POST,
            path: "/notifications",
            body: Some(body(notice)),
            bearer: Bearer::Plugin,
        });
        let refused = match answer.await?.status {
            status if status.is_success() => return Ok(()),
            StatusCode::NOT_FOUND => "is not installed".to_owned(),
            status => format!("answers {status}"),
        };
        Err(bad_gateway(NOTIFICATIONS, &refused))
    }
}

fn body(notice: &Notice) -> Value {
    let mut payload = json!({
        "title": notice.title,
        "description": notice.description,
        "severity": match notice.severity {
            Severity::Normal => "normal",
            Severity::Low => "low",
        },
        "topic": notice.topic,
        "scope": notice.scope,
    });
    if let Some(link) = &notice.link {
        payload["link"] = link.as_str().into();
    }
    json!({ "recipients": { "type": "entity", "entityRef": notice.recipient }, "payload": payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_sent_in_the_form_the_backend_documents() {
        let notice = |link: Option<&str>| Notice {
            recipient: "user:default/jane".to_owned(),
            title: "orders is there".to_owned(),
            description: "Have a look.".to_owned(),
            link: link.map(str::to_owned),
            severity: Severity::Normal,
            topic: "requests",
            scope: "request:1".to_owned(),
        };
        let payload = json!({
            "title": "orders is there", "description": "Have a look.", "severity": "normal", "topic": "requests",
            "scope": "request:1",
        });
        let recipients = json!({ "type": "entity", "entityRef": "user:default/jane" });
        assert_eq!(
            body(&notice(None)),
            json!({ "recipients": recipients, "payload": payload })
        );
        let linked = body(&notice(Some("https://github.com/O/R/pull/1")));
        assert_eq!(linked["payload"]["link"], "https://github.com/O/R/pull/1");
    }
}
