//! Makes values of parser events.

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag, YamlVersion};

use super::{
    Dialect, YamlError,
    anchors::{Anchors, MAX_DEPTH},
    keys::{self, SeenKeys},
    room::Room,
    scalar::{self, Wanted},
    source::Source,
};
use crate::config::{
    js,
    value::{Object, Value},
};

/// Levels of an object that is sent as JSON and read back: JSON of more than 127 is not read. Each level also takes
/// stack, and these texts come from people we do not know.
const DEEPEST_OBJECT: usize = 120;

/// Parses one document; `None` when the text holds nothing but white space and comments.
///
/// Nesting is bounded by the parser, at 255 levels of flow and 255 of block collections; our recursion needs a bound
/// and npm `yaml` itself fails before 1000.
pub fn parse(bytes: &[u8]) -> Result<Option<Value>, YamlError> {
    let (source, mut room) = (Source::new(bytes), Room::of_operator());
    let mut composer = Composer::new(&source, Dialect::Core, Anchors::up_to(MAX_DEPTH, &mut room));
    let first = composer.document()?;
    if first.is_some() && composer.document()?.is_some() {
        return Err(YamlError::new("Source contains multiple documents", None));
    }
    Ok(first)
}

/// Parses every document of the text, as a file of Kubernetes manifests holds them; empty ones are null. A value may
/// have 120 levels, and all of them take what there is room for.
pub fn parse_documents(bytes: &[u8], dialect: Dialect, room: &mut Room) -> Result<Vec<Value>, YamlError> {
    let source = Source::new(bytes);
    let mut composer = Composer::new(&source, dialect, Anchors::up_to(DEEPEST_OBJECT, room));
    let mut documents = Vec::new();
    while let Some(document) = composer.document()? {
        documents.push(document);
    }
    Ok(documents)
}

struct Composer<'a> {
    source: &'a Source,
    events: Parser<'a, granit_parser::StrInput<'a>>,
    default_dialect: Dialect,
    dialect: Dialect,
    anchors: Anchors<'a>,
}

type Step<'a> = (Event<'a>, Span);

impl<'a> Composer<'a> {
    fn new(source: &'a Source, dialect: Dialect, anchors: Anchors<'a>) -> Self {
        Self {
            source,
            events: Parser::new_from_str(&source.text),
            default_dialect: dialect,
            dialect,
            anchors,
        }
    }

