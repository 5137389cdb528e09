//! Cross-origin answers and preflights as npm `cors` gives them under `backend.cors`.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use super::{
    caller_site::CallerSite,
    origin_pattern::{self, OriginPattern},
    vary,
};
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
    /// The origin of `backend.baseUrl`: a page from there is our own.
    own_origin: Option<String>,
}

/// The origins let in. Exact ones are compared, the rest are patterns.
#[derive(Debug, Clone)]
struct Origins {
    everyone: bool,
    exact: Vec<String>,
    patterns: Vec<OriginPattern>,
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
        let app_origin = origin_of(config, "app.baseUrl").map_err(|error| vec![error])?;
        let cors = config
            .optional_config("backend.cors")
            .map_err(|error| vec![error])?;
        let settings = match cors {
            None => Self::for_app_only(app_origin),
            Some(cors) => Self::read_section(&cors, app_origin).map_err(|error| vec![error])?,
        };
        // A wrong one is told where it is needed.
        let own_origin = origin_of(config, "backend.baseUrl").ok().flatten();
        Ok(Self {
            own_origin,
            ..settings
        })
    }

    fn for_app_only(app_origin: Option<String>) -> Self {
        Self {
            origins: Origins {
                everyone: false,
                exact: app_origin.into_iter().collect(),
                patterns: Vec::new(),
            },
            credentials: false,
            methods: HeaderValue::from_static(DEFAULT_METHODS),
            allowed_headers: None,
            exposed_headers: None,
            max_age: HeaderValue::from(DEFAULT_MAX_AGE),
            preflight_status: StatusCode::NO_CONTENT,
            preflight_continues: false,
            own_origin: None,
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
            own_origin: None,
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

    /// Judges what page a request may come from. To let everyone read does not mean to let everyone change.
    pub(super) fn site(&self, request_headers: &HeaderMap) -> CallerSite {
        let is_own = |origin: &HeaderValue| {
            let own = self.own_origin.as_ref();
            own.is_some_and(|own| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
        };
        CallerSite::of(request_headers, |origin| {
            is_own(origin) || self.origins.contain(origin)
        })
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
                exact: app_origin.into_iter().collect(),
                patterns: Vec::new(),
            });
        };
        let (exact, patterns): (Vec<_>, Vec<_>) = given
            .into_iter()
            .partition(|origin| origin_pattern::is_plain(origin));
        let unusable = |reason| {
            let key = cors.full_key("origin");
            ConfigError::new(format!("`{key}` holds a pattern that is not usable: {reason}"))
        };
        let patterns = patterns.iter().map(|pattern| OriginPattern::read(pattern));
        Ok(Self {
            everyone: false,
            exact: exact.into_iter().chain(app_origin).collect(),
            patterns: patterns.collect::<Result<_, _>>().map_err(unusable)?,
        })
    }

    fn contain(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        self.exact.iter().any(|known| known.eq_ignore_ascii_case(origin))
            || self.patterns.iter().any(|pattern| pattern.matches(origin))
    }
}

/// The origin of the address at the key.
fn origin_of(config: &ConfigReader, key: &str) -> Result<Option<String>, ConfigError> {
    let Some(address) = config.optional_string(key)? else {
        return Ok(None);
    };
    let origin = Url::parse(&address)
        .ok()
        .map(|url| url.origin())
        .filter(url::Origin::is_tuple);
    match origin {
        Some(origin) => Ok(Some(origin.ascii_serialization())),
        None => Err(ConfigError::new(format!(
            "`{key}` must be a URL such as https://portal.example.com"
        ))),
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
                r#"{"backend":{"cors":{"origin":"https://{a,b}{1..1000}"}}}"#,
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
