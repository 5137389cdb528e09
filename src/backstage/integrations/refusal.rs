//! What GitHub's refusals mean: a status, a few headers, and a message that tells apart what the status does not.

use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{
    error::{GitHubError, Said},
    limits,
};

/// Longest part of GitHub's message that is passed on, in characters.
const MAX_WORDS: usize = 200;

/// Another answer than the one that was hoped for.
pub(super) struct Refusal<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// What was asked, for the sentence.
pub(super) struct Asked<'a> {
    pub(super) app: String,
    pub(super) api: String,
    pub(super) owner: String,
    /// The token that was shown, which an answer might repeat.
    pub(super) shown: &'a SecretString,
    /// The time it was asked, in Unix seconds.
    pub(super) now: i64,
}

#[derive(Deserialize)]
struct MessageBody {
    message: String,
}

impl Refusal<'_> {
    /// Whether it only says that there is no such thing, by somebody who knows the App.
    pub(super) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.body_is_githubs() && !self.says("integration not found")
    }

    /// Names the refusal.
    pub(super) fn error(&self, asked: &Asked<'_>) -> GitHubError {
        let (app, api, owner) = (asked.app.clone(), asked.api.clone(), asked.owner.clone());
        let (status, said) = (self.status, self.said(asked.shown));
        if let Some(wait) = limits::wait(status, self.headers, self.says("rate limit"), asked.now) {
            return GitHubError::RateLimited { app, wait, said };
        }
        match status {
            _ if status.is_redirection() => GitHubError::Redirected { api },
            _ if status.is_server_error() => GitHubError::Unavailable { api, status, said },
            StatusCode::UNAUTHORIZED if self.blames_the_clock() => GitHubError::ClockOff { app, said },
            StatusCode::UNAUTHORIZED if self.body_is_githubs() => GitHubError::KeyRefused { app, said },
            StatusCode::NOT_FOUND if self.body_is_githubs() => GitHubError::UnknownApp { app, api },
            StatusCode::FORBIDDEN if self.says("suspended") => GitHubError::Suspended { app, owner },
            _ if status.is_client_error() && self.body_is_githubs() => GitHubError::Refused {
                app,
                owner,
                status,
                said,
            },
            _ => GitHubError::Malformed {
                api,
                what: format!("status {} without GitHub's message", status.as_u16()),
            },
        }
    }

    /// `'Expiration time' claim ('exp') is too far in the future`, `'Issued at' claim ('iat') must be … in the past`,
    /// `'Expiration' claim ('exp') must be … in the future`.
    fn blames_the_clock(&self) -> bool {
        ["'exp'", "'iat'", "'expiration", "'issued at'"]
            .iter()
            .any(|sign| self.says(sign))
    }

    /// Whether the message holds this; it is written in small letters.
    fn says(&self, words: &str) -> bool {
        self.message()
            .is_some_and(|message| message.to_lowercase().contains(words))
    }

    /// Whether GitHub speaks, and not a proxy or another server.
    fn body_is_githubs(&self) -> bool {
        self.message().is_some()
    }

    fn message(&self) -> Option<String> {
        let body: MessageBody = serde_json::from_slice(self.body).ok()?;
        Some(body.message)
    }

    /// The message on one line of bounded length; none at all when it repeats the token or a part of it.
    fn said(&self, shown: &SecretString) -> Said {
        let message = self.message().unwrap_or_default();
        let mut parts = shown.expose_secret().split('.');
        let line: String = message
            .chars()
            .map(|each| if each.is_control() { ' ' } else { each })
            .take(MAX_WORDS)
            .collect();
        let line = line.trim();
        if line.is_empty() || parts.any(|part| message.contains(part)) {
            return Said(None);
        }
        Said(Some(line.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_000_000;

    fn refused(status: u16, headers: &[(&'static str, &str)], message: &str) -> GitHubError {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let body = json!({ "message": message }).to_string();
        with_body(status, &headers, body.as_bytes())
    }

    fn with_body(status: u16, headers: &HeaderMap, body: &[u8]) -> GitHubError {
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body,
        };
        refusal.error(&Asked {
            app: "App 1 (integrations.github[0].apps[0])".to_owned(),
            api: "api.github.com (integrations.github[0].apiBaseUrl)".to_owned(),
            owner: "acme".to_owned(),
            shown: &SecretString::from("canary-head.canary-claims.canary-signature"),
            now: NOW,
        })
    }

    #[track_caller]
    fn waits(error: &GitHubError) -> u64 {
        match error {
            GitHubError::RateLimited { wait, .. } => wait.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_of_limit_is_told_with_its_wait() {
        let reset = (NOW + 90).to_string();
        let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &*reset)];
        assert_eq!(waits(&refused(403, &used_up, "API rate limit exceeded")), 90);
        assert_eq!(waits(&refused(429, &[("retry-after", "7")], "slow down")), 7);
        assert_eq!(waits(&refused(403, &[("retry-after", "7")], "secondary")), 7);
        assert_eq!(
            waits(&refused(403, &[], "You have exceeded a secondary rate limit")),
            60
        );
        assert_eq!(waits(&refused(429, &[("retry-after", "soon")], "")), 60);
        assert_eq!(waits(&refused(429, &[("retry-after", "99999999")], "")), 3600);
        let past = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")];
        let error = refused(403, &past, "API rate limit exceeded");
        assert!(error.to_string().contains("in 1 seconds"), "{error}");
        let some_left = [("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", &*reset)];
        assert!(matches!(
            refused(403, &some_left, "no"),
            GitHubError::Refused { .. }
        ));
    }

    #[test]
    fn a_clock_that_is_off_is_told_from_a_wrong_key() {
        for message in [
            "'Expiration time' claim ('exp') is too far in the future",
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the \
             assertion expires",
        ] {
            let error = refused(401, &[], message);
            assert!(error.to_string().contains("clock of this machine"), "{error}");
        }
        let error = refused(401, &[], "A JSON web token could not be decoded");
        assert!(error.to_string().contains("privateKey"), "{error}");
        assert!(error.to_string().contains("could not be decoded"), "{error}");
    }

    #[test]
    fn other_refusals_name_app_owner_and_cure() {
        let unknown = refused(404, &[], "Integration not found").to_string();
        assert!(
            unknown.contains("App 1 (integrations.github[0].apps[0])"),
            "{unknown}"
        );
        let suspended = refused(403, &[], "This installation has been suspended").to_string();
        assert!(suspended.contains("suspended for 'acme'"), "{suspended}");
        let listed = refused(403, &[], "the `acme` organization has an IP allow list enabled").to_string();
        assert!(
            listed.contains("IP allow list") && listed.contains("403"),
            "{listed}"
        );
        let down = refused(503, &[], "unicorn").to_string();
        assert!(down.contains("503") && down.contains("later"), "{down}");
        assert!(matches!(
            refused(301, &[], "Moved"),
            GitHubError::Redirected { .. }
        ));
    }

    #[test]
    fn a_page_of_some_other_server_is_not_taken_for_githubs_word() {
        for status in [200, 401, 403, 404, 418] {
            let error = with_body(status, &HeaderMap::new(), b"<html>sign in</html>");
            assert!(matches!(error, GitHubError::Malformed { .. }), "{error}");
            assert!(error.to_string().contains("apiBaseUrl"), "{error}");
        }
    }

    #[test]
    fn words_are_one_short_line_and_never_repeat_what_was_shown() {
        let error = refused(422, &[], &format!("a\r\nb{}", "x".repeat(400))).to_string();
        assert!(error.contains("a  b") && error.len() < 400, "{error}");
        for leak in [
            "canary-head.canary-claims.canary-signature",
            "the signature canary-signature is bad",
        ] {
            let error = refused(401, &[], leak).to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
