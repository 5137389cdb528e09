//! `spacelift.hostUrl` as the stock page needs it, which takes it less kindly than we do.

use super::config::address;
use crate::config::ConfigReader;

/// What to write instead, where the page's links would lead nowhere. One that cannot be used at all is an error elsewhere.
pub(super) fn notice(reader: &ConfigReader) -> Option<String> {
    let key = "spacelift.hostUrl";
    let written = reader.optional_string(key).ok().flatten()?;
    let url = address(key, &written).ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = format!("{}{port}", url.host_str()?);
    if written == host {
        return None;
    }
    let endpoint = if url.scheme() == "http" {
        ", and the address of the API in stagedoor.spacelift.endpoint"
    } else {
        ""
    };
    Some(format!(
        "{key} should be '{host}' and nothing else{endpoint}: the Spacelift page puts https:// before it and a path \
         behind it, so with a scheme, a slash or a space its links lead nowhere"
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::reader, *};

    fn notice_of(host_url: &str) -> Option<String> {
        let section = serde_json::json!({ "spacelift": { "hostUrl": host_url } });
        notice(&reader(&section.to_string()))
    }

    #[test]
    fn each_spelling_that_breaks_links_is_told_the_right_one() {
        for host_url in [
            "https://acme.app.spacelift.io",
            "https://acme.app.spacelift.io/",
            "HTTPS://acme.app.spacelift.io",
            "acme.app.spacelift.io/",
            " acme.app.spacelift.io",
            "acme.app.spacelift.io\n",
            "ACME.app.spacelift.io",
            "acme.app.spacelift.io:443",
        ] {
            let told = notice_of(host_url).unwrap_or_else(|| panic!("{host_url:?}"));
            assert!(
                told.starts_with("spacelift.hostUrl should be 'acme.app.spacelift.io' and nothing else:"),
                "{told}"
            );
        }
        let told = notice_of("http://127.0.0.1:4711").unwrap();
        assert!(
            told.contains("'127.0.0.1:4711'") && told.contains("stagedoor.spacelift.endpoint"),
            "{told}"
        );
        for host_url in ["acme.app.spacelift.io", "spacelift.internal:8443"] {
            assert_eq!(notice_of(host_url), None);
        }
    }
}
