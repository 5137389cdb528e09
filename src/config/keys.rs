//! What a key may look like.

/// Whether the text fits Backstage's pattern for one step of a key:
/// `^[a-z][a-z0-9]*(?:[-_:][a-z0-9]+)*$`, ignoring case.
pub(super) fn is_key_part(part: &str) -> bool {
    let groups = |text: &str| text.split(['-', '_', ':']).all(is_word);
    part.starts_with(|c: char| c.is_ascii_alphabetic()) && groups(part)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::is_key_part;

    #[test]
    fn separators_stand_alone_and_inside() {
        for good in ["a", "A1", "a-b", "a_b:c", "a1-2"] {
            assert!(is_key_part(good), "{good}");
        }
        for bad in ["", "1a", "a-", "-a", "a--b", "a b", "é", "a.b"] {
            assert!(!is_key_part(bad), "{bad}");
        }
    }
}
