//! The headers Helmet puts on every Backstage answer, with `backend.csp` and `backend.referrer.policy`.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::config::{ConfigError, ConfigReader, Value};

/// Backstage's policy, in the order it is sent.
const DEFAULT_POLICY: [(&str, &str); 10] = [
    ("default-src", "'self'"),
    ("base-uri", "'self'"),
    ("font-src", "'self' https: data:"),
    ("frame-ancestors", "'self'"),
    ("img-src", "'self' data:"),
    ("object-src", "'none'"),
    ("script-src", "'self' 'unsafe-eval'"),
    ("script-src-attr", "'none'"),
    ("style-src", "'self' https: 'unsafe-inline'"),
    ("upgrade-insecure-requests", ""),
];

/// What does not depend on the configuration.
const FIXED: [(HeaderName, HeaderValue); 7] = [
    (
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=15552000; includeSubDomains"),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_DNS_PREFETCH_CONTROL, HeaderValue::from_static("off")),
    (
        HeaderName::from_static("x-download-options"),
        HeaderValue::from_static("noopen"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        HeaderValue::from_static("none"),
    ),
    (header::X_XSS_PROTECTION, HeaderValue::from_static("0")),
];

/// The values `Referrer-Policy` knows (W3C Referrer Policy §3), and the empty one.
const REFERRER_POLICIES: [&str; 9] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
    "",
];

/// The headers, computed once.
#[derive(Debug, Clone)]
pub(super) struct SecurityHeaders(Vec<(HeaderName, HeaderValue)>);

impl SecurityHeaders {
    pub(super) fn read(config: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut headers = Vec::new();
        match content_security_policy(config) {
            // Without any directive there is nothing to send.
            Ok(policy) if policy.is_empty() => {}
            Ok(policy) => headers.push((header::CONTENT_SECURITY_POLICY, policy)),
            Err(error) => errors.push(error),
        }
        match referrer_policy(config) {
            Ok(policy) => headers.push((header::REFERRER_POLICY, policy)),
            Err(error) => errors.push(error),
        }
        headers.extend(FIXED);
        if errors.is_empty() {
            Ok(Self(headers))
        } else {
            Err(errors)
        }
    }

    /// Adds each header the answer does not have yet.
    pub(super) fn decorate(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            if let header::Entry::Vacant(entry) = headers.entry(name) {
                entry.insert(value.clone());
            }
        }
    }
}

fn content_security_policy(config: &ConfigReader) -> Result<HeaderValue, ConfigError> {
    let mut directives: Vec<(String, String)> = DEFAULT_POLICY
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    if let Some(csp) = config.optional_config("backend.csp")? {
        for key in csp.keys() {
            let name = kebab_case(&key);
            match directive(&csp, &key)? {
                None => directives.retain(|(existing, _)| *existing != name),
                Some(value) => replace(&mut directives, name, value),
            }
        }
    }
    let parts: Vec<String> = directives
        .into_iter()
        .map(|(name, value)| {
            if value.is_empty() {
                name
            } else {
                format!("{name} {value}")
            }
        })
        .collect();
    HeaderValue::try_from(parts.join(";"))
        .map_err(|_| ConfigError::new("`backend.csp` holds characters that a header cannot carry"))
}

/// Returns `None` for `false`, which removes the directive.
fn directive(csp: &ConfigReader, key: &str) -> Result<Option<String>, ConfigError> {
    if let Some(Value::Bool(false)) = csp.get(key)? {
        return Ok(None);
    }
    // An empty list is a directive without sources.
    let sources = csp.optional_string_array(key)?.unwrap_or_default();
    if sources.iter().any(|source| source.contains([';', ','])) {
        return Err(ConfigError::new(format!(
            "`{}` must list sources one by one, without `;` or `,`",
            csp.full_key(key)
        )));
    }
    Ok(Some(sources.join(" ")))
}

fn replace(directives: &mut Vec<(String, String)>, name: String, value: String) {
    match directives.iter_mut().find(|(existing, _)| *existing == name) {
        Some(existing) => existing.1 = value,
        None => directives.push((name, value)),
    }
}

/// `scriptSrcAttr` and `script-src-attr` are the same directive.
fn kebab_case(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    for character in key.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

fn referrer_policy(config: &ConfigReader) -> Result<HeaderValue, ConfigError> {
    let policies = config
        .optional_string_array("backend.referrer.policy")?
        .filter(|policies| !policies.is_empty())
        .unwrap_or_else(|| vec!["no-referrer".to_owned()]);
    let joined = policies.join(",");
    HeaderValue::try_from(joined)
        .ok()
        .filter(|_| policies.iter().all(|policy| REFERRER_POLICIES.contains(&policy.as_str())))
        .ok_or_else(|| {
            ConfigError::new("`backend.referrer.policy` must list values of the Referrer-Policy header, such as same-origin")
        })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    fn sent(json: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        SecurityHeaders::read(&config(json))
            .unwrap()
            .decorate(&mut headers);
        headers
    }

    #[test]
    fn without_configuration_the_headers_are_backstages() {
        let headers = sent("{}");
        let expected = [
            (
                "content-security-policy",
                "default-src 'self';base-uri 'self';font-src 'self' https: data:;frame-ancestors 'self';\
                 img-src 'self' data:;object-src 'none';script-src 'self' 'unsafe-eval';script-src-attr 'none';\
                 style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
            ),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=15552000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("x-dns-prefetch-control", "off"),
            ("x-download-options", "noopen"),
            ("x-frame-options", "SAMEORIGIN"),
            ("x-permitted-cross-domain-policies", "none"),
            ("x-xss-protection", "0"),
        ];
        assert_eq!(headers.len(), expected.len());
        for (name, value) in expected {
            assert_eq!(headers[name], value);
        }
    }

    #[test]
    fn directives_are_replaced_in_place_removed_or_added_at_the_end() {
        let headers = sent(
            r#"{"backend":{"csp":{"scriptSrc":["'self'"],"upgrade-insecure-requests":false,"fontSrc":false,
                "style-src":false,"img-src":false,"connect-src":["'self'","https:"],"sandbox":[]},
                "referrer":{"policy":["same-origin","strict-origin"]}}}"#,
        );
        assert_eq!(
            headers["content-security-policy"],
            "default-src 'self';base-uri 'self';frame-ancestors 'self';object-src 'none';script-src 'self';\
             script-src-attr 'none';connect-src 'self' https:;sandbox"
        );
        assert_eq!(headers["referrer-policy"], "same-origin,strict-origin");
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let errors = SecurityHeaders::read(&config(
            r#"{"backend":{"csp":{"img-src":["a; script-src *"]},"referrer":{"policy":["mine"]}}}"#,
        ))
        .unwrap_err();
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2);
        assert!(texts[0].contains("backend.csp.img-src"), "{texts:?}");
        assert!(texts[1].contains("backend.referrer.policy"), "{texts:?}");
    }

    #[test]
    fn what_the_answer_says_itself_stays() {
        let mut headers = HeaderMap::new();
        headers.insert("referrer-policy", HeaderValue::from_static("origin"));
        SecurityHeaders::read(&config("{}"))
            .unwrap()
            .decorate(&mut headers);
        assert_eq!(headers["referrer-policy"], "origin");
    }
}
