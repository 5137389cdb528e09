//! Our HTTP client under the Kubernetes library: one policy for certificates, proxies and redirects everywhere.

use std::task::{Context, Poll};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use kube::client::Body;
use tower::{BoxError, Service};

/// Sends what the library built.
#[derive(Debug, Clone)]
pub(super) struct Wire(pub(super) reqwest::Client);

impl Service<Request<Body>> for Wire {
    type Response = Response<reqwest::Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let client = self.0.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            let request = reqwest::Request::try_from(Request::from_parts(parts, body))?;
            Ok(client.execute(request).await?.into())
        }
        .boxed()
    }
}
