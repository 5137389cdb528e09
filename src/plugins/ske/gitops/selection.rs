//! Which files of a repository are read.

use std::collections::BTreeSet;

/// Larger files are not read: far more than any object the API server takes (1.5 MiB), in bytes.
pub(in crate::plugins::ske) const MAX_FILE: u64 = 4 << 20;

/// The endings of files that hold objects.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Instructions for kustomize, which are no objects.
const KUSTOMIZATION: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What makes a folder a Helm chart, whose YAML is full of templates.
const CHART: &str = "Chart.yaml";

/// The files below one folder that count, as of one state of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Selection {
    /// With a slash at the end; empty for the whole repository.
    base: String,
    /// The folders of Helm charts, likewise.
    charts: BTreeSet<String>,
}

impl Selection {
    /// Looks at all paths of the repository below the folder (no slashes around it, empty for all).
    pub(in crate::plugins::ske) fn new<'a>(base: &str, paths: impl IntoIterator<Item = &'a str>) -> Self {
        let base = match base {
            "" => String::new(),
            base => format!("{base}/"),
        };
        let charts = paths.into_iter().filter(|path| path.starts_with(&base));
        let charts = charts.filter_map(chart_folder).map(str::to_owned).collect();
        Self { base, charts }
    }

    /// Whether the file is read.
    pub(in crate::plugins::ske) fn takes(&self, path: &str) -> bool {
        let Some(inner) = path.strip_prefix(&self.base) else {
            return false;
        };
        let hidden = inner.split('/').any(|part| part.starts_with('.'));
        let name = inner.rsplit('/').next().unwrap_or(inner);
        let object = ENDINGS.iter().any(|ending| name.ends_with(ending)) && !is_kustomization(path);
        object && !hidden && !self.in_chart(path)
    }

    /// Whether a change of the file, coming or going, changes what counts among other files: then all is read anew.
    pub(in crate::plugins::ske) fn turns_on(&self, path: &str) -> bool {
        path.starts_with(&self.base) && chart_folder(path).is_some()
    }

    /// The folders of Helm charts; without a slash at the end.
    pub(in crate::plugins::ske) fn charts(&self) -> impl Iterator<Item = &str> {
        self.charts.iter().map(|folder| folder.trim_end_matches('/'))
    }

    /// Walks up the folders instead of through all charts: a repository may hold thousands.
    fn in_chart(&self, path: &str) -> bool {
        let slashes = path.match_indices('/').map(|(at, _)| &path[..=at]);
        !self.charts.is_empty() && slashes.chain([""]).any(|folder| self.charts.contains(folder))
    }
}

/// Whether the file tells kustomize what to do, so that its folder is not simply read file by file.
pub(super) fn is_kustomization(path: &str) -> bool {
    KUSTOMIZATION.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// The chart's folder with a slash at the end, if the file makes one.
fn chart_folder(path: &str) -> Option<&str> {
    let folder = path.strip_suffix(CHART)?;
    (folder.is_empty() || folder.ends_with('/')).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json_below_the_path_count() {
        let selection = Selection::new("requests", []);
        for path in ["requests/a.yaml", "requests/b/c.yml", "requests/b/d.json"] {
            assert!(selection.takes(path), "{path}");
        }
        for path in [
            "a.yaml",
            "requests.yaml",
            "requests2/a.yaml",
            "requests/a.txt",
            "requests/yaml",
            "requests/a.yaml.bak",
            "requests/a.YAML",
        ] {
            assert!(!selection.takes(path), "{path}");
        }
        assert!(Selection::new("", []).takes("a.yaml"));
    }

    #[test]
    fn hidden_folders_and_kustomizations_do_not_count() {
        let selection = Selection::new(".hidden/requests", []);
        assert!(
            selection.takes(".hidden/requests/a.yaml"),
            "the path itself is chosen"
        );
        for path in [
            ".hidden/requests/.github/a.yaml",
            ".hidden/requests/b/.c/d.yaml",
            ".hidden/requests/.e.yaml",
            ".hidden/requests/kustomization.yaml",
            ".hidden/requests/b/kustomization.yml",
        ] {
            assert!(!selection.takes(path), "{path}");
        }
        assert!(selection.takes(".hidden/requests/default_x_kustomization.yaml"));
    }

    #[test]
    fn nothing_below_a_helm_chart_counts() {
        let paths = [
            "r/chart/Chart.yaml",
            "r/chart/templates/a.yaml",
            "elsewhere/Chart.yaml",
            "r/myChart.yaml",
        ];
        let selection = Selection::new("r", paths);
        assert_eq!(selection.charts().collect::<Vec<_>>(), ["r/chart"]);
        for path in [
            "r/chart/Chart.yaml",
            "r/chart/values.yaml",
            "r/chart/templates/a.yaml",
        ] {
            assert!(!selection.takes(path), "{path}");
        }
        for path in ["r/chart.yaml", "r/charts/a.yaml", "r/myChart.yaml"] {
            assert!(selection.takes(path), "{path}");
        }
        assert!(!Selection::new("", ["Chart.yaml"]).takes("a/b.yaml"));
    }

    #[test]
    fn a_chart_that_comes_or_goes_turns_on_more_than_itself() {
        let selection = Selection::new("r", []);
        assert!(selection.turns_on("r/a/Chart.yaml"));
        assert!(!selection.turns_on("r/a/chart.yaml"));
        assert!(!selection.turns_on("other/Chart.yaml"));
    }
}
