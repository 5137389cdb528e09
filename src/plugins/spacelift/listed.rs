//! The stack list as it arrives: one stack that is not as the schema promises loses no other.

use std::fmt;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    domain::Stack,
    graphql::list_stacks::{self, ListStacksStacks},
    reply::{Reply, ReplyError},
    text,
};
use crate::backstage::user_text::encode_user_text;

/// Fields that are text in every stack.
const TEXTS: [&str; 6] = [
    "/id",
    "/name",
    "/state",
    "/branch",
    "/spaceDetails/id",
    "/spaceDetails/name",
];

/// What `ListStacks` answered.
pub(super) struct Listed {
    pub(super) viewer: Option<IgnoredAny>,
    pub(super) stacks: Option<Vec<Result<Stack, OddStack>>>,
}

/// A stack that cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct OddStack {
    /// Unless it has none.
    pub(super) id: Option<String>,
    /// Its place in the list, from one.
    place: usize,
    /// The field that is missing, null or of another type.
    field: String,
}

impl fmt::Display for OddStack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(formatter, "stack '{}'", encode_user_text(id))?,
            None => write!(formatter, "stack number {} of the list", self.place)?,
        }
        write!(formatter, " has no usable '{}'", self.field)
    }
}

/// The stacks that can be shown and those that cannot.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) stacks: Vec<Stack>,
    pub(super) odd: Vec<OddStack>,
}

/// The answer where a stack does not fit.
#[derive(Deserialize)]
struct Loose {
    viewer: Option<IgnoredAny>,
    stacks: Option<Vec<Value>>,
}

/// Decodes at once; stack by stack only where that fails.
pub(super) fn decode(body: &[u8]) -> serde_json::Result<Reply<Listed>> {
    match Reply::<list_stacks::ResponseData>::decode(body) {
        Ok(reply) if !reply.misfit => Ok(reply.map(Listed::from)),
        _ => Ok(Reply::<Loose>::decode(body)?.map(Listed::from)),
    }
}

impl From<list_stacks::ResponseData> for Listed {
    fn from(data: list_stacks::ResponseData) -> Self {
        let stacks = data.stacks.map(|stacks| {
            let numbered = stacks.into_iter().zip(1..);
            numbered
                .map(|(stack, place)| stack.map(Stack::from).ok_or_else(|| OddStack::absent(place)))
                .collect()
        });
        Self {
            viewer: data.viewer.map(|_| IgnoredAny),
            stacks,
        }
    }
}

impl From<Loose> for Listed {
    fn from(data: Loose) -> Self {
        let stacks = data
            .stacks
            .map(|stacks| stacks.into_iter().zip(1..).map(read).collect());
        Self {
            viewer: data.viewer,
            stacks,
        }
    }
}

impl OddStack {
    fn absent(place: usize) -> Self {
        Self {
            id: None,
            place,
            field: "stack".to_owned(),
        }
    }
}

fn read((stack, place): (Value, usize)) -> Result<Stack, OddStack> {
    let odd = OddStack {
        id: stack.get("id").and_then(Value::as_str).map(text::shorten),
        place,
        field: odd_field(&stack).to_owned(),
    };
    serde_json::from_value::<ListStacksStacks>(stack)
        .map(Stack::from)
        .map_err(|_| odd)
}

/// The first field that is not what the schema says.
fn odd_field(stack: &Value) -> String {
    if stack.is_null() {
        return "stack".to_owned();
    }
    let is_text = |at: &&&str| stack.pointer(at).is_some_and(Value::is_string);
    if let Some(odd) = TEXTS.iter().find(|at| !is_text(at)) {
        return odd.trim_start_matches('/').replace('/', ".");
    }
    let labels = stack.get("labels").and_then(Value::as_array);
    let fit = labels.is_some_and(|labels| labels.iter().all(Value::is_string));
    if fit { "description" } else { "labels" }.to_owned()
}

/// Parts the stacks; an error tells of which field a stack was lost.
pub(super) fn sort(stacks: Vec<Result<Stack, OddStack>>, errors: &[ReplyError]) -> Sorted {
    let mut sorted = Sorted::default();
    for stack in stacks {
        match stack {
            Ok(stack) => sorted.stacks.push(stack),
            Err(odd) => sorted.odd.push(with_field(odd, errors)),
        }
    }
    sorted
}

