//! A service account as a pod finds it: three files that the kubelet keeps fresh.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    access::{RevocableToken, ServiceAccount},
    cluster::{Cluster, unique},
};

/// Where a pod has it, below the root.
const FOLDER: &str = "var/run/secrets/kubernetes.io/serviceaccount";

/// The files, and the account they are of.
pub(crate) struct Mounted {
    cluster: Cluster,
    account: ServiceAccount,
    root: TempDir,
    token: RevocableToken,
}

impl Cluster {
    /// Mounts the account below a root of its own, as `token`, `ca.crt` and `namespace`.
    pub(crate) async fn mounted(&self, account: &ServiceAccount) -> Mounted {
        let mounted = Mounted {
            cluster: self.clone(),
            account: account.clone(),
            root: tempfile::tempdir().unwrap(),
            token: self.revocable_token(account).await,
        };
        fs::create_dir_all(mounted.folder()).unwrap();
        mounted.publish();
        for name in ["token", "ca.crt", "namespace"] {
            symlink(format!("..data/{name}"), mounted.folder().join(name)).unwrap();
        }
        mounted
    }
}

impl Mounted {
    /// What stands for `/`.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The content of one of the files.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap()
    }

    /// Puts a new token there and takes the old one back; returns once the server refuses the old one.
    pub(crate) async fn rotate(&mut self) {
        let fresh = self.cluster.revocable_token(&self.account).await;
        let old = std::mem::replace(&mut self.token, fresh);
        self.publish();
        self.cluster.revoke(old).await;
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join(FOLDER)
    }

    /// All files change at once, as the kubelet has them change: it moves the link they all lead through.
    fn publish(&self) {
        let (folder, version) = (self.folder(), format!("..{}", unique()));
        let fresh = folder.join(&version);
        fs::create_dir(&fresh).unwrap();
        fs::write(fresh.join("token"), &self.token.token).unwrap();
        fs::write(fresh.join("ca.crt"), self.cluster.ca_pem()).unwrap();
        fs::write(fresh.join("namespace"), &self.account.namespace).unwrap();
        symlink(&version, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    }
}
