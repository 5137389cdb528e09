//! Paths inside a repository that are safe to write.

use std::fmt;

/// As long as a path may be on Linux.
const LONGEST_PATH: usize = 4096;

/// As long as a file name may be on Linux, in bytes.
const LONGEST_NAME: usize = 255;

/// Characters that HFS+ leaves out when it compares names (Apple TN1150; Git and libgit2 refuse `.git` with them).
const IGNORED_BY_HFS: [(char, char); 4] = [
    ('\u{200c}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{206a}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
];

/// A file's path in a repository: relative, `/` between the parts, nothing that leads elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(String);

/// A folder's path in a repository; the empty one is the whole repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderPath(String);

/// Why a path is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No file can have this path.
    #[error("`{path}` is not a path in a repository: {reason}")]
    Invalid {
        /// The path, shortened and without control characters.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something that is not a plain file or folder has this path or is on the way to it.
    #[error("`{path}` cannot be written because `{obstacle}` is {kind}")]
    InTheWay {
        /// The path that was to be written.
        path: String,
        /// What is there.
        obstacle: String,
        /// A symlink, a submodule, a file or a folder.
        kind: &'static str,
    },
}

impl FilePath {
    /// Checks a path.
    ///
    /// # Errors
    /// It is empty, absolute or too long, has an empty part, `.`, `..`, a control character or a backslash, or a part
    /// that some file system takes for `.git`.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        if path.is_empty() {
            return Err(invalid(path, "it is empty"));
        }
        check(path).map_err(|reason| invalid(path, reason))?;
        Ok(Self(path.to_owned()))
    }

    /// As `parse`; also refuses what is below `.github`, where a file could start workflows.
    ///
    /// # Errors
    /// As `parse`, and for `.github` in any spelling.
    pub fn parse_outside_workflows(path: &str) -> Result<Self, PathError> {
        let parsed = Self::parse(path)?;
        let first = path.split('/').next().unwrap_or_default();
        match folded(first).as_str() {
            ".github" => Err(invalid(
                path,
                "`.github` may hold workflows, which are not written",
            )),
            _ => Ok(parsed),
        }
    }

    /// The path as it is written in Git.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts, from the root.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl FolderPath {
    /// Checks a path; slashes at the end are dropped, and `""`, `.` and `./` stand for the whole repository.
    ///
    /// # Errors
    /// As for [`FilePath::parse`].
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let inner = path.trim_end_matches('/');
        let inner = inner.strip_prefix("./").unwrap_or(inner);
        if path.starts_with('/') {
            return Err(invalid(path, "it is absolute"));
        }
        if inner.is_empty() || inner == "." {
            return Ok(Self::default());
        }
        check(inner).map_err(|reason| invalid(path, reason))?;
        Ok(Self(inner.to_owned()))
    }

    /// The path without a slash at the end; empty for the whole repository.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of a file or folder in it.
    ///
    /// # Errors
    /// As for [`FilePath::parse`].
    pub fn file(&self, relative: &str) -> Result<FilePath, PathError> {
        match self.as_str() {
            "" => FilePath::parse(relative),
            folder => FilePath::parse(&format!("{folder}/{relative}")),
        }
    }

    /// Whether it is the repository itself.
    pub fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the file is somewhere in it.
    pub fn contains(&self, file: &FilePath) -> bool {
        let rest = file.as_str().strip_prefix(self.as_str());
        self.0.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn invalid(path: &str, reason: &'static str) -> PathError {
    let shown = path.chars().filter(|letter| !letter.is_control());
    PathError::Invalid {
        path: shown.take(LONGEST_NAME).collect(),
        reason,
    }
}

fn check(path: &str) -> Result<(), &'static str> {
    if path.len() > LONGEST_PATH {
        return Err("it is too long");
    }
    if path.starts_with('/') {
        return Err("it is absolute");
    }
    path.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), &'static str> {
    match part {
        "" => return Err("a part of it is empty"),
        "." | ".." => return Err("`.` and `..` lead elsewhere"),
        _ => {}
    }
    if part.len() > LONGEST_NAME {
        return Err("a part of it is too long");
    }
    if part.contains(|letter: char| letter.is_control() || letter == '\\') {
        return Err("control characters and backslashes are not written");
    }
    if is_git_own(&folded(part)) {
        return Err("some file systems take a part of it for Git's own files");
    }
    Ok(())
}

