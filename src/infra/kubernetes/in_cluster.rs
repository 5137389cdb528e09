//! The cluster this process runs in: address, certificate authority and token, which belong together.

use std::{io, net::Ipv6Addr, path::PathBuf};

use url::{Host, Url};

use super::{account::Account, cluster::ClusterSettings};
use crate::{config::Environment, infra::http_client::Trust};

/// Where Kubernetes mounts a pod's credential ("Accessing the Kubernetes API from a Pod").
const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The API server's names inside a cluster; one with a domain of its own is reached by these as well.
const SERVICES: [&str; 4] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// What Kubernetes gives to a pod.
#[derive(Debug, Clone)]
pub struct InCluster {
    address: Url,
    folder: PathBuf,
}

impl InCluster {
    /// Finds it by the variables Kubernetes sets and the token it mounts; `None` outside a cluster.
    pub fn find(environment: &Environment) -> Option<Self> {
        let host = environment.get("KUBERNETES_SERVICE_HOST")?;
        let port = environment.get("KUBERNETES_SERVICE_PORT")?;
        let host = match host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => host.to_owned(),
        };
        let address = Url::parse(&format!("https://{host}:{port}")).ok()?;
        let folder = environment.system_path(FOLDER);
        folder.join("token").exists().then_some(Self { address, folder })
    }

    /// Whether the address is this cluster's API server, under one of the names it has inside.
    pub fn is_at(&self, url: &Url) -> bool {
        let (ours, port) = (self.address.port_or_known_default(), url.port_or_known_default());
        let own_name = matches!(url.host(), Some(Host::Domain(name)) if SERVICES.contains(&name));
        let right_port = port == ours || (own_name && port == Some(443));
        url.scheme() == "https" && right_port && (own_name || url.host() == self.address.host())
    }

    /// The mounted token, which Kubernetes replaces before it expires.
    pub fn account(&self) -> Account {
        Account::File(self.folder.join("token"))
    }

    /// The mounted certificate authority.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn trust(&self) -> io::Result<Trust> {
        Ok(Trust::Authorities(std::fs::read(self.folder.join("ca.crt"))?))
    }

    /// Address, certificate authority and token of this cluster together.
    ///
    /// # Errors
    /// The certificate authority cannot be read.
    pub fn settings(&self, name: &str) -> io::Result<ClusterSettings> {
        Ok(ClusterSettings {
            name: name.to_owned(),
            url: self.address.clone(),
            trust: self.trust()?,
            account: self.account(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(host: &str) -> (tempfile::TempDir, Option<InCluster>) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(FOLDER.trim_start_matches('/'));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("token"), "t").unwrap();
        let variables = [
            ("KUBERNETES_SERVICE_HOST", host),
            ("KUBERNETES_SERVICE_PORT", "6443"),
        ];
        let environment = Environment::from_pairs(variables).rooted_at(root.path());
        (root, InCluster::find(&environment))
    }

    #[test]
    fn a_pod_is_known_by_its_variables_and_its_token() {
        assert!(mounted("10.0.0.1").1.is_some());
        let (root, _) = mounted("10.0.0.1");
        let without_variables = Environment::from_pairs([("HOME", "/root")]).rooted_at(root.path());
        assert!(InCluster::find(&without_variables).is_none());
        let variables = [
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
        ];
        let without_token = Environment::from_pairs(variables).rooted_at("/nowhere");
        assert!(InCluster::find(&without_token).is_none());
    }

    #[test]
    fn the_cluster_knows_its_own_addresses_and_no_other() {
        let (_root, pod) = mounted("10.0.0.1");
        let pod = pod.unwrap();
        for own in [
            "https://10.0.0.1:6443",
            "https://kubernetes.default.svc",
            "https://kubernetes.default",
            "https://kubernetes",
            "https://kubernetes.default.svc.cluster.local",
        ] {
            assert!(pod.is_at(&Url::parse(own).unwrap()), "{own}");
        }
        for foreign in [
            "https://10.0.0.1",
            "http://kubernetes.default.svc",
            "https://kubernetes.example.com",
            "https://kubernetes.default.svcx",
            "https://kubernetes.default.svc.prod.corp.example",
            "https://kubernetes.default.svc:8443",
            "https://kube",
            "https://platform.example.com",
        ] {
            assert!(!pod.is_at(&Url::parse(foreign).unwrap()), "{foreign}");
        }
    }

    #[test]
    fn an_ipv6_address_is_put_into_brackets() {
        let (_root, pod) = mounted("fd00::1");
        assert_eq!(pod.unwrap().address.as_str(), "https://[fd00::1]:6443/");
    }
}
