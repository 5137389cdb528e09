//! `stagedoor.ske.repositories`: where pull requests and catalog files may be written, and in which place there.

use super::{NotAllowed, object_ref::Invalid};
use crate::{
    backstage::integrations::RepositoryAddress,
    infra::git::{BranchName, FilePath, FolderPath},
};

const KEY: &str = "stagedoor.ske.repositories";

/// Folders and files at the top of a repository by which code hosts run programs, besides `.github`.
const RUNS_PROGRAMS: [&str; 4] = [".gitlab", ".gitlab-ci.yml", ".gitea", ".forgejo"];

/// How files for the catalog end.
const CATALOG_ENDS: [&str; 2] = [".yaml", ".yml"];

/// How their names begin outside a folder that the entry names: no other program reads such a file.
const CATALOG_NAMES: [&str; 2] = ["catalog-info", "template"];

/// The only hidden folder that catalog files are put into; the others are where tools keep what they run or obey.
const OPEN_HIDDEN: &str = ".backstage";

/// Files, by the first part of their name, on which a service acts as soon as they are pushed: it builds or deploys by
/// them, or applies what they name.
const ACTED_UPON: [&str; 20] = [
    "amplify",
    "appveyor",
    "bitbucket-pipelines",
    "bitrise",
    "buildspec",
    "chart",
    "cloudbuild",
    "codefresh",
    "codemagic",
    "fleet",
    "heroku",
    "kustomization",
    "mkdocs",
    "railway",
    "render",
    "renovate",
    "screwdriver",
    "values",
    "vercel",
    "zuul",
];

/// As above; Azure numbers its further files.
const ACTED_UPON_ALL: &str = "azure-pipelines";

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Writable {
    /// `host`, `owner`, `repo`.
    pub(in crate::plugins::ske) address: RepositoryAddress,
    /// `branch`: the only one that pull requests go to and files are committed to.
    pub(in crate::plugins::ske) branch: Option<BranchName>,
    /// `path`: the folder that everything is in.
    pub(in crate::plugins::ske) path: FolderPath,
}

impl Writable {
    /// The entry for a repository.
    ///
    /// # Errors
    /// There is none; the sentence names the key.
    pub(in crate::plugins::ske) fn find<'a>(
        entries: &'a [Self],
        repository: &RepositoryAddress,
    ) -> Result<&'a Self, NotAllowed> {
        let found = entries.iter().find(|entry| entry.address.is(repository));
        found.ok_or_else(|| {
            NotAllowed(format!(
                "{KEY} does not list {repository}, so nothing is written there; add {{host: {}, owner: {}, repo: {}}} to \
                 it if it should be",
                repository.host(),
                repository.owner(),
                repository.repo()
            ))
        })
    }

    /// The branch a pull request goes to: the one that was asked for, else the entry's; none is the default branch.
    ///
    /// # Errors
    /// The entry names another than was asked for.
    pub(in crate::plugins::ske) fn target(
        &self,
        asked: Option<BranchName>,
    ) -> Result<Option<BranchName>, NotAllowed> {
        match (&self.branch, asked) {
            (Some(only), Some(asked)) if *only != asked => Err(self.other_branch(only, &asked)),
            (Some(only), _) => Ok(Some(only.clone())),
            (None, asked) => Ok(asked),
        }
    }

    /// Whether files may be committed to the branch even if it is the repository's default branch, which must be named
    /// for that.
    ///
    /// # Errors
    /// The entry names another.
    pub(in crate::plugins::ske) fn may_be_default(&self, asked: &BranchName) -> Result<bool, NotAllowed> {
        match &self.branch {
            Some(only) if only != asked => Err(self.other_branch(only, asked)),
            only => Ok(only.is_some()),
        }
    }

    /// The path of a file that a convention names, put into the entry's folder if it is not there.
    ///
    /// # Errors
    /// It is no path.
    pub(in crate::plugins::ske) fn place(&self, conventional: &str) -> Result<FilePath, Invalid> {
        let path = file(conventional)?;
        if self.path.contains(&path) {
            return Ok(path);
        }
        file(&format!("{}/{conventional}", self.path))
    }

    /// The path of a catalog file, which the caller names.
    ///
    /// # Errors
    /// It is no path, leads where programs are run from, or is that of a file which others than the catalog read. Below
    /// the entry's `path` the operator vouches for names.
    pub(in crate::plugins::ske) fn catalog_file(&self, path: &str) -> Result<FilePath, Invalid> {
        let parsed = file(path).map_err(|Invalid(why)| Invalid(format!("targetPath: {why}")))?;
        // The entry's own folder is the operator's choice.
        let inner = path.strip_prefix(self.path.as_str()).unwrap_or(path);
        if inner.split('/').any(is_closed) {
            return Err(Invalid(format!(
                "targetPath leads into a hidden folder, where tools keep what they run or obey; of those only \
                 '{OPEN_HIDDEN}' takes catalog files"
            )));
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        if !CATALOG_ENDS.iter().any(|end| name.ends_with(end)) {
            return Err(Invalid(
                "targetPath must end with .yaml or .yml, as files for the catalog do".to_owned(),
            ));
        }
        if self.path.is_whole() && !CATALOG_NAMES.iter().any(|begin| name.starts_with(begin)) {
            return Err(Invalid(format!(
                "targetPath must name a file catalog-info*.yaml or template*.yaml; other names are written only below the \
                 'path' of the repository's entry in {KEY}"
            )));
        }
        if is_acted_upon(name) {
            return Err(Invalid(format!(
                "targetPath is '{name}', by which other services build, deploy or apply; name the file otherwise"
            )));
        }
        Ok(parsed)
    }

    /// Passes if the file is in the entry's folder.
    ///
    /// # Errors
    /// It is elsewhere.
    pub(in crate::plugins::ske) fn admit(&self, path: &FilePath) -> Result<(), NotAllowed> {
        if self.path.contains(path) {
            return Ok(());
        }
        Err(NotAllowed(format!(
            "{KEY} lets files of {} be written in '{}' only; choose a path below it, or change 'path' of the entry",
            self.address, self.path
        )))
    }

    fn other_branch(&self, only: &BranchName, asked: &BranchName) -> NotAllowed {
        NotAllowed(format!(
            "{KEY} lets {} be written on the branch '{only}' only, not on '{asked}'; name that one, or change 'branch' of \
             the entry",
            self.address
        ))
    }
}

