//! An App's installation in an account, as GitHub writes it.

use serde::Deserialize;
use serde_json::Value;

use super::owner::Owner;

/// Where an App is installed, and whether the account lets it do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Installation {
    pub(super) id: u64,
    pub(super) is_suspended: bool,
}

#[derive(Deserialize)]
struct InstallationBody {
    id: u64,
    account: AccountBody,
    #[serde(default)]
    suspended_at: Value,
    #[serde(default)]
    suspended_by: Value,
}

#[derive(Deserialize)]
struct AccountBody {
    login: String,
}

impl Installation {
    /// Reads an answer. One about another account is none of ours: its token must not be used for this one.
    pub(super) fn parse(body: &[u8], owner: &Owner) -> Result<Self, &'static str> {
        let read: InstallationBody = serde_json::from_slice(body).map_err(|_| "it is no installation")?;
        if !owner.is(&read.account.login) {
            return Err("the installation is another account's");
        }
        Ok(Self {
            id: read.id,
            is_suspended: !read.suspended_at.is_null() || !read.suspended_by.is_null(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<Installation, &'static str> {
        Installation::parse(body.to_string().as_bytes(), &Owner::parse("Acme").unwrap())
    }

    #[test]
    fn an_installation_of_the_account_is_taken_and_its_suspension_seen() {
        let mut body = json!({"id": 7, "account": {"login": "acme"}, "suspended_at": null, "more": [1]});
        let plain = parse(&body).unwrap();
        assert_eq!((plain.id, plain.is_suspended), (7, false));
        body["suspended_at"] = json!("2026-01-01T00:00:00Z");
        assert!(parse(&body).unwrap().is_suspended);
        let by = json!({"id": 7, "account": {"login": "acme"}, "suspended_by": {"login": "root"}});
        assert!(parse(&by).unwrap().is_suspended);
    }

    #[test]
    fn an_installation_of_another_account_is_refused() {
        assert!(parse(&json!({"id": 7, "account": {"login": "other"}})).is_err());
        assert!(parse(&json!({"id": 7, "account": null})).is_err());
        assert!(parse(&json!({"id": "7", "account": {"login": "acme"}})).is_err());
    }
}
