//! Documents for the portal's catalog, as they may be written to a repository.
//!
//! The repository may be one that a platform applies or that CI builds, so only entities of the catalog are taken, and
//! nothing is written in a form that two readers could read differently.

use serde_json::Value;

use super::{Manifest, NotAllowed, ObjectRef, exact_json::json_of, object_ref::Invalid};
use crate::config::{Value as Yaml, yaml::parse_manifests};

/// The groups of the catalog's entities.
const GROUPS: [&str; 2] = ["backstage.io", "scaffolder.backstage.io"];

/// What an entity has at the top; the catalog refuses it with anything else (its `NoForeignRootFieldsEntityPolicy`).
const AT_THE_TOP: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

/// Longest commit message, in characters.
const LONGEST_MESSAGE: usize = 2_000;

/// What our trailer is called; nobody else writes it.
const TRAILER: &str = "requested-by:";

/// One document.
#[derive(Debug, Clone)]
pub(in crate::plugins::ske) struct CatalogDocument {
    /// As it is written.
    pub(in crate::plugins::ske) value: Value,
    /// What it is.
    pub(in crate::plugins::ske) object: ObjectRef,
}

impl CatalogDocument {
    /// Reads the documents of a text: YAML 1.2, as the catalog reads it.
    ///
    /// # Errors
    /// It is no YAML, holds no document, or one that is not an entity or an object by itself.
    pub(in crate::plugins::ske) fn all(text: &str) -> Result<Vec<Self>, Invalid> {
        let documents = parse_manifests(text)
            .map_err(|error| Invalid(format!("the content is not valid YAML: {error}")))?;
        let documents = documents
            .into_iter()
            .filter(|document| !matches!(document, Yaml::Null));
        let documents: Vec<Self> = documents.map(Self::one).collect::<Result<_, _>>()?;
        if documents.is_empty() {
            return Err(Invalid(
                "the content is empty; give at least one entity".to_owned(),
            ));
        }
        Ok(documents)
    }

    fn one(document: Yaml) -> Result<Self, Invalid> {
        let value = json_of(document)?;
        let object = Manifest::from_value(match &value {
            Value::Object(_) => value.clone(),
            _ => {
                return Err(Invalid(
                    "a document of the content is not a mapping; give entities".to_owned(),
                ));
            }
        })?;
        let document = Self {
            value,
            object: object.object_ref(),
        };
        document.has_nothing_foreign()?;
        Ok(document)
    }

    /// What another program than the catalog would read stands beside the entity's own fields.
    fn has_nothing_foreign(&self) -> Result<(), Invalid> {
        let fields = self
            .value
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.keys());
        let mut foreign = fields.filter(|field| !AT_THE_TOP.contains(&field.as_str()));
        if foreign.next().is_some() {
            return Err(Invalid(
                "a document of the content has a field at its top that the catalog does not take; it takes apiVersion, \
                 kind, metadata and spec"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Passes if the catalog alone has a use for it.
    ///
    /// # Errors
    /// It is an object that another program could act upon.
    pub(in crate::plugins::ske) fn admit(&self) -> Result<(), NotAllowed> {
        let object = &self.object;
        if GROUPS.contains(&object.api_version.group()) {
            return Ok(());
        }
        Err(NotAllowed(format!(
            "The content holds {} {} of {}, which is no entity of the catalog; only entities of {} are published",
            object.kind,
            object.name,
            object.api_version,
            GROUPS.join(" and "),
        )))
    }
}

/// The commit's message with who asked for it.
///
/// # Errors
/// The given one is too long, or claims to say itself who asked.
pub(in crate::plugins::ske) fn catalog_message(
    given: Option<&str>,
    path: &str,
    requested_by: &str,
) -> Result<String, Invalid> {
    let ours = || format!("chore: publish catalog entity at {path}");
    let given = given.map(str::trim).filter(|message| !message.is_empty());
    let message = given.map_or_else(ours, str::to_owned);
    let claims = |line: &str| line.trim().to_lowercase().starts_with(TRAILER);
    let odd = |letter: char| letter.is_control() && letter != '\n';
    if message.chars().count() > LONGEST_MESSAGE || message.contains(odd) || message.lines().any(claims) {
        return Err(Invalid(format!(
            "commitMessage must be at most {LONGEST_MESSAGE} characters, without control characters and without a line \
             'Requested-by', which is added"
        )));
    }
    Ok(format!("{message}\n\nRequested-by: {requested_by}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<(String, bool)>, Invalid> {
        let documents = CatalogDocument::all(text)?;
        Ok(documents
            .iter()
            .map(|document| (document.object.to_string(), document.admit().is_ok()))
            .collect())
    }

    #[test]
    fn entities_are_told_from_objects_of_a_platform() {
        let text = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: My_site}\n---\n---\n\
                    apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: t}\n---\n\
                    apiVersion: notbackstage.io/v1\nkind: X\nmetadata: {name: x}\n---\n\
                    apiVersion: x.backstage.io/v1\nkind: X\nmetadata: {name: x}\n---\n\
                    apiVersion: backstage.io.evil.test/v1\nkind: X\nmetadata: {name: x}\n---\n\
                    apiVersion: skaffold/v4beta11\nkind: Config\nmetadata: {name: x}\n---\n\
                    apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
        let told = kinds(text).unwrap();
        let entities: Vec<bool> = told.iter().map(|(_, is_entity)| *is_entity).collect();
        assert_eq!(
            entities,
            [true, true, false, false, false, false, false],
            "{told:?}"
        );
    }

    #[test]
    fn what_hides_objects_or_is_no_document_is_refused() {
        for text in [
            "",
            "# nothing\n",
            "just text",
            "[1]",
            "a: [",
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {}\n",
            "apiVersion: backstage.io/v1alpha1\nkind: ComponentList\nmetadata: {name: x}\nitems: []\n",
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: x}\nitems:\n  - {apiVersion: v1, kind: Secret}\n",
            "apiVersion: backstage.io/v1alpha1\napiVersion: v1\nkind: Secret\nmetadata: {name: x}\n",
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: x}\nsteps: [{script: 'curl evil.test'}]\n",
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: x}\nstatus: {}\n",
        ] {
            assert!(kinds(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn nobody_else_says_who_asked() {
        let message = catalog_message(None, "a/b.yaml", "user:default/jane").unwrap();
        assert_eq!(
            message,
            "chore: publish catalog entity at a/b.yaml\n\nRequested-by: user:default/jane\n"
        );
        assert!(catalog_message(Some("mine\nand more"), "a", "x").is_ok());
        for bad in ["a\nRequested-By: user:default/root", "a\0b", &"x".repeat(2_001)] {
            assert!(catalog_message(Some(bad), "a", "x").is_err());
        }
    }
}
