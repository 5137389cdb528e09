//! What libgit2's errors and a server's words mean.

use std::path::Path;

use git2::{Error, ErrorClass};
use secrecy::ExposeSecret as _;

use super::{credentials::Credentials, error::GitError, session::Session};

/// Characters of a server's text that are passed on; enough for a rule's explanation.
const LONGEST_SENTENCE: usize = 500;

/// What Git, GitHub, GitLab and Gitea answer when another push came first or holds the lock.
const RACES: [&str; 10] = [
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "fetch first",
    "non-fast-forward",
    "stale info",
    "incorrect old value",
    "reference already exists",
    "transaction",
    "but expected",
];

/// How a refused reference update is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Somebody else was first: start again on the new tip.
    Race,
    /// A rule; trying again changes nothing.
    Policy,
}

/// Sorts the reason the server gave for a reference, such as `pre-receive hook declined`.
pub(super) fn refusal(reason: &str) -> Refusal {
    let reason = reason.to_lowercase();
    let declined = reason.contains("declined") || reason.contains("protected");
    if !declined && RACES.iter().any(|race| reason.contains(race)) {
        Refusal::Race
    } else {
        Refusal::Policy
    }
}

/// The error for a refusal by a rule: whether it is the branch or the change that the server speaks of.
pub(super) fn policy_error(branch: &str, reason: &str, said: &str) -> GitError {
    let sentence = match said {
        "" => reason.to_owned(),
        said => format!("{reason}: {said}"),
    };
    if sentence.to_lowercase().contains("protected") {
        GitError::ProtectedBranch {
            branch: branch.to_owned(),
            sentence,
        }
    } else {
        GitError::PushRefused { sentence }
    }
}

/// Makes a server's text fit for logs and people: one line, no control characters, bounded, without our secret.
pub(super) fn plain(text: &str, credentials: Option<&Credentials>) -> String {
    let words = text.split(|letter: char| letter.is_control() || letter.is_whitespace());
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let secret = credentials.map_or("", |credentials| credentials.password.expose_secret());
    let masked = match secret {
        "" => line,
        secret => line.replace(secret, "***"),
    };
    masked.chars().take(LONGEST_SENTENCE).collect()
}

/// The error for a conversation that failed though every exchange was answered.
pub(super) fn network(error: &Error, session: &Session) -> GitError {
    match error.class() {
        ErrorClass::Net => session.unreachable(&plain(error.message(), session.credentials.as_ref())),
        // Our callbacks refuse to go on only then.
        ErrorClass::Callback | ErrorClass::None => session.too_slow(),
        _ => local(error, Path::new("the local copy")),
    }
}

/// The error for work on the mirror.
pub(super) fn local(error: &Error, folder: &Path) -> GitError {
    let message = error.message();
    if is_disk_full(message) {
        return GitError::DiskFull {
            folder: folder.display().to_string(),
        };
    }
    GitError::Mirror {
        reason: plain(message, None),
    }
}

fn is_disk_full(message: &str) -> bool {
    ["No space left", "Disk quota exceeded", "File too large"]
        .iter()
        .any(|sign| message.contains(sign))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn answers_that_mean_a_race_are_told_from_rules() {
        for race in [
            "failed to update ref",
            "cannot lock ref 'refs/heads/main': is at 1 but expected 2",
            "fetch first",
            "non-fast-forward",
            "incorrect old value provided",
        ] {
            assert_eq!(refusal(race), Refusal::Race, "{race}");
        }
        for rule in [
            "pre-receive hook declined",
            "protected branch hook declined",
            "push declined due to repository rule violations",
            "You are not allowed to push code to this project.",
            "deny updating a hidden ref",
        ] {
            assert_eq!(refusal(rule), Refusal::Policy, "{rule}");
        }
    }

    #[test]
    fn a_protected_branch_is_told_from_a_refused_change() {
        let protected = policy_error("main", "hook declined", "GH006: Protected branch update failed");
        assert!(matches!(protected, GitError::ProtectedBranch { .. }));
        assert!(protected.to_string().contains("GH006"), "{protected}");
        let refused = policy_error("main", "pre-receive hook declined", "the file is too large");
        assert!(matches!(refused, GitError::PushRefused { .. }));
        assert!(refused.to_string().contains("too large"), "{refused}");
    }

    #[test]
    fn a_full_disk_is_told_from_a_damaged_copy() {
        let met = |class, message| {
            let error = Error::new(git2::ErrorCode::GenericError, class, message);
            local(&error, Path::new("/data"))
        };
        let full = met(ErrorClass::Os, "failed to write: No space left on device");
        assert!(matches!(full, GitError::DiskFull { .. }));
        assert!(met(ErrorClass::Odb, "object not found").blames_the_mirror());
    }

    #[test]
    fn a_servers_text_becomes_one_bounded_line_without_our_secret() {
        let credentials = Credentials {
            username: "robot".to_owned(),
            password: SecretString::from("hunter2"),
        };
        let text = "remote: \u{1b}[31mno\r\n\n  hunter2 is wrong\0";
        assert_eq!(plain(text, Some(&credentials)), "remote: [31mno *** is wrong");
        assert_eq!(plain(&"x".repeat(9000), None).len(), LONGEST_SENTENCE);
    }
}
