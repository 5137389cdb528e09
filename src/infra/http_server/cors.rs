//! Cross-origin answers and preflights as npm `cors` gives them under `backend.cors`.

use axum::{body::Body, response::Response};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use super::vary;
use crate::config::{ConfigError, ConfigReader};

/// What npm `cors` allows when `methods` is not set.
const DEFAULT_METHODS: &str = "GET,HEAD,PUT,PATCH,POST,DELETE";

/// How long a browser may remember a preflight, in seconds, when `maxAge` is not set. The stack page asks every
/// ten seconds and browsers forget after five, so without this every poll would be two requests; ten minutes is
/// also the most Chromium's predecessors honoured.
const DEFAULT_MAX_AGE: u32 = 600;

/// Who may call from another origin, with every header value made once.
#[derive(Debug, Clone)]
pub(super) struct Cors {
    origins: Origins,
    credentials: bool,
    methods: HeaderValue,
    allowed_headers: Option<HeaderValue>,
    exposed_headers: Option<HeaderValue>,
    max_age: HeaderValue,
    preflight_status: StatusCode,
    preflight_continues: bool,
}

/// The origins let in. Exact ones are compared, the rest are patterns.
#[derive(Debug, Clone)]
struct Origins {
    everyone: bool,
    exact: Vec<String>,
    patterns: GlobSet,
}

/// What a request's origin earned.
#[derive(Debug, Clone)]
pub(super) enum Granted {
    /// No header at all.
    Nothing,
    /// `Access-Control-Allow-Origin: *`
    Everyone,
    /// The origin, sent back.
    Origin(HeaderValue),
}

impl Cors {
    /// Reads `backend.cors`. The origin of `app.baseUrl` is let in besides, because a stock production
    /// configuration leaves `localhost` in `backend.cors.origin`.
    pub(super) fn read(config: &ConfigReader) -> Result<Self, Vec<ConfigError>> {
        let app_origin = app_origin(config).map_err(|error| vec![error])?;
        let cors = config
            .optional_config("backend.cors")
            .map_err(|error| vec![error])?;
        let Some(cors) = cors else {
            return Ok(Self::for_app_only(app_origin));
        };
        Self::read_section(&cors, app_origin).map_err(|error| vec![error])
    }

    fn for_app_only(app_origin: Option<String>) -> Self {
        Self {
            origins: Origins {
                everyone: false,
                exact: app_origin.into_iter().collect(),
                patterns: GlobSet::empty(),
            },
            credentials: false,
            methods: HeaderValue::from_static(DEFAULT_METHODS),
            allowed_headers: None,
            exposed_headers: None,
            max_age: HeaderValue::from(DEFAULT_MAX_AGE),
            preflight_status: StatusCode::NO_CONTENT,
            preflight_continues: false,
        }
    }

    fn read_section(cors: &ConfigReader, app_origin: Option<String>) -> Result<Self, ConfigError> {
        let defaults = Self::for_app_only(None);
        Ok(Self {
            origins: Origins::read(cors, app_origin)?,
            credentials: cors.optional_boolean("credentials")?.unwrap_or(false),
            methods: list(cors, "methods")?.unwrap_or(defaults.methods),
            allowed_headers: list(cors, "allowedHeaders")?,
            exposed_headers: list(cors, "exposedHeaders")?,
            max_age: max_age(cors)?.unwrap_or(defaults.max_age),
            preflight_status: preflight_status(cors)?.unwrap_or(defaults.preflight_status),
            preflight_continues: cors.optional_boolean("preflightContinue")?.unwrap_or(false),
        })
    }

    /// Judges the request's origin.
    pub(super) fn judge(&self, request_headers: &HeaderMap) -> Granted {
        if self.origins.everyone {
            return Granted::Everyone;
        }
        match request_headers.get(header::ORIGIN) {
            Some(origin) if self.origins.contain(origin) => Granted::Origin(origin.clone()),
            _ => Granted::Nothing,
        }
    }

