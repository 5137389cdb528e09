//! Reads the documents of one file as Kubernetes tools do; a broken one hides none of the others.

use super::segments::{Segment, segments};
use crate::config::{
    Object, Value as Yaml,
    yaml::{Dialect, Room, parse_documents},
};

/// Something in a file that could not be read, for a person who opens the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(in crate::plugins::ske) struct Trouble {
    /// The line, counted from one.
    pub(in crate::plugins::ske) line: usize,
    /// What is wrong; never a value of the file.
    pub(in crate::plugins::ske) problem: String,
}

/// A file and what stands in it.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// All of it.
    pub(super) text: &'a str,
    /// Its documents in order, empty ones too.
    pub(super) documents: Vec<Document>,
}

/// One document.
#[derive(Debug)]
pub(super) struct Document {
    /// Where it stands.
    pub(super) segment: Segment,
    /// What it says.
    pub(super) content: Content,
}

/// What a document says.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    /// Nothing, or null.
    Empty,
    /// Something.
    Value(Yaml),
    /// It is no YAML.
    Broken(Trouble),
}

impl<'a> File<'a> {
    /// Reads all documents.
    ///
    /// # Errors
    /// The file as a whole is no text that YAML readers agree on: not UTF-8, or with lone carriage returns.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Trouble> {
        let (text, mut room) = (text_of(bytes)?, Room::of_file());
        let mut documents = Vec::new();
        for segment in segments(text) {
            documents.push(Document::read(text, segment, &mut room));
            if room.is_used_up() {
                let problem = "all of the file stands for too many values, aliases included; split it";
                return Err(trouble_at(&[], problem));
            }
        }
        Ok(Self { text, documents })
    }

    /// Reads one document, counted from zero, without parsing the others.
    ///
    /// # Errors
    /// As `read`.
    pub(super) fn read_one(bytes: &'a [u8], number: usize) -> Result<Option<Document>, Trouble> {
        let text = text_of(bytes)?;
        let segment = segments(text).into_iter().nth(number);
        Ok(segment.map(|segment| Document::read(text, segment, &mut Room::of_file())))
    }
}

impl Document {
    fn read(text: &str, segment: Segment, room: &mut Room) -> Self {
        let content = content_of(&text[segment.whole.clone()], segment.line, room);
        Self { segment, content }
    }

    /// The objects it holds: itself, or the items of a list with their numbers.
    pub(super) fn objects(&self) -> Vec<(Option<usize>, &Object)> {
        let Content::Value(Yaml::Object(object)) = &self.content else {
            return Vec::new();
        };
        match items(object) {
            None => vec![(None, object)],
            Some(items) => items
                .iter()
                .enumerate()
                .filter_map(|(number, item)| Some((Some(number), item.as_object()?)))
                .collect(),
        }
    }
}

/// What a text that holds at most one document says.
pub(super) fn content_of(text: &str, first_line: usize, room: &mut Room) -> Content {
    let mut all = match parse_documents(text.as_bytes(), Dialect::Yaml11, room) {
        Ok(all) => all,
        Err(error) => {
            return Content::Broken(Trouble {
                line: first_line + error.line().unwrap_or(1) - 1,
                problem: format!("not valid YAML: {}", error.message()),
            });
        }
    };
    match (all.pop(), all.is_empty()) {
        (None | Some(Yaml::Null), true) => Content::Empty,
        (Some(value), true) => Content::Value(value),
        _ => Content::Broken(Trouble {
            line: first_line,
            problem: "several documents without '---' between them".to_owned(),
        }),
    }
}

/// The items of a list: whatever has an array of that name, whatever its kind, is one to Flux, Argo CD and kubectl
/// (apimachinery, `Unstructured.IsList`).
fn items(object: &Object) -> Option<&[Yaml]> {
    match object.get("items") {
        Some(Yaml::Array(items)) => Some(items),
        _ => None,
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, Trouble> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| trouble_at(&bytes[..error.valid_up_to()], "not UTF-8; save the file in UTF-8"))?;
    match text
        .match_indices('\r')
        .find(|(at, _)| !text[at + 1..].starts_with('\n'))
    {
        None => Ok(text),
        // A line break to some readers and text to others.
        Some((at, _)) => Err(trouble_at(
            &bytes[..at],
            "a carriage return without a line feed; end lines with LF or CRLF",
        )),
    }
}

