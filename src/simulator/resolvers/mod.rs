//! How each field of the schema is answered. A field the schema has and we do not is an error, so it shows in a test.

mod mutation;
mod query;
mod run;
mod stack;

use apollo_compiler::{
    resolvers::{FieldError, ResolveInfo},
    response::JsonValue,
};

pub(super) use mutation::MutationRoot;
pub(super) use query::QueryRoot;

/// Returns a string argument; `None` when it is absent or null.
fn text_argument<'a>(info: &'a ResolveInfo<'a>, name: &str) -> Option<&'a str> {
    info.arguments().get(name).and_then(JsonValue::as_str)
}

fn field_error(message: impl Into<String>) -> FieldError {
    FieldError {
        message: message.into(),
    }
}
