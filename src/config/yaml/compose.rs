//! Makes values of parser events.

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag, YamlVersion};

use super::{
    Dialect, YamlError,
    anchors::{Anchors, MAX_DEPTH},
    keys::{self, SeenKeys},
    place::Place,
    room::Room,
    scalar::{self, Wanted},
    source::Source,
};
use crate::config::{
    js,
    value::{Object, Value},
};

/// What YAML's own tags begin with.
const YAML_TAGS: &str = "tag:yaml.org,2002:";

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

/// Parses every document of a manifest that a caller wrote. What names an object is text as it is written, whatever a
/// plain scalar there would stand for: `name: 007` names `007`.
pub fn parse_manifests(text: &str) -> Result<Vec<Value>, YamlError> {
    let (source, mut room) = (Source::new(text.as_bytes()), Room::of_caller());
    let anchors = Anchors::up_to(DEEPEST_OBJECT, &mut room);
    let mut composer = Composer::new(&source, Dialect::Core, anchors).of_objects();
    composer.names_are_text = true;
    composer.all()
}

/// Parses every document of the text, as a file of Kubernetes manifests holds them; empty ones are null. A value may
/// have 120 levels, and all of them take what there is room for.
pub fn parse_documents(bytes: &[u8], dialect: Dialect, room: &mut Room) -> Result<Vec<Value>, YamlError> {
    let source = Source::new(bytes);
    let anchors = Anchors::up_to(DEEPEST_OBJECT, room);
    Composer::new(&source, dialect, anchors).of_objects().all()
}

struct Composer<'a> {
    source: &'a Source,
    events: Parser<'a, granit_parser::StrInput<'a>>,
    default_dialect: Dialect,
    dialect: Dialect,
    anchors: Anchors<'a>,
    /// Whether integers stay what they are, rather than become JavaScript's.
    exact: bool,
    names_are_text: bool,
    place: Place,
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
            exact: false,
            names_are_text: false,
            place: Place::Elsewhere,
        }
    }

    fn of_objects(mut self) -> Self {
        self.exact = true;
        self
    }

    fn all(mut self) -> Result<Vec<Value>, YamlError> {
        let mut documents = Vec::new();
        while let Some(document) = self.document()? {
            documents.push(document);
        }
        Ok(documents)
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
                    self.place = Place::beginning(self.names_are_text);
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
            _ => return Err(YamlError::new("Unexpected end of a value", Some(position(span)))),
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
        let text = self.source.restore(text);
        let value = match self.exact {
            true => scalar::resolve_exactly(text.clone(), wanted, self.dialect),
            false => scalar::resolve(text.clone(), wanted, self.dialect),
        };
        Ok(match (self.place, wanted, &value) {
            // Null is the absence of a name, not one.
            (Place::Name, Wanted::Resolved, Value::Bool(_) | Value::Number(_) | Value::Integer(_)) => {
                Value::String(text)
            }
            _ => value,
        })
    }

    fn sequence(&mut self) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        self.place = Place::Elsewhere;
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
        let place = self.place;
        loop {
            self.place = Place::Elsewhere;
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
            let at = position(step.1);
            let key = self.node(step)?;
            self.place = place.below(&key);
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
        let Event::Scalar(text, style, _, tag) = key else {
            return false;
        };
        let means = match tag {
            None => *style == ScalarStyle::Plain,
            Some(tag) => tag.suffix_in_namespace(YAML_TAGS).as_deref() == Some("merge"),
        };
        means && text == "<<" && self.dialect == Dialect::Yaml11
    }

    /// Adds the keys of the mapping, or list of mappings, that the object does not have yet.
    fn merge(&mut self, object: &mut Object) -> Result<(), YamlError> {
        let step = self.expect()?;
        let at = position(step.1);
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

fn position(span: Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}