fn trouble_at(before: &[u8], problem: &str) -> Trouble {
    Trouble {
        line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_documents_of_a_file_together_stand_for_a_bounded_number_of_values() {
        let one = format!("a: &a [{}]\nb: [{}]\n", "{x: 1},".repeat(500), "*a,".repeat(60));
        assert_eq!(File::read(one.as_bytes()).unwrap().documents.len(), 1);
        let many = vec![one; 10].join("---\n");
        let trouble = File::read(many.as_bytes()).unwrap_err().to_string();
        assert!(trouble.contains("split it"), "{trouble}");
    }

    fn contents(text: &str) -> Vec<Content> {
        let file = File::read(text.as_bytes()).unwrap();
        file.documents
            .into_iter()
            .map(|document| document.content)
            .collect()
    }

    fn names(text: &str) -> Vec<String> {
        let file = File::read(text.as_bytes()).unwrap();
        let objects = file.documents.iter().flat_map(Document::objects);
        objects
            .map(|(number, object)| format!("{number:?} {:?}", object.contains_key("here")))
            .collect()
    }

    #[test]
    fn a_broken_document_hides_none_of_the_others_and_says_its_line() {
        let all = contents("a: 1\n---\nb: [\n---\n\n---\nc: 'x\n---\nd: 4\n");
        assert!(matches!(all[0], Content::Value(_)) && matches!(all[4], Content::Value(_)));
        assert_eq!(all[2], Content::Empty);
        for (at, lines) in [(1, 3..=4), (3, 7..=8)] {
            match &all[at] {
                Content::Broken(trouble) => assert!(lines.contains(&trouble.line), "{trouble}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn documents_are_read_with_the_rules_of_kubernetes_tools() {
        let object = |text: &str| crate::config::yaml::parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(
            contents("mode: 0644\non: yes\n"),
            [Content::Value(object("mode: 420\n'true': true"))]
        );
        assert_eq!(
            contents("%YAML 1.2\n---\na: no\n"),
            [Content::Value(object("a: false"))]
        );
    }

    #[test]
    fn json_is_yaml_whatever_indents_it() {
        assert!(matches!(
            &contents("{\n\t\"kind\": \"A\",\n\t\"b\": [\n\t\t1\n\t]\n}\n")[..],
            [Content::Value(_)]
        ));
    }

    #[test]
    fn crlf_and_a_byte_order_mark_change_nothing() {
        assert_eq!(
            contents("\u{feff}a: |\r\n  x\r\n  y\r\n---\r\nb: 2\r\n"),
            contents("a: |\n  x\n  y\n---\nb: 2\n")
        );
    }

    #[test]
    fn lists_are_expanded_with_the_numbers_of_their_items() {
        assert_eq!(
            names("kind: List\nitems: [{here: 1}, text, {there: 1}]\n---\nhere: 1\n"),
            ["Some(0) true", "Some(2) false", "None true"]
        );
        assert_eq!(
            names("kind: ConfigMapList\nitems: [{here: 1}]\n"),
            ["Some(0) true"]
        );
        assert_eq!(names("kind: Playlist\nhere: 1\n"), ["None true"]);
        assert_eq!(names("- here: 1\n"), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_readers_would_not_agree_on_is_refused_with_its_line() {
        for (bytes, line) in [
            (&b"a: 1\nb: \xff\n"[..], 2),
            (b"a: 1\r\nb: 2\rc: 3\n", 2),
            (b"\r", 1),
        ] {
            assert_eq!(File::read(bytes).unwrap_err().line, line);
        }
    }

    #[test]
    fn one_document_is_read_without_the_others() {
        let one = |number| File::read_one(b"a: [\n---\nb: 2\n", number).unwrap();
        assert!(matches!(one(1).unwrap().content, Content::Value(_)));
        assert!(one(2).is_none());
    }
}
