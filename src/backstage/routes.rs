//! A plugin's routes, matched the way Express matches them: literals ignore case, slashes collapse.

use axum::{Router, handler::Handler, routing};
use http::{Method, Uri};

/// The routes of one plugin, relative to its mount.
///
/// A thin layer over axum's routers, one per method, that remembers the templates, so that `/STACKS/` can be turned into
/// `/stacks` before axum sees it. HEAD works where GET does; other methods on a known path are 404, as Express
/// answers them.
#[derive(Debug, Default)]
pub struct Routes {
    get: Router,
    post: Router,
    delete: Router,
    /// Literals before parameters, so that the first that fits is the one meant.
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
    pub fn get<H, T>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        self.get = self.get.route(path, routing::get(handler));
        self.remember(path, &[Method::GET, Method::HEAD])
    }

    /// Answers POST on the path.
    #[must_use]
    pub fn post<H, T>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        self.post = self.post.route(path, routing::post(handler));
        self.remember(path, &[Method::POST])
    }

    /// Answers DELETE on the path.
    #[must_use]
    pub fn delete<H, T>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        self.delete = self.delete.route(path, routing::delete(handler));
        self.remember(path, &[Method::DELETE])
    }

    /// Finds the route for a path below the mount.
    pub(super) fn find(&self, method: &Method, path: &str) -> Match {
        let found = self
            .templates
            .iter()
            .filter(|template| template.methods.contains(method))
            .find_map(|template| template.canonical(path));
        match found {
            Some(canonical) => Match::Found(canonical),
            None if method == Method::OPTIONS => self.options(path),
            None => Match::Nothing,
        }
    }

    /// All methods of all templates that fit, each once.
    fn options(&self, path: &str) -> Match {
        let mut methods = Vec::new();
        for template in self.templates.iter().filter(|template| template.fits(path)) {
            for method in &template.methods {
                if !methods.contains(&method.as_str()) {
                    methods.push(method.as_str());
                }
            }
        }
        if methods.is_empty() {
            Match::Nothing
        } else {
            Match::Options(methods.join(","))
        }
    }

    /// Whether any method is answered on the path.
    pub(super) fn knows(&self, path: &str) -> bool {
        self.templates.iter().any(|template| template.fits(path))
    }

    /// Returns the router that answers canonical paths for a method that was found.
    pub(super) fn router(&self, method: &Method) -> &Router {
        match *method {
            Method::POST => &self.post,
            Method::DELETE => &self.delete,
            _ => &self.get,
        }
    }

    fn remember(mut self, path: &'static str, methods: &[Method]) -> Self {
        match self.templates.iter_mut().find(|template| template.path == path) {
            Some(template) => template.methods.extend_from_slice(methods),
            None => self.templates.push(Template {
                path,
                methods: methods.to_vec(),
            }),
        }
        self.templates.sort_by_key(Template::parameters);
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

    /// For each segment whether it is a parameter; literals sort first.
    fn parameters(&self) -> Vec<bool> {
        segments(self.path)
            .map(|segment| segment.starts_with('{'))
            .collect()
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
    use tower::ServiceExt;

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

    #[tokio::test]
    async fn a_literal_beside_a_parameter_leaves_the_parameter_its_methods() {
        let answer = |text: &'static str| move || async move { text };
        let routes = Routes::new()
            .get("/stacks/{id}", answer("one"))
            .delete("/stacks/{id}", answer("gone"))
            .get("/stacks/search", answer("found"))
            .post("/stacks/search", answer("searched"));
        for (method, path, wanted) in [
            (Method::GET, "/stacks/SEARCH", "found"),
            (Method::POST, "/stacks/search", "searched"),
            (Method::DELETE, "/stacks/search", "gone"),
            (Method::GET, "/stacks/x", "one"),
        ] {
            let Match::Found(path) = routes.find(&method, path) else {
                panic!("{method} {path} is a route");
            };
            let request = http::Request::builder().method(&method).uri(&path);
            let request = request.body(axum::body::Body::empty()).unwrap();
            let answer = routes.router(&method).clone().oneshot(request).await.unwrap();
            let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
            assert_eq!(body, wanted, "{method} {path}");
        }
        assert_eq!(routes.find(&Method::POST, "/stacks/x"), Match::Nothing);
        assert_eq!(
            routes.find(&Method::OPTIONS, "/stacks/search"),
            Match::Options("GET,HEAD,POST,DELETE".into())
        );
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