/// The name as a forgiving file system compares it: NTFS drops what follows a colon and blanks and dots at the end,
/// HFS+ leaves characters out, both ignore case.
fn folded(part: &str) -> String {
    let ignored = |letter: char| {
        IGNORED_BY_HFS
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&letter))
    };
    let stream = part.split(':').next().unwrap_or_default();
    let visible: String = stream.chars().filter(|letter| !ignored(*letter)).collect();
    visible.trim_end_matches([' ', '.']).to_lowercase()
}

/// `.git`, `.gitmodules` and the short names NTFS gives them (`git~1`, `gitmod~1`, `gi7eba~1`).
fn is_git_own(folded: &str) -> bool {
    let short = folded.split_once('~').is_some_and(|(stem, number)| {
        matches!(stem, "git" | "gitmod" | "gi7eba") && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    short || matches!(folded, ".git" | ".gitmodules")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_taken_as_they_are() {
        for path in [
            "a.yaml",
            "a/b/c.json",
            "default_redis.example.org_cache.yaml",
            "a b/ü.yaml",
            ".gitkeep",
            "x/.gitignore",
            ".github/workflows/a.yml",
            "git/a",
            "a:b",
            "...",
        ] {
            assert_eq!(FilePath::parse(path).unwrap().as_str(), path);
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a/..",
            ".",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "a\\..\\b",
            "a\0b",
            "a\nb",
        ] {
            assert!(FilePath::parse(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn gits_own_files_are_refused_in_every_spelling_a_file_system_accepts() {
        for part in [
            ".git",
            ".GIT",
            ".Git",
            ".git.",
            ".git ",
            ".git . .",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            "git~1",
            "GIT~2",
            ".g\u{200c}it",
            "\u{feff}.git",
            ".gi\u{206b}T",
            ".gitmodules",
            "GITMOD~1",
            "gi7eba~1",
        ] {
            for path in [
                part.to_owned(),
                format!("{part}/config"),
                format!("a/{part}/hooks"),
            ] {
                assert!(FilePath::parse(&path).is_err(), "{path:?}");
            }
        }
    }

    #[test]
    fn workflows_are_refused_only_where_the_caller_asks() {
        for path in [
            ".github/workflows/a.yml",
            ".GitHub/a",
            ".github./a",
            ".g\u{200d}ithub/a",
        ] {
            assert!(FilePath::parse(path).is_ok(), "{path:?}");
            assert!(FilePath::parse_outside_workflows(path).is_err(), "{path:?}");
        }
        assert!(FilePath::parse_outside_workflows("docs/.github/a").is_ok());
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(FilePath::parse(&"a".repeat(256)).is_err());
        assert!(FilePath::parse(&"a/".repeat(2100)).is_err());
        assert!(FilePath::parse(&"a".repeat(255)).is_ok());
    }

    #[test]
    fn a_folder_may_be_the_whole_repository() {
        for path in ["", ".", "./"] {
            assert_eq!(FolderPath::parse(path).unwrap().as_str(), "", "{path:?}");
        }
        assert_eq!(FolderPath::parse("./a/b/").unwrap().as_str(), "a/b");
        for path in ["/", "/a", "../a", "a//b", ".git"] {
            assert!(FolderPath::parse(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_folder_holds_what_is_below_it_and_not_what_only_begins_alike() {
        let folder = FolderPath::parse("a/b").unwrap();
        assert!(folder.contains(&FilePath::parse("a/b/c").unwrap()));
        assert!(!folder.contains(&FilePath::parse("a/bc").unwrap()));
        assert!(FolderPath::default().contains(&FilePath::parse("x").unwrap()));
        assert_eq!(folder.file("c.yaml").unwrap().as_str(), "a/b/c.yaml");
        assert!(folder.file("../c").is_err());
    }
}
