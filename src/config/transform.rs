//! Turns the raw values of one file into data: substitution, `$env`, `$file`, `$include`, at any depth.

use std::path::{Path, PathBuf};

use super::{
    environment::Environment,
    files::FileReader,
    include, js,
    left_out::{self, Cause, LeftOut},
    substitute::{Substituted, substitute},
    value::{Object, Value},
};

/// Levels of mappings and lists below the root, included files counted. Backstage has no such bound, its parser
/// stops near 1000 levels of one file; ours keeps a chain of includes from overflowing the stack.
const MAX_DEPTH: usize = 400;

/// Files that may include one another in a chain. Each takes several times the stack of an ordinary level.
const MAX_INCLUDES: usize = 50;

/// A key that is dropped, or the value that stands there.
pub(super) type Kept = Option<Value>;

/// Works through one file. Errors are messages without the name of the outermost file.
pub(super) struct Transformer<'a> {
    pub(super) environment: &'a Environment,
    /// `None` for remote documents: in them the directives stay as data.
    pub(super) files: Option<&'a mut FileReader>,
    pub(super) left_out: &'a mut Vec<LeftOut>,
    /// Number of the layer this becomes, and its name where it is not a file.
    pub(super) layer: (usize, &'a Path),
    /// Whether a `$file` or `$include` that cannot be followed leaves its value out instead of ending the reading.
    pub(super) is_lenient: bool,
    /// What is being included right now: path and fragment.
    pub(super) including: Vec<(PathBuf, String)>,
}

/// Where a value is: its logical path as messages write it, its depth, and the folder of its file.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) path: &'p str,
    depth: usize,
    pub(super) folder: &'p Path,
}

impl Transformer<'_> {
    /// Transforms the root of a file that lies in `folder`.
    pub(super) fn root(&mut self, value: Value, folder: &Path) -> Result<Object, String> {
        let place = Place {
            path: "",
            depth: 0,
            folder,
        };
        match self.value(value, place)? {
            Some(Value::Object(object)) => Ok(object),
            _ => Err("expected object at config root".to_owned()),
        }
    }

    fn value(&mut self, value: Value, place: Place<'_>) -> Result<Kept, String> {
        if place.depth > MAX_DEPTH {
            return Err(format!(
                "error at {}, more than {MAX_DEPTH} levels deep",
                place.path
            ));
        }
        match value {
            Value::String(text) => Ok(self.text(&text, place.path)),
            Value::Object(object) if self.files.is_some() => match include::directive(&object) {
                Some(key) => self.include(key, &object, place),
                None => self.children(Value::Object(object), place),
            },
            other => self.children(other, place),
        }
    }

    /// Substitutes; a missing variable drops the value and is remembered.
    pub(super) fn text(&mut self, text: &str, path: &str) -> Kept {
        match substitute(text, self.environment) {
            Substituted::Text(text) => Some(Value::String(text)),
            Substituted::Missing { variable } => {
                self.leave_out(path, Cause::Variable(variable));
                None
            }
        }
    }

    pub(super) fn leave_out(&mut self, path: &str, cause: Cause) {
        let (layer, name) = self.layer;
        let (file, included_by) = left_out::place(&self.including, name);
        self.left_out.push(LeftOut {
            key: path.trim_start_matches('.').to_owned(),
            cause,
            file,
            included_by,
            layer,
        });
    }

    fn include(&mut self, key: &str, object: &Object, place: Place<'_>) -> Result<Kept, String> {
        let included = match include::include(self, key, object, place) {
            Ok(included) => included,
            Err(problem) if self.is_lenient && !place.path.is_empty() => {
                self.leave_out(place.path, Cause::Include(problem));
                return Ok(None);
            }
            Err(problem) => return Err(format!("error at {}, {problem}", place.path)),
        };
        let Some(value) = included.value else {
            return Ok(None);
        };
        let entered = included.entered.is_some();
        self.including.extend(included.entered);
        if self.including.len() > MAX_INCLUDES {
            return Err(format!(
                "error at {}, more than {MAX_INCLUDES} files include one another",
                place.path
            ));
        }
        let folder = included.folder.as_deref().unwrap_or(place.folder);
        // The included value itself is not looked at again, only what is below it.
        let result = self.children(value, Place { folder, ..place });
        if entered {
            self.including.pop();
        }
        result
    }

    fn children(&mut self, value: Value, place: Place<'_>) -> Result<Kept, String> {
        match value {
            Value::Array(items) => {
                let mut kept = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    kept.extend(self.child(item, &format!("{}[{index}]", place.path), place)?);
                }
                Ok(Some(Value::Array(kept)))
            }
            Value::Object(entries) => {
                let mut kept = Object::with_capacity(entries.len());
                for (key, entry) in entries {
                    if let Some(value) = self.child(entry, &format!("{}.{key}", place.path), place)? {
                        kept.insert(key, value);
                    }
                }
                js::order_keys(&mut kept);
                Ok(Some(Value::Object(kept)))
            }
            scalar => Ok(Some(scalar)),
        }
    }

    fn child(&mut self, value: Value, path: &str, parent: Place<'_>) -> Result<Kept, String> {
        let depth = parent.depth + 1;
        self.value(
            value,
            Place {
                path,
                depth,
                folder: parent.folder,
            },
        )
    }
}
