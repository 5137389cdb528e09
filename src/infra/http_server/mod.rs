//! Our side of HTTP: what every answer has in common, whatever serves it.

mod activity;
mod ambiguity;
mod arrival;
pub mod body;
mod caller_site;
mod client_address;
mod compression;
mod conditional;
mod connection;
mod cors;
mod edge;
mod encoding;
mod etag;
mod framing;
mod health_headers;
mod io;
mod json;
pub mod json_body;
mod listen;
mod origin_pattern;
mod prepared;
mod rate_limit;
mod rate_limit_settings;
mod request_log;
mod security_headers;
mod serve;
mod settings;
#[cfg(test)]
pub(crate) mod testing;
mod tls;
mod vary;

pub use arrival::{Arrival, RequestId};
pub use caller_site::CallerSite;
pub use client_address::TrustProxy;
pub use edge::{EdgeSettings, Refusal, decorated, logged};
pub use encoding::Encoding;
pub use health_headers::HealthHeaders;
pub use json::{JSON_CONTENT_TYPE, JsonResponse};
pub use listen::{ListenAddress, ListenError};
pub use prepared::PreparedJson;
pub use rate_limit::{Count, RateLimiter};
pub use rate_limit_settings::RateLimitSettings;
pub use request_log::{FailureCause, PrivateQuery, printable};
pub use serve::{Drained, serve};
pub use settings::ServerSettings;
