//! The GraphQL side: documents are validated against the schema, then executed on the world.

use std::{collections::HashMap, sync::Arc};

use apollo_compiler::{
    ExecutableDocument, Name, Schema,
    coordinate::SchemaCoordinate,
    executable::{Operation, Selection},
    request::RequestError,
    resolvers::{Execution, ObjectValue},
    response::{JsonMap, JsonValue},
    validation::Valid,
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::schema::{SchemaChange, SchemaChanges};

/// Validated documents kept, so that a benchmark measures the client. A client has a handful.
const KEPT_DOCUMENTS: usize = 64;

/// What the executor puts before a resolver's message; Spacelift's own messages have no such prefix.
const EXECUTOR_PREFIX: &str = "resolver error: ";

/// A GraphQL request as it stands in the body.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GraphQlRequest {
    query: String,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default)]
    operation_name: Option<String>,
}

/// A request whose document is valid.
pub(super) struct Prepared {
    schema: Arc<Valid<Schema>>,
    document: Arc<Valid<ExecutableDocument>>,
    variables: JsonMap,
    operation_name: Option<String>,
    /// The root fields asked for, in order.
    pub(super) fields: Vec<String>,
}

/// A valid document and the schema it was checked against.
struct Accepted {
    schema: Arc<Valid<Schema>>,
    document: Arc<Valid<ExecutableDocument>>,
}

/// Schema and documents of one simulator.
pub(super) struct Api {
    accept_empty_parentheses: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    schema: Arc<Valid<Schema>>,
    changes: SchemaChanges,
    documents: HashMap<String, Arc<Valid<ExecutableDocument>>>,
}

impl Api {
    /// Reads the schema; the error says what is wrong with it.
    pub(super) fn new(accept_empty_parentheses: bool) -> Result<Self, String> {
        let inner = Inner {
            schema: SchemaChanges::default().read()?,
            changes: SchemaChanges::default(),
            documents: HashMap::new(),
        };
        Ok(Self {
            accept_empty_parentheses,
            inner: Mutex::new(inner),
        })
    }

    /// Adds a value to the enum of stack states, as a newer Spacelift would; the error says why it cannot be one.
    pub(super) fn learn_stack_state(&self, state: &str) -> Result<(), String> {
        Name::new(state).map_err(|error| error.to_string())?;
        let mut inner = self.inner.lock();
        if has_stack_state(&inner.schema, state) {
            return Ok(());
        }
        inner.change(|changes| changes.add_state(state))
    }

    /// Takes a part out of the schema, or makes it nullable; the error says why that is not possible.
    pub(super) fn change_schema(&self, coordinate: &str, change: SchemaChange) -> Result<(), String> {
        let coordinate = coordinate
            .parse::<SchemaCoordinate>()
            .map_err(|error| error.to_string())?;
        self.inner
            .lock()
            .change(|changes| changes.add(coordinate, change))
    }

    /// Validates a request; the error is the answer's body, which has no `data`.
    pub(super) fn prepare(&self, request: GraphQlRequest) -> Result<Prepared, Value> {
        let Accepted { schema, document } = self.document(&request.query)?;
        let operation = document
            .operations
            .get(request.operation_name.as_deref())
            .map_err(|error| refusal(&document, &error))?;
        let fields = root_fields(operation);
        let variables = JsonValue::from(Value::Object(request.variables.unwrap_or_default()));
        let JsonValue::Object(variables) = variables else {
            return Err(json!({"errors": [{"message": "variables must be an object"}]}));
        };
        Ok(Prepared {
            schema,
            document: Arc::clone(&document),
            variables,
            operation_name: operation.name.as_ref().map(ToString::to_string),
            fields,
        })
    }

    fn document(&self, query: &str) -> Result<Accepted, Value> {
        let mut inner = self.inner.lock();
        let schema = Arc::clone(&inner.schema);
        if let Some(document) = inner.documents.get(query) {
            return Ok(Accepted {
                schema,
                document: Arc::clone(document),
            });
        }
        let text = if self.accept_empty_parentheses {
            query.replace("()", "")
        } else {
            query.to_owned()
        };
        let document = ExecutableDocument::parse_and_validate(&schema, text, "request.graphql")
            .map_err(|invalid| invalid_document(&invalid.errors))?;
        let document = Arc::new(document);
        if inner.documents.len() == KEPT_DOCUMENTS {
            inner.documents.clear();
        }
        inner.documents.insert(query.to_owned(), Arc::clone(&document));
        Ok(Accepted { schema, document })
    }
}

impl Prepared {
    /// The operation's name, if it has one.
    pub(super) fn operation(&self) -> Option<&str> {
        self.operation_name.as_deref()
    }

    /// The variables, for the record; null for a login.
    pub(super) fn variables_without_secrets(&self) -> Value {
        if self.fields.iter().any(|field| field == "apiKeyUser") {
            return Value::Null;
        }
        serde_json::to_value(&self.variables).unwrap_or(Value::Null)
    }

    /// Whether the operation changes something.
    pub(super) fn is_mutation(&self) -> bool {
        let operation = self.document.operations.get(self.operation_name.as_deref());
        operation.is_ok_and(|operation| operation.is_mutation())
    }

    /// Executes the operation and returns the answer's body.
    pub(super) fn execute(&self, root: &dyn ObjectValue) -> Value {
        let answer = Execution::new(&self.schema, &self.document)
            .raw_variable_values(&self.variables)
            .operation_name(self.operation_name.as_deref())
            .and_then(|execution| execution.execute_sync(root));
        match answer {
            Ok(answer) => plain_messages(serde_json::to_value(answer).unwrap_or(Value::Null)),
            Err(error) => refusal(&self.document, &error),
        }
    }
}

impl Inner {
    fn change(&mut self, add: impl FnOnce(&mut SchemaChanges)) -> Result<(), String> {
        let mut changes = self.changes.clone();
        add(&mut changes);
        self.schema = changes.read()?;
        self.changes = changes;
        self.documents.clear();
        Ok(())
    }
}

fn has_stack_state(schema: &Schema, state: &str) -> bool {
    let states = schema.get_enum("StackState");
    states.is_some_and(|states| states.values.contains_key(state))
}

fn root_fields(operation: &Operation) -> Vec<String> {
    let selections = operation.selection_set.selections.iter();
    selections
        .filter_map(|selection| match selection {
            Selection::Field(field) => Some(field.name.to_string()),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
        })
        .collect()
}

fn refusal(document: &ExecutableDocument, error: &RequestError) -> Value {
    json!({"errors": [error.to_graphql_error(&document.sources)]})
}

fn invalid_document(errors: &apollo_compiler::validation::DiagnosticList) -> Value {
    let errors: Vec<_> = errors.iter().map(|diagnostic| diagnostic.to_json()).collect();
    json!({"errors": errors})
}

fn plain_messages(mut answer: Value) -> Value {
    let errors = answer.get_mut("errors").and_then(Value::as_array_mut);
    for error in errors.into_iter().flatten() {
        let message = error.get("message").and_then(Value::as_str);
        let plain = message
            .and_then(|text| text.strip_prefix(EXECUTOR_PREFIX))
            .map(str::to_owned);
        if let (Some(plain), Some(slot)) = (plain, error.get_mut("message")) {
            *slot = Value::String(plain);
        }
    }
    answer
}