    /// Answers a preflight from an origin that is let in; anything else goes on.
    pub(super) fn preflight(
        &self,
        method: &Method,
        request_headers: &HeaderMap,
        granted: &Granted,
    ) -> Option<Response> {
        if *method != Method::OPTIONS || self.preflight_continues || matches!(granted, Granted::Nothing) {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.preflight_status;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        if let Some(allowed) = &self.allowed_headers {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed.clone());
        } else {
            headers.insert(header::VARY, vary::REQUEST_HEADERS);
            if let Some(asked) = request_headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            }
        }
        Some(response)
    }

    /// Adds what the origin earned to any answer, errors included: without it the browser hides them.
    pub(super) fn decorate(&self, granted: Granted, headers: &mut HeaderMap) {
        match granted {
            Granted::Nothing => return,
            Granted::Everyone => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Granted::Origin(origin) => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                vary::add_origin(headers);
            }
        }
        if self.credentials {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
        if let Some(exposed) = &self.exposed_headers {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }
}

impl Origins {
    fn read(cors: &ConfigReader, app_origin: Option<String>) -> Result<Self, ConfigError> {
        let Some(given) = cors.optional_string_or_array("origin")? else {
            return Ok(Self {
                everyone: true,
                exact: Vec::new(),
                patterns: GlobSet::empty(),
            });
        };
        let (patterns, exact): (Vec<_>, Vec<_>) = given
            .into_iter()
            .chain(app_origin)
            .partition(|origin| origin.contains(['*', '?', '[', '{', '\\', '!']));
        let unusable = |error: &globset::Error| {
            ConfigError::new(format!(
                "`{}` holds a pattern that is not usable ({})",
                cors.full_key("origin"),
                error.kind()
            ))
        };
        let mut set = GlobSetBuilder::new();
        for pattern in &patterns {
            set.add(origin_pattern(pattern).map_err(|error| unusable(&error))?);
        }
        Ok(Self {
            everyone: false,
            exact,
            patterns: set.build().map_err(|error| unusable(&error))?,
        })
    }

    fn contain(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        self.exact.iter().any(|known| known.eq_ignore_ascii_case(origin))
            || (!self.patterns.is_empty() && self.patterns.is_match(origin))
    }
}

/// `*` crosses dots and not slashes, as in Backstage.
fn origin_pattern(pattern: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .case_insensitive(true)
        .build()
}

fn app_origin(config: &ConfigReader) -> Result<Option<String>, ConfigError> {
    let Some(base_url) = config.optional_string("app.baseUrl")? else {
        return Ok(None);
    };
    let origin = Url::parse(&base_url)
        .ok()
        .map(|url| url.origin())
        .filter(url::Origin::is_tuple);
    match origin {
        Some(origin) => Ok(Some(origin.ascii_serialization())),
        None => Err(ConfigError::new(
            "`app.baseUrl` must be a URL such as https://portal.example.com",
        )),
    }
}

fn list(cors: &ConfigReader, key: &str) -> Result<Option<HeaderValue>, ConfigError> {
    let Some(items) = cors.optional_string_or_array(key)? else {
        return Ok(None);
    };
    HeaderValue::try_from(items.join(",")).map(Some).map_err(|_| {
        ConfigError::new(format!(
            "`{}` holds characters that a header cannot carry",
            cors.full_key(key)
        ))
    })
}

fn max_age(cors: &ConfigReader) -> Result<Option<HeaderValue>, ConfigError> {
    let seconds = cors.optional_number("maxAge")?;
    Ok(seconds.map(|seconds| HeaderValue::from(seconds.max(0.0) as u64)))
}

