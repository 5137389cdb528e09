//! Spacelift's type system as this simulator plays it: ours, newer, older, or less strict.

use std::{collections::BTreeSet, sync::Arc};

use apollo_compiler::{
    Schema,
    ast::Type,
    coordinate::SchemaCoordinate,
    schema::{ExtendedType, FieldDefinition},
    validation::Valid,
};

/// The part of Spacelift's type system we use; the same file the client's code is generated from.
const SCHEMA: &str = include_str!("../../schema/spacelift/schema.graphql");

/// How a field or an argument differs from our schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaChange {
    /// It is not there, as in an older Spacelift.
    Absent,
    /// It may be null, its items included.
    Nullable,
    /// It is never null, its items included, so that a null takes with it what it stands in.
    Required,
}

/// All differences from our schema.
#[derive(Debug, Clone, Default)]
pub(super) struct SchemaChanges {
    states: BTreeSet<String>,
    changes: Vec<(SchemaCoordinate, SchemaChange)>,
}

impl SchemaChanges {
    /// Adds a value to the enum of stack states.
    pub(super) fn add_state(&mut self, state: &str) {
        self.states.insert(state.to_owned());
    }

    /// Changes what the coordinate names, such as `Stack.lockNote` or `Mutation.runConfirm(note:)`.
    pub(super) fn add(&mut self, coordinate: SchemaCoordinate, change: SchemaChange) {
        self.changes.push((coordinate, change));
    }

    /// Reads the schema with all changes; the error says what is wrong with it.
    pub(super) fn read(&self) -> Result<Arc<Valid<Schema>>, String> {
        let mut text = SCHEMA.to_owned();
        for state in &self.states {
            text.push_str(&format!("\nextend enum StackState {{ {state} }}\n"));
        }
        let schema = Schema::parse(text, "schema/spacelift/schema.graphql");
        let mut schema = schema.map_err(|invalid| invalid.errors.to_string())?;
        for (coordinate, change) in &self.changes {
            apply(&mut schema, coordinate, *change).ok_or_else(|| format!("there is no {coordinate}"))?;
        }
        let valid = schema.validate();
        valid.map(Arc::new).map_err(|invalid| invalid.errors.to_string())
    }
}

fn apply(schema: &mut Schema, coordinate: &SchemaCoordinate, change: SchemaChange) -> Option<()> {
    let (ty, field, argument) = match coordinate {
        SchemaCoordinate::TypeAttribute(field) => (&field.ty, &field.attribute, None),
        SchemaCoordinate::FieldArgument(argument) => {
            (&argument.ty, &argument.field, Some(&argument.argument))
        }
        _ => return None,
    };
    let ExtendedType::Object(object) = schema.types.get_mut(ty)? else {
        return None;
    };
    let fields = &mut object.make_mut().fields;
    match argument {
        None if change == SchemaChange::Absent => fields.shift_remove(field).map(drop),
        None => {
            let field: &mut FieldDefinition = fields.get_mut(field)?.make_mut();
            field.ty = with_nulls(&field.ty, change == SchemaChange::Nullable);
            Some(())
        }
        Some(name) => {
            let arguments = &mut fields.get_mut(field)?.make_mut().arguments;
            let place = arguments.iter().position(|argument| argument.name == *name)?;
            arguments.remove(place);
            Some(())
        }
    }
}

fn with_nulls(ty: &Type, nullable: bool) -> Type {
    let ty = match ty {
        Type::Named(_) | Type::NonNullNamed(_) => ty.clone(),
        Type::List(items) | Type::NonNullList(items) => with_nulls(items, nullable).list(),
    };
    if nullable { ty.nullable() } else { ty.non_null() }
}
