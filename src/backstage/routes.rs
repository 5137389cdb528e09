//! A plugin's routes, matched the way Express matches them: literals ignore case, slashes collapse.

use axum::{Router, handler::Handler, routing};

/// The routes of one plugin, relative to its mount.
///
/// A thin layer over axum's router that remembers the templates, so that `/STACKS/` can be turned into
/// `/stacks` before axum sees it. HEAD works where GET does; other methods on a known path are 404.
#[derive(Debug, Default)]
pub struct Routes {
    router: Router,
    templates: Vec<&'static str>,
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
        self.add(path, routing::get(handler))
    }

    /// Answers POST on the path.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        self.add(path, routing::post(handler))
    }

    /// Answers DELETE on the path.
    #[must_use]
    pub fn delete<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, ()>,
        T: 'static,
    {
        self.add(path, routing::delete(handler))
    }

    fn add(mut self, path: &'static str, method_router: routing::MethodRouter) -> Self {
        self.router = self.router.route(path, method_router);
        self.templates.push(path);
        self
    }
}