fn preflight_status(cors: &ConfigReader) -> Result<Option<StatusCode>, ConfigError> {
    let Some(number) = cors.optional_number("optionsSuccessStatus")? else {
        return Ok(None);
    };
    StatusCode::from_u16(number as u16)
        .ok()
        .filter(StatusCode::is_success)
        .map(Some)
        .ok_or_else(|| {
            ConfigError::new(format!(
                "`{}` must be from 200 to 299",
                cors.full_key("optionsSuccessStatus")
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::config, *};

    fn cors(json: &str) -> Cors {
        Cors::read(&config(json)).unwrap()
    }

    fn asking(origin: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())])
    }

    fn lets_in(cors: &Cors, origin: &str) -> bool {
        matches!(cors.judge(&asking(origin)), Granted::Origin(_))
    }

    #[test]
    fn patterns_match_the_whole_origin_ignoring_case_across_dots_but_not_slashes() {
        let cors =
            cors(r#"{"backend":{"cors":{"origin":["https://*.example.com","http://localhost:3000"]}}}"#);
        for origin in [
            "https://a.example.com",
            "https://a.b.example.com",
            "HTTPS://A.EXAMPLE.COM",
            "http://LOCALHOST:3000",
        ] {
            assert!(lets_in(&cors, origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "https://evil.test/.example.com",
            "https://a.example.com.evil.test",
            "xhttps://a.example.com",
            "http://localhost:30001",
            "null",
        ] {
            assert!(!lets_in(&cors, origin), "{origin}");
        }
    }

    #[test]
    fn the_portals_own_origin_is_always_let_in() {
        let app = r#""app":{"baseUrl":"https://Portal.example.com/some/path"}"#;
        for json in [
            format!("{{{app}}}"),
            format!(r#"{{{app},"backend":{{"cors":{{"origin":"http://localhost:3000"}}}}}}"#),
        ] {
            assert!(lets_in(&cors(&json), "https://portal.example.com"), "{json}");
            assert!(
                !lets_in(&cors(&json), "https://portal.example.com:8443"),
                "{json}"
            );
        }
        assert!(!lets_in(&cors("{}"), "https://portal.example.com"));
    }

    #[test]
    fn without_an_origin_key_everyone_is_let_in() {
        let mut headers = HeaderMap::new();
        let cors = cors(r#"{"backend":{"cors":{"exposedHeaders":["x-a","x-b"]}}}"#);
        cors.decorate(cors.judge(&HeaderMap::new()), &mut headers);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(headers[header::ACCESS_CONTROL_EXPOSE_HEADERS], "x-a,x-b");
    }

    #[test]
    fn a_preflight_is_answered_only_for_an_origin_that_is_let_in() {
        let cors = cors(
            r#"{"backend":{"cors":{"origin":"http://localhost:3000","credentials":true,
                "methods":["GET","HEAD","PATCH","POST","PUT","DELETE"]}}}"#,
        );
        let mut request = asking("http://localhost:3000");
        request.insert(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_static("authorization"),
        );
        let granted = cors.judge(&request);
        let mut response = cors.preflight(&Method::OPTIONS, &request, &granted).unwrap();
        cors.decorate(granted.clone(), response.headers_mut());
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        for (name, value) in [
            ("access-control-allow-origin", "http://localhost:3000"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "GET,HEAD,PATCH,POST,PUT,DELETE"),
            ("access-control-allow-headers", "authorization"),
            ("access-control-max-age", "600"),
            ("vary", "Origin, Access-Control-Request-Headers"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        assert!(cors.preflight(&Method::GET, &request, &granted).is_none());
        let stranger = asking("http://evil.example");
        assert!(
            cors.preflight(&Method::OPTIONS, &stranger, &cors.judge(&stranger))
                .is_none()
        );
    }

    #[test]
    fn what_is_configured_replaces_the_defaults() {
        let cors = cors(
            r#"{"backend":{"cors":{"allowedHeaders":"x-one","maxAge":"5","optionsSuccessStatus":200}}}"#,
        );
        let response = cors
            .preflight(&Method::OPTIONS, &HeaderMap::new(), &Granted::Everyone)
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["access-control-allow-headers"], "x-one");
        assert_eq!(
            response.headers()["access-control-allow-methods"],
            DEFAULT_METHODS
        );
        assert_eq!(response.headers()["access-control-max-age"], "5");
        assert!(!response.headers().contains_key("vary"));
    }

    #[test]
    fn settings_that_cannot_be_used_name_their_key() {
        for (json, key) in [
            (
                r#"{"backend":{"cors":{"origin":"https://[a"}}}"#,
                "backend.cors.origin",
            ),
            (
                r#"{"backend":{"cors":{"optionsSuccessStatus":99}}}"#,
                "backend.cors.optionsSuccessStatus",
            ),
            (r#"{"app":{"baseUrl":"portal"}}"#, "app.baseUrl"),
        ] {
            let errors = Cors::read(&config(json)).unwrap_err();
            assert!(errors[0].to_string().contains(key), "{errors:?}");
        }
    }
}