    fn next(&mut self) -> Result<Option<Step<'a>>, YamlError> {
        loop {
            match self.events.next_event().transpose()? {
                Some((Event::Comment(..) | Event::StreamStart, _)) => {}
                other => return Ok(other),
            }
        }
    }

    fn expect(&mut self) -> Result<Step<'a>, YamlError> {
        self.next()?
            .ok_or_else(|| YamlError::new("Unexpected end of the text", None))
    }

    fn document(&mut self) -> Result<Option<Value>, YamlError> {
        loop {
            match self.next()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(_, version), _)) => {
                    self.dialect = self.dialect_of(version);
                    self.anchors.next_document();
                    let step = self.expect()?;
                    return self.node(step).map(Some);
                }
                Some(_) => {}
            }
        }
    }

    fn dialect_of(&self, version: Option<YamlVersion>) -> Dialect {
        match version {
            Some(YamlVersion { major: 1, minor: 1 }) => Dialect::Yaml11,
            _ => self.default_dialect,
        }
    }

    fn node(&mut self, (event, span): Step<'a>) -> Result<Value, YamlError> {
        if let Event::Alias(id) = event {
            return self.anchors.alias(id);
        }
        let mark = self.anchors.begin()?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, self.scalar(&text, style, tag.as_deref())?),
            Event::SequenceStart(_, anchor, _) => (anchor, self.sequence()?),
            Event::MappingStart(_, anchor, _) => (anchor, self.mapping()?),
            _ => return Err(YamlError::new("Unexpected end of a value", Some(place(span)))),
        };
        self.anchors.end(anchor, &mark, &value)?;
        Ok(value)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, YamlError> {
        self.anchors.saw_scalar(text)?;
        let wanted = match (tag, style) {
            (None, ScalarStyle::Plain) => Wanted::Resolved,
            (None, _) => Wanted::Text,
            (Some(tag), _) => tag.core_suffix().map_or(Wanted::Text, Wanted::Core),
        };
        Ok(scalar::resolve(self.source.restore(text), wanted, self.dialect))
    }

    fn sequence(&mut self) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.expect()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                step => items.push(self.node(step)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, YamlError> {
        let mut object = Object::new();
        let mut seen = SeenKeys::default();
        loop {
            let step = self.expect()?;
            if step.0 == Event::MappingEnd {
                js::order_keys(&mut object);
                return Ok(Value::Object(object));
            }
            if self.is_merge(&step.0) {
                self.merge(&mut object)?;
                continue;
            }
            let is_scalar = matches!(step.0, Event::Scalar(..));
            let at = place(step.1);
            let key = self.node(step)?;
            if is_scalar && !seen.insert(&key) {
                return Err(YamlError::new("Map keys must be unique", Some(at)));
            }
            let step = self.expect()?;
            let value = self.node(step)?;
            let key = keys::text(&key);
            // JavaScript would set the object's prototype; the key is not data.
            if key != "__proto__" {
                object.insert(key, value);
            }
        }
    }

    fn is_merge(&self, key: &Event<'_>) -> bool {
        let plain = matches!(key, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
        plain && self.dialect == Dialect::Yaml11
    }

    /// Adds the keys of the mapping, or list of mappings, that the object does not have yet.
    fn merge(&mut self, object: &mut Object) -> Result<(), YamlError> {
        let step = self.expect()?;
        let at = place(step.1);
        let sources = match self.node(step)? {
            Value::Array(items) => items,
            other => vec![other],
        };
        for source in sources {
            let Value::Object(entries) = source else {
                return Err(YamlError::new(
                    "Merge sources must be maps or map aliases",
                    Some(at),
                ));
            };
            for (key, value) in entries {
                object.entry(key).or_insert(value);
            }
        }
        Ok(())
    }
}

fn place(span: Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let value = parse(text.as_bytes()).unwrap().unwrap();
        crate::config::json::to_json(&value).to_string()
    }

    fn fails(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn nothing_but_comments_is_no_document() {
        assert_eq!(parse(b"# only this\n"), Ok(None));
        assert_eq!(parse(b""), Ok(None));
    }

    #[test]
    fn duplicate_keys_are_compared_by_what_they_stand_for() {
        assert_eq!(
            fails("1: a\n0x1: b"),
            "Map keys must be unique at line 2, column 1"
        );
        assert_eq!(json("1: a\n'1': b"), r#"{"1":"b"}"#);
        assert_eq!(json(".nan: a\n.NaN: b"), r#"{"NaN":"b"}"#);
    }

    #[test]
    fn a_second_document_is_refused_but_manifests_may_have_many() {
        assert!(fails("a: 1\n---\n").starts_with("Source contains multiple documents"));
        let text = b"mode: 0644\n---\nb: yes\n---\n";
        let documents = parse_documents(text, Dialect::Yaml11, &mut Room::of_file()).unwrap();
        let documents: Vec<_> = documents
            .iter()
            .map(|one| crate::config::json::to_json(one).to_string())
            .collect();
        assert_eq!(documents, [r#"{"mode":420}"#, r#"{"b":true}"#, "null"]);
    }

    #[test]
    fn a_scalar_can_be_used_ninety_nine_times() {
        let uses = |count| format!("a: &a x\nb: [{}]", vec!["*a"; count].join(","));
        assert!(parse(uses(99).as_bytes()).is_ok());
        assert!(fails(&uses(100)).starts_with("Excessive alias count"));
    }

    #[test]
    fn an_alias_inside_its_own_anchor_fails() {
        assert!(fails("a: &a [*a]").contains("inside the value it names"));
    }

    #[test]
    fn aliases_of_empty_values_cannot_multiply_without_end() {
        let thousand = |name: &str| vec![format!("*{name}"); 1000].join(",");
        let text = format!("a: &a []\nb: &b [{}]\nc: [{}]", thousand("a"), thousand("b"));
        assert!(fails(&text).contains("more than 1000000 values"));
        let one = format!(
            "a: &a []\nb: &b [{}]\nc: [{}]\n",
            thousand("a"),
            "*b,".repeat(500)
        );
        assert_eq!(
            parse_documents(one.as_bytes(), Dialect::Core, &mut Room::of_operator()).map(|all| all.len()),
            Ok(1)
        );
        let three = [one.as_str(); 3].join("---\n");
        assert!(parse_documents(three.as_bytes(), Dialect::Core, &mut Room::of_operator()).is_err());
    }

    #[test]
    fn a_key_made_of_a_list_counts_by_its_length() {
        let key = vec!["[]"; 10_000].join(",");
        let text = format!(
            "e: &e []\na: &a {{? [{key}] : *e}}\nb: &b [{}]",
            "*a,".repeat(5000)
        );
        assert!(fails(&text).contains("more than 1000000 values"));
    }

    #[test]
    fn anchors_around_anchors_cannot_multiply_what_they_hold() {
        let many = vec!["*a"; 9000].join(",");
        let nested = (0..200).map(|level| format!("&n{level} [")).collect::<String>();
        let text = format!("a: &a []\nb: {nested}{many}{}", "]".repeat(200));
        assert!(fails(&text).contains("more than 1000000 values"));
    }

    #[test]
    fn a_callers_text_stands_for_few_values_whatever_multiplies() {
        let list = |item: &str, times| vec![item; times].join(",");
        let (open, close) = ("&n [".repeat(110), "]".repeat(110));
        for text in [
            format!("a: &a [{}]\nb: [{}]", list("{a: 1}", 1500), list("*a", 90)),
            format!("a: &a {}\nb: [{}]", "x".repeat(60_000), list("*a", 90)),
            format!("a: &a {{? {} : 1}}\nb: [{}]", "k".repeat(50_000), list("*a", 90)),
            format!("a: {open}{}{close}", list("1", 1000)),
            format!(
                "%YAML 1.1\n---\na: &a {{{}}}\nb: [{}]",
                list("? k", 1),
                list("{<<: *a}", 4000)
            ),
            "--- a\n".repeat(12_000),
            format!("[{}]", list("1", 12_000)),
            format!("[{}]", list("{a: 1}", 4000)),
        ] {
            let read = parse_documents(text.as_bytes(), Dialect::Core, &mut Room::of_caller());
            let problem = read.map(|all| all.len()).unwrap_err().to_string();
            let fits = problem.contains("more than 10000 values") || problem.contains("Excessive alias");
            assert!(fits, "{}: {problem}", &text[..20]);
        }
    }

    #[test]
    fn a_callers_honest_text_of_100_kb_is_read() {
        let lines: String = (0..4000)
            .map(|line| format!("setting-{line}: value-{line}\n"))
            .collect();
        let aliases = format!("a: &a [{}]\nb: [*a, *a]\n", vec!["{x: 1}"; 500].join(","));
        for text in [lines, aliases, format!("a: |\n{}", "  text\n".repeat(14_000))] {
            let read = parse_documents(text.as_bytes(), Dialect::Core, &mut Room::of_caller());
            assert_eq!(read.map(|all| all.len()), Ok(1));
        }
    }

    #[test]
    fn aliases_cannot_nest_deeper_than_the_stack_allows() {
        let chain = |links: usize| {
            let link = |level| format!("k{}: &k{} [*k{level}]\n", level + 1, level + 1);
            "k0: &k0 []\n".to_owned() + &(0..links).map(link).collect::<String>()
        };
        assert!(parse(chain(390).as_bytes()).is_ok());
        assert!(fails(&chain(20_000)).contains("more than 400 levels"));
    }

    #[test]
    fn deep_nesting_fails_instead_of_overflowing_the_stack() {
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
        assert!(parse(format!("a: {}1", "- ".repeat(5_000)).as_bytes()).is_err());
        assert!(parse(format!("{}1", "- ".repeat(200)).as_bytes()).is_ok());
    }

    #[test]
    fn an_object_has_at_most_120_levels_however_they_are_written() {
        let documents = |text: &str| parse_documents(text.as_bytes(), Dialect::Core, &mut Room::of_caller());
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
            let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
            assert!(documents(&nested(119)).is_ok(), "{open}");
            let problem = documents(&nested(120)).unwrap_err().to_string();
            assert!(problem.contains("more than 120 levels"), "{open}: {problem}");
        }
    }

    #[test]
    fn merge_keys_work_in_yaml_1_1_only() {
        assert_eq!(
            json("a: &a {x: 1}\nb: {<<: *a}"),
            r#"{"a":{"x":1},"b":{"<<":{"x":1}}}"#
        );
        assert_eq!(
            json("%YAML 1.1\n---\na: &a {x: 1, y: 1}\nb: {<<: [*a, {z: 3}], y: 2}"),
            r#"{"a":{"x":1,"true":1},"b":{"x":1,"true":2,"z":3}}"#
        );
    }
}
