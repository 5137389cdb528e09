//! A plugin's routes, matched the way Express matches them: literals ignore case, slashes collapse.

use axum::{Router, handler::Handler, routing};
use http::{Method, Uri};

/// The routes of one plugin, relative to its mount.
///
/// A thin layer over axum's router that remembers the templates, so that `/STACKS/` can be turned into
/// `/stacks` before axum sees it. HEAD works where GET does; other methods on a known path are 404, as Express
/// answers them.
#[derive(Debug, Default)]
pub struct Routes {
    router: Router,
    templates: Vec<Template>,
}

/// One path with the methods it answers.
#[derive(Debug)]
struct Template {
    path: &'static str,
    methods: Vec<Method>,
}

/// What a request's path and method lead to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// Ask the router with this path in canonical spelling.
    Found(String),
    /// `OPTIONS` on a known path: these methods are answered.
    Options(String),
    /// No such route, or not with this method.
    Nothing,
}

impl Routes {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers GET and HEAD on the path; `{name}` is one segment.
    #[must_use]
    pub fn get<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        self.add(path, &[Method::GET, Method::HEAD], routing::get(handler))
    }

    /// Answers POST on the path.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        self.add(path, &[Method::POST], routing::post(handler))
    }

    /// Answers DELETE on the path.
    #[must_use]
    pub fn delete<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        self.add(path, &[Method::DELETE], routing::delete(handler))
    }

    /// Finds the route for a path below the mount.
    pub(super) fn find(&self, method: &Method, path: &str) -> Match {
        let found = self
            .templates
            .iter()
            .find_map(|template| Some((template, template.canonical(path)?)));
        match found {
            Some((template, canonical)) if template.methods.contains(method) => Match::Found(canonical),
            Some((template, _)) if method == Method::OPTIONS => Match::Options(template.allow()),
            _ => Match::Nothing,
        }
    }

    /// Whether any method is answered on the path.
    pub(super) fn knows(&self, path: &str) -> bool {
        self.templates.iter().any(|template| template.fits(path))
    }

    /// Returns the router that answers canonical paths.
    pub(super) fn router(&self) -> &Router {
        &self.router
    }

    fn add(mut self, path: &'static str, methods: &[Method], method_router: routing::MethodRouter) -> Self {
        self.router = self.router.route(path, method_router);
        match self.templates.iter_mut().find(|template| template.path == path) {
            Some(template) => template.methods.extend_from_slice(methods),
            None => self.templates.push(Template {
                path,
                methods: methods.to_vec(),
            }),
        }
        self
    }
}

impl Template {
    /// Returns the path with the template's spelling of its literals, or `None` if it does not fit.
    fn canonical(&self, path: &str) -> Option<String> {
        let mut canonical = String::with_capacity(path.len() + 1);
        let mut given = segments(path);
        for wanted in segments(self.path) {
            let segment = given.next()?;
            canonical.push('/');
            if wanted.starts_with('{') {
                canonical.push_str(segment);
            } else if wanted.eq_ignore_ascii_case(segment) {
                canonical.push_str(wanted);
            } else {
                return None;
            }
        }
        if canonical.is_empty() {
            canonical.push('/');
        }
        given.next().is_none().then_some(canonical)
    }

    /// As `canonical`, without writing the path down.
    fn fits(&self, path: &str) -> bool {
        let mut given = segments(path);
        let fits = |wanted: &str| {
            given
                .next()
                .is_some_and(|segment| wanted.starts_with('{') || wanted.eq_ignore_ascii_case(segment))
        };
        segments(self.path).all(fits) && given.next().is_none()
    }

    fn allow(&self) -> String {
        self.methods
            .iter()
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// The parts of a path between its slashes; doubled and trailing slashes count for nothing, as in Express.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Replaces the path of an address and keeps its query.
pub(super) fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    match uri.query() {
        Some(query) => format!("{path}?{query}").parse().ok(),
        None => path.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn nothing() {}

    fn routes() -> Routes {
        Routes::new()
            .get("/stacks", nothing)
            .post("/stacks/{id}/trigger", nothing)
            .get("/", nothing)
    }

    #[test]
    fn literals_ignore_case_and_doubled_or_trailing_slashes_count_for_nothing() {
        for path in ["/stacks", "/STACKS", "//stacks", "/stacks/"] {
            assert_eq!(
                routes().find(&Method::GET, path),
                Match::Found("/stacks".into()),
                "{path}"
            );
        }
        assert_eq!(routes().find(&Method::GET, ""), Match::Found("/".into()));
    }

    #[test]
    fn a_parameter_keeps_its_spelling_and_its_escapes() {
        let found = routes().find(&Method::POST, "/Stacks/A%2Fb%20C/TRIGGER");
        assert_eq!(found, Match::Found("/stacks/A%2Fb%20C/trigger".into()));
    }

    #[test]
    fn a_missing_parameter_or_a_longer_path_is_no_route() {
        for path in ["/stacks//trigger", "/stacks/x/trigger/y", "/stacksx"] {
            assert_eq!(routes().find(&Method::POST, path), Match::Nothing, "{path}");
        }
    }

    #[test]
    fn head_works_where_get_does_and_other_methods_are_no_route_but_options_tells() {
        assert_eq!(
            routes().find(&Method::HEAD, "/stacks"),
            Match::Found("/stacks".into())
        );
        assert_eq!(routes().find(&Method::DELETE, "/stacks"), Match::Nothing);
        assert_eq!(
            routes().find(&Method::OPTIONS, "/stacks"),
            Match::Options("GET,HEAD".into())
        );
        assert_eq!(routes().find(&Method::OPTIONS, "/nope"), Match::Nothing);
    }
}