/// Whether a part is hidden. What has no width does not make it visible.
fn is_closed(part: &str) -> bool {
    let unseen = |letter: char| !letter.is_alphanumeric() && !letter.is_ascii_graphic();
    let visible = part.trim_start_matches(unseen);
    visible.starts_with('.') && part != OPEN_HIDDEN
}

fn is_acted_upon(name: &str) -> bool {
    let name = name.to_lowercase();
    let first = name.split('.').next().unwrap_or_default();
    ACTED_UPON.contains(&first) || first.starts_with(ACTED_UPON_ALL)
}

fn file(path: &str) -> Result<FilePath, Invalid> {
    let parsed = FilePath::parse_outside_workflows(path).map_err(|problem| Invalid(problem.to_string()))?;
    let first = path.split('/').next().unwrap_or_default().to_lowercase();
    if RUNS_PROGRAMS.contains(&first.trim_end_matches([' ', '.'])) {
        return Err(Invalid(format!(
            "`{first}` may start programs at the code host, so it is not written"
        )));
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(branch: Option<&str>, path: &str) -> Writable {
        Writable {
            address: RepositoryAddress::parse("github.com?owner=Acme&repo=requests").unwrap(),
            branch: branch.map(|name| BranchName::parse(name).unwrap()),
            path: FolderPath::parse(path).unwrap(),
        }
    }

    fn branch(name: &str) -> BranchName {
        BranchName::parse(name).unwrap()
    }

    #[test]
    fn only_a_repository_of_the_list_is_written_and_the_refusal_names_the_key() {
        let entries = [entry(None, "")];
        let find =
            |text: &str| Writable::find(&entries, &RepositoryAddress::parse(text).unwrap()).map(|_| ());
        assert_eq!(find("https://github.com/acme/REQUESTS.git"), Ok(()));
        for other in [
            "github.com?owner=acme&repo=other",
            "github.com?owner=evil&repo=requests",
            "ghe.example.com?owner=acme&repo=requests",
            "github.com:444?owner=acme&repo=requests",
        ] {
            let problem = find(other).unwrap_err().to_string();
            assert!(problem.contains("stagedoor.ske.repositories"), "{problem}");
        }
    }

    #[test]
    fn an_entrys_branch_is_the_only_one_and_opens_the_default_branch() {
        let any = entry(None, "");
        assert_eq!(any.target(None), Ok(None));
        assert_eq!(any.target(Some(branch("next"))), Ok(Some(branch("next"))));
        assert_eq!(any.may_be_default(&branch("main")), Ok(false));
        let main = entry(Some("main"), "");
        assert_eq!(main.target(None), Ok(Some(branch("main"))));
        assert_eq!(main.may_be_default(&branch("main")), Ok(true));
        for refused in [
            main.target(Some(branch("next"))).err(),
            main.may_be_default(&branch("next")).err(),
        ] {
            assert!(
                refused
                    .unwrap()
                    .to_string()
                    .contains("'main' only, not on 'next'")
            );
        }
    }

    #[test]
    fn a_conventional_file_is_put_into_the_entrys_folder_and_a_named_one_must_be_there() {
        let placed = |path: &str, file: &str| entry(None, path).place(file).map(|path| path.to_string());
        assert_eq!(
            placed("", "kratix-requests/a.yaml"),
            Ok("kratix-requests/a.yaml".to_owned())
        );
        assert_eq!(
            placed("teams", "kratix-requests/a.yaml"),
            Ok("teams/kratix-requests/a.yaml".to_owned())
        );
        assert_eq!(
            placed("kratix-requests", "kratix-requests/a.yaml"),
            Ok("kratix-requests/a.yaml".to_owned())
        );
        let admits = |file: &str| {
            let entry = entry(None, "teams");
            entry.admit(&entry.catalog_file(file).unwrap())
        };
        assert_eq!(admits("teams/a.yaml"), Ok(()));
        assert!(admits("teams2/a.yaml").is_err() && admits("catalog-info.yaml").is_err());
    }

    #[test]
    fn paths_that_lead_elsewhere_or_run_programs_are_refused() {
        for path in [
            "../a.yaml",
            "a/../../b.yaml",
            "/etc/a.yaml",
            "a//b.yaml",
            ".git/config",
            "a/.git/hooks/x",
            ".GIT/config",
            ".github/workflows/x.yml",
            ".GitHub/workflows/x.yml",
            ".gitlab-ci.yml",
            ".GitLab-CI.yml",
            ".gitlab/x.yml",
            "a\\b.yaml",
            "a\nb.yaml",
            "",
        ] {
            assert!(entry(None, "").catalog_file(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_catalog_file_is_none_that_others_run_or_obey() {
        let takes = |folder: &str, path: &str| entry(None, folder).catalog_file(path).is_ok();
        for path in [
            ".circleci/config.yml",
            ".travis.yml",
            ".tekton/push.yaml",
            "a/.argo/x.yaml",
            "\u{200c}.circleci/config.yml",
            "azure-pipelines.yml",
            "ci/azure-pipelines-2.yml",
            "Bitbucket-Pipelines.yml",
            "cloudbuild.release.yaml",
            "deploy/kustomization.yaml",
            "chart/Chart.yaml",
            "docs/mkdocs.yml",
            "vercel.json",
            "CODEOWNERS",
            "Jenkinsfile",
            "Makefile",
            "x.sh",
            "catalog-info.yaml.sh",
            "catalog-info.YAML ",
            "catalog-info.json",
            "template.json",
            "Catalog-Info.yaml",
            "xcatalog-info.yaml",
            "catalog-info/action.yml",
            "template/docker-compose.yml",
            "package.json",
            "action.yml",
            "docker-compose.yml",
            "skaffold.yaml",
            "components/shop.yml",
        ] {
            assert!(!takes("", path), "{path:?}");
        }
        for path in [
            "catalog-info.yaml",
            "components/catalog-info-shop.yml",
            "a.b/template.v2.yaml",
            ".backstage/catalog-info.yaml",
            "a/.backstage/templates.yml",
        ] {
            assert!(takes("", path), "{path:?}");
        }
        assert!(
            takes(".catalog", ".catalog/shop.yaml"),
            "the operator named that folder"
        );
        for path in ["teams/package.json", "teams/x.sh", "teams/mkdocs.yml"] {
            assert!(!takes("teams", path), "{path:?}");
        }
        assert!(!takes(".catalog", ".catalog/.ci/shop.yaml"));
    }
}
