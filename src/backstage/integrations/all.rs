//! All code hosts of `integrations` that we speak to, each by its own host.

use super::{github, github::GitHubIntegration, gitlab, gitlab::GitLabIntegration};
use crate::config::{ConfigReader, Problems};

/// The usable entries of `integrations.github` and `integrations.gitlab`, one for each host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Integrations {
    /// Of `integrations.github`.
    pub github: Vec<GitHubIntegration>,
    /// Of `integrations.gitlab`.
    pub gitlab: Vec<GitLabIntegration>,
}

/// One entry, by the kind of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeHost<'a> {
    /// GitHub or GitHub Enterprise Server.
    GitHub(&'a GitHubIntegration),
    /// GitLab.
    GitLab(&'a GitLabIntegration),
}

impl Integrations {
    /// Reads the entry of each host. What is wrong with the entry of a host that is needed is a problem; another is
    /// left out with a notice, since it may only be meant for Backstage.
    pub fn read(reader: &ConfigReader, needed: &[&str], problems: &mut Problems) -> Self {
        let mut read = Self::default();
        for host in once(github::hosts(reader)) {
            let entry = each(&host, needed, problems, |problems| {
                GitHubIntegration::for_host(reader, &host, problems)
            });
            read.github.extend(entry);
        }
        for host in once(gitlab::hosts(reader)) {
            let entry = each(&host, needed, problems, |problems| {
                GitLabIntegration::for_host(reader, &host, problems)
            });
            read.gitlab.extend(entry);
        }
        read
    }

    /// Returns the entry for a host, given with its port if it has one. A host that both lists name is GitHub's.
    pub fn host(&self, host: &str) -> Option<CodeHost<'_>> {
        let is = |named: &str| named.eq_ignore_ascii_case(host);
        let github = self.github.iter().find(|entry| is(&entry.host));
        let gitlab = self.gitlab.iter().find(|entry| is(&entry.host));
        github.map(CodeHost::GitHub).or(gitlab.map(CodeHost::GitLab))
    }
}

fn once(mut hosts: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    hosts.retain(|host| seen.insert(host.clone()));
    hosts
}

/// Reads the entry of one host; its problems count only when the host is needed.
fn each<T>(
    host: &str,
    needed: &[&str],
    problems: &mut Problems,
    read: impl FnOnce(&mut Problems) -> Option<Option<T>>,
) -> Option<T> {
    if needed.iter().any(|needed| needed.eq_ignore_ascii_case(host)) {
        return read(problems).flatten();
    }
    let mut aside = Problems::default();
    let entry = read(&mut aside).flatten();
    for problem in aside.into_errors() {
        problems.notice(format!(
            "The entry of integrations for {host} is left out: {problem}"
        ));
    }
    entry
}