fn with_field(mut odd: OddStack, errors: &[ReplyError]) -> OddStack {
    let about_it = |path: &&[Value]| {
        let place = path.get(1).and_then(Value::as_u64);
        place.and_then(|place| usize::try_from(place).ok()) == odd.place.checked_sub(1)
    };
    let path = errors.iter().map(ReplyError::path).find(about_it);
    let names = path.into_iter().flat_map(|path| path.iter().skip(2));
    let field: Vec<String> = names
        .map(|name| name.as_str().map_or_else(|| name.to_string(), text::shorten))
        .collect();
    if !field.is_empty() {
        odd.field = encode_field(&field.join("."));
    }
    odd
}

/// GraphQL's names and places, and nothing that could end a log line.
fn encode_field(field: &str) -> String {
    field
        .chars()
        .filter(|each| each.is_ascii_alphanumeric() || matches!(each, '.' | '_'))
        .take(100)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugins::spacelift::domain::StackState;

    fn stack() -> Value {
        json!({"id": "a", "name": "A", "description": null, "labels": ["x"], "state": "FINISHED", "branch": "main",
            "spaceDetails": {"id": "s", "name": "S"}})
    }

    fn sorted(stacks: &Value, errors: &Value) -> Sorted {
        let body = json!({"data": {"viewer": {"id": "u"}, "stacks": stacks}, "errors": errors}).to_string();
        let reply = decode(body.as_bytes()).unwrap();
        sort(reply.data.unwrap().stacks.unwrap(), &reply.errors)
    }

    #[test]
    fn an_unknown_state_and_an_unknown_field_do_not_lose_the_list() {
        let mut other = stack();
        other["state"] = json!("TELEPORTING");
        other["surprise"] = json!({"more": []});
        let sorted = sorted(&json!([other]), &json!(null));
        assert_eq!(sorted.stacks[0].state, StackState("TELEPORTING".into()));
    }

    #[test]
    fn an_odd_stack_is_named_with_its_field_and_the_others_are_kept() {
        let odd = |at: &str, value: Value| {
            let mut odd = stack();
            *odd.pointer_mut(at).unwrap() = value;
            odd
        };
        let mut missing = stack();
        missing.as_object_mut().unwrap().remove("branch");
        let missing_in_space = odd("/spaceDetails", json!({"id": "s"}));
        for (odd, told) in [
            (odd("/branch", json!(null)), "stack 'a' has no usable 'branch'"),
            (missing, "stack 'a' has no usable 'branch'"),
            (odd("/name", json!(7)), "stack 'a' has no usable 'name'"),
            (odd("/labels", json!(null)), "stack 'a' has no usable 'labels'"),
            (
                odd("/labels", json!(["x", null])),
                "stack 'a' has no usable 'labels'",
            ),
            (
                odd("/description", json!({})),
                "stack 'a' has no usable 'description'",
            ),
            (
                odd("/spaceDetails", json!(null)),
                "stack 'a' has no usable 'spaceDetails.id'",
            ),
            (missing_in_space, "stack 'a' has no usable 'spaceDetails.name'"),
            (
                odd("/id", json!(null)),
                "stack number 2 of the list has no usable 'id'",
            ),
            (json!(null), "stack number 2 of the list has no usable 'stack'"),
            (json!("odd"), "stack number 2 of the list has no usable 'id'"),
        ] {
            let sorted = sorted(&json!([stack(), odd, stack()]), &json!(null));
            assert_eq!(
                (sorted.stacks.len(), sorted.odd[0].to_string().as_str()),
                (2, told)
            );
        }
    }

    #[test]
    fn a_stack_that_the_server_lost_is_named_by_the_errors_path() {
        let errors = json!([{"message": "boom", "path": ["stacks", 1, "spaceDetails", "name"]}]);
        let sorted = sorted(&json!([stack(), null]), &errors);
        let told = "stack number 2 of the list has no usable 'spaceDetails.name'";
        assert_eq!(
            (sorted.stacks.len(), sorted.odd[0].to_string().as_str()),
            (1, told)
        );
    }
}
