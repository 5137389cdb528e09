//! The settings of the service as a whole, outside the plugins' sections.

use std::time::Duration;

use url::Url;

use super::front;
use crate::{
    backstage::lifecycle::LifecycleSettings,
    config::{ConfigError, ConfigReader},
    infra::http_server::{EdgeSettings, HealthHeaders, ListenAddress, ServerSettings},
};

/// How long Kubernetes waits between asking and killing, unless the pod says otherwise
/// (`terminationGracePeriodSeconds`).
const GRACE_PERIOD: Duration = Duration::from_secs(30);

/// Where and how to serve.
pub(super) struct Settings {
    pub(super) listen: ListenAddress,
    pub(super) server: ServerSettings,
    pub(super) edge: EdgeSettings,
    pub(super) lifecycle: LifecycleSettings,
    pub(super) health_headers: HealthHeaders,
    /// `stagedoor.upstream`: the backend behind us.
    pub(super) upstream: Option<Url>,
}

impl Settings {
    /// Reads the `backend` and `stagedoor` sections; reports every problem.
    pub(super) fn read(reader: &ConfigReader, listen: Option<&str>) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Vec::new();
        let listen = super::keep(
            ListenAddress::read(reader, listen).map_err(|problem| vec![problem]),
            &mut problems,
        );
        let server = super::keep(ServerSettings::read(reader), &mut problems);
        let edge = super::keep(EdgeSettings::read(reader), &mut problems);
        let lifecycle = super::keep(LifecycleSettings::read(reader), &mut problems);
        let health_headers = super::keep(HealthHeaders::read(reader), &mut problems);
        let upstream = super::keep(
            front::read(reader).map_err(|problem| vec![problem]),
            &mut problems,
        );
        match (listen, server, edge, lifecycle, health_headers, upstream) {
            (
                Some(listen),
                Some(server),
                Some(edge),
                Some(lifecycle),
                Some(health_headers),
                Some(upstream),
            ) => Ok(Self {
                listen,
                server,
                edge,
                lifecycle,
                health_headers,
                upstream,
            }),
            _ => Err(problems),
        }
    }

    /// Says so when the end may take longer than Kubernetes usually grants.
    pub(super) fn warning(&self) -> Option<String> {
        let (delay, limit) = (self.lifecycle.server_shutdown_delay, self.server.drain_limit());
        (delay.saturating_add(limit) > GRACE_PERIOD).then(|| {
            format!(
                "backend.lifecycle.serverShutdownDelay and the {} s after it to finish requests together pass the \
                 30 s after which Kubernetes kills; set the pod's terminationGracePeriodSeconds to more than both",
                limit.as_secs()
            )
        })
    }
}

/// Returns where this configuration's service says whether it is ready.
pub fn readiness_url(reader: &ConfigReader, listen: Option<&str>) -> Result<Url, Vec<ConfigError>> {
    let address = ListenAddress::read(reader, listen).map_err(|problem| vec![problem])?;
    let scheme = if ServerSettings::read(reader)?.is_https() {
        "https"
    } else {
        "http"
    };
    let text = format!(
        "{scheme}://{}/.backstage/health/v1/readiness",
        address.local_authority()
    );
    text.parse().map_err(|_| {
        vec![ConfigError::new(
            "The listen address is not one that can be asked",
        )]
    })
}
