//! What stands where in a repository, kept up at the cost of what changes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    documents::Trouble,
    identity::Identity,
    mentions::Mentions,
    promised::Promised,
    scan::{Scanned, Spot},
};

/// Where an object stands in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugins::ske) struct Place {
    /// The file.
    pub(in crate::plugins::ske) path: Arc<str>,
    /// Where in the file.
    pub(in crate::plugins::ske) spot: Spot,
    /// The version the document gives, such as `v1alpha1`.
    pub(in crate::plugins::ske) version: Box<str>,
}

/// What the repository holds under one identity.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plugins::ske) enum Found<'a> {
    /// Nothing.
    Nothing,
    /// One document, of whatever version.
    One(&'a Place),
    /// Several documents, of one version or of several: nobody can say which the platform follows.
    Several(&'a [Place]),
}

/// One file that is new, changed or gone.
#[derive(Debug)]
pub(in crate::plugins::ske) struct Change<B> {
    /// The file.
    pub(in crate::plugins::ske) path: String,
    /// Its content's id and what it holds; `None` when it is gone or does not count.
    pub(in crate::plugins::ske) now: Option<(B, Scanned)>,
}

/// Every object of a repository. `B` identifies a file's content, so that the object can be read when it is asked for.
#[derive(Debug)]
pub(in crate::plugins::ske) struct Index<B> {
    files: BTreeMap<Arc<str>, Indexed<B>>,
    places: HashMap<Arc<Identity>, Vec<Place>>,
    /// Files of which something could not be read, few in most repositories.
    broken: BTreeMap<Arc<str>, Broken>,
    promised: Promised,
}

#[derive(Debug)]
struct Broken {
    troubles: Box<[Trouble]>,
    mentions: Mentions,
}

#[derive(Debug)]
struct Indexed<B> {
    blob: B,
    objects: Box<[Arc<Identity>]>,
}

impl<B> Default for Index<B> {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            places: HashMap::new(),
            broken: BTreeMap::new(),
            promised: Promised::default(),
        }
    }
}

impl<B: Copy> Index<B> {
    /// Takes in what changed; costs as much as the changed files hold, however large the repository is.
    pub(in crate::plugins::ske) fn apply(&mut self, changes: impl IntoIterator<Item = Change<B>>) {
        for change in changes {
            self.forget(&change.path);
            if let Some((blob, scanned)) = change.now {
                self.take_in(change.path.into(), blob, scanned);
            }
        }
    }

    /// Looks an object up.
    pub(in crate::plugins::ske) fn find(&self, identity: &Identity) -> Found<'_> {
        match self.places.get(identity).map(Vec::as_slice) {
            None | Some([]) => Found::Nothing,
            Some([place]) => Found::One(place),
            Some(places) => Found::Several(places),
        }
    }

    /// The content of a file, as of the last change taken in; `None` when the file does not count.
    pub(in crate::plugins::ske) fn blob(&self, path: &str) -> Option<B> {
        self.files.get(path).map(|file| file.blob)
    }

    /// Every object that is there more than once, in no order.
    pub(in crate::plugins::ske) fn conflicts(&self) -> impl Iterator<Item = (&Identity, &[Place])> {
        let several = self.places.iter().filter(|(_, places)| places.len() > 1);
        several.map(|(identity, places)| (&**identity, places.as_slice()))
    }

    /// What could not be read, file by file.
    pub(in crate::plugins::ske) fn troubles(&self) -> impl Iterator<Item = (&str, &[Trouble])> {
        self.broken
            .iter()
            .map(|(path, broken)| (&**path, &*broken.troubles))
    }

    /// The files that may hold the object in what of them could not be read, with the line where that begins.
    pub(in crate::plugins::ske) fn hiding_places<'i>(
        &'i self,
        identity: &'i Identity,
    ) -> impl Iterator<Item = (&'i str, usize)> {
        let may_hold = |broken: &&Broken| broken.mentions.may_hold(identity);
        self.broken.iter().filter_map(move |(path, broken)| {
            let broken = Some(broken).filter(may_hold)?;
            Some((&**path, broken.troubles.first().map_or(1, |trouble| trouble.line)))
        })
    }

    /// The groups and kinds that Promises in it offer.
    pub(in crate::plugins::ske) fn offered(&self) -> impl Iterator<Item = (&str, &str)> {
        self.promised.iter()
    }

    /// How many objects there are, those in conflict counted each time.
    pub(in crate::plugins::ske) fn objects(&self) -> usize {
        self.files.values().map(|file| file.objects.len()).sum()
    }

    fn take_in(&mut self, path: Arc<str>, blob: B, scanned: Scanned) {
        self.promised.set(&path, scanned.offers);
        let mut objects = Vec::with_capacity(scanned.objects.len());
        for (identity, spot, version) in scanned.objects {
            let known = self
                .places
                .get_key_value(&identity)
                .map(|(known, _)| known.clone());
            let identity = known.unwrap_or_else(|| Arc::new(identity));
            let place = Place {
                path: path.clone(),
                spot,
                version,
            };
            // Most identities have one place for ever.
            let places = self.places.entry(identity.clone());
            let places = places.or_insert_with(|| Vec::with_capacity(1));
            places.push(place);
            places.sort_by(|one, other| one.path.cmp(&other.path));
            objects.push(identity);
        }
        if !scanned.troubles.is_empty() {
            let broken = Broken {
                troubles: scanned.troubles.into(),
                mentions: scanned.mentions,
            };
            self.broken.insert(path.clone(), broken);
        }
        let indexed = Indexed {
            blob,
            objects: objects.into(),
        };
        self.files.insert(path, indexed);
    }

    fn forget(&mut self, path: &str) {
        let Some(file) = self.files.remove(path) else {
            return;
        };
        self.broken.remove(path);
        self.promised.forget(path);
        for identity in file.objects {
            if let Some(places) = self.places.get_mut(&identity) {
                places.retain(|place| &*place.path != path);
                if places.is_empty() {
                    self.places.remove(&identity);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::scan::{scan, too_large},
        *,
    };
    use crate::plugins::ske::domain::ObjectRef;

    fn identity(name: &str) -> Identity {
        Identity::of(&ObjectRef::parse("e.com/v1", "Redis", None, name).unwrap()).unwrap()
    }

    fn object(name: &str) -> String {
        format!("apiVersion: e.com/v1\nkind: Redis\nmetadata:\n  name: {name}\n")
    }

    fn change(path: &str, blob: u32, text: &str) -> Change<u32> {
        Change {
            path: path.to_owned(),
            now: Some((blob, scan(text.as_bytes()))),
        }
    }

    fn gone(path: &str) -> Change<u32> {
        Change {
            path: path.to_owned(),
            now: None,
        }
    }

    fn index(files: &[(&str, &str)]) -> Index<u32> {
        let mut index = Index::default();
        index.apply(files.iter().map(|(path, text)| change(path, 1, text)));
        index
    }

    #[track_caller]
    fn one<'a>(index: &'a Index<u32>, name: &str) -> &'a Place {
        match index.find(&identity(name)) {
            Found::One(place) => place,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_object_is_found_by_its_identity_wherever_it_stands() {
        let two = format!("# top\n{}---\n{}", object("a"), object("b"));
        let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: e.com/v1, kind: Redis, metadata: {name: c}}\n";
        let index = index(&[("r/x.yaml", &two), ("r/list.yml", list)]);
        assert_eq!(index.objects(), 3);
        let b = one(&index, "b");
        assert_eq!(
            (&*b.path, b.spot.document, b.spot.item, b.spot.line),
            ("r/x.yaml", 1, None, 6)
        );
        assert_eq!(
            (one(&index, "c").spot.item, &*one(&index, "c").version),
            (Some(0), "v1")
        );
        assert_eq!(index.find(&identity("d")), Found::Nothing);
        assert_eq!((index.blob("r/x.yaml"), index.blob("r/y.yaml")), (Some(1), None));
    }

    #[test]
    fn a_promise_offers_the_kind_of_its_definition_while_it_is_there() {
        let promise = |name: &str, api: &str| {
            format!(
                "apiVersion: platform.kratix.io/v1alpha1\nkind: Promise\nmetadata: {{name: {name}}}\nspec: {{api: {api}}}\n"
            )
        };
        let api = |kind: &str| format!("{{spec: {{group: e.com, names: {{kind: {kind}}}}}}}");
        let two = format!(
            "{}---\n{}",
            promise("a", &api("Redis")),
            promise("b", &api("Queue"))
        );
        let item = promise("c", &api("Bucket")).replace('\n', ", ");
        let list = format!("kind: List\nitems: [{{{}}}]\n", item.trim_end_matches(", "));
        let none = [
            "text",
            "{spec: {group: e.com}}",
            "{spec: {group: 1, names: {kind: A}}}",
        ];
        let none: Vec<_> = none.iter().map(|api| promise("d", api)).collect();
        let other = promise("e", &api("Other")).replace("Promise", "PromiseRelease");
        let mut index = index(&[
            ("p.yaml", &two),
            ("l.yaml", &list),
            ("n.yaml", &none.join("---\n")),
            ("o.yaml", &other),
        ]);
        let offered = |index: &Index<u32>| {
            let mut all: Vec<_> = index
                .offered()
                .map(|(group, kind)| format!("{group} {kind}"))
                .collect();
            all.sort();
            all.join(", ")
        };
        assert_eq!(offered(&index), "e.com Bucket, e.com Queue, e.com Redis");
        index.apply([change("p.yaml", 2, &promise("a", &api("Redis"))), gone("l.yaml")]);
        assert_eq!(offered(&index), "e.com Redis");
        index.apply([change("p.yaml", 3, "")]);
        assert_eq!(offered(&index), "");
    }

    #[test]
    fn one_identity_twice_is_a_conflict_that_names_both_places() {
        let newer = object("a").replace("e.com/v1", "e.com/v2");
        let mut index = index(&[
            ("y.yaml", &newer),
            ("x.yaml", &object("a")),
            ("z.yaml", &object("b")),
        ]);
        let paths = |index: &Index<u32>| match index.find(&identity("a")) {
            Found::Several(places) => places.iter().map(|place| place.path.to_string()).collect(),
            _ => Vec::new(),
        };
        assert_eq!(paths(&index), ["x.yaml", "y.yaml"]);
        assert_eq!(index.conflicts().count(), 1);
        index.apply([gone("x.yaml")]);
        assert_eq!(&*one(&index, "a").version, "v2");
        assert_eq!(index.conflicts().count(), 0);
    }

    #[test]
    fn the_same_object_twice_in_one_file_is_a_conflict_too() {
        let twice = format!("{}---\n{}", object("a"), object("a"));
        let mut index = index(&[("x.yaml", &twice)]);
        assert!(matches!(index.find(&identity("a")), Found::Several([_, _])));
        index.apply([change("x.yaml", 2, &object("a"))]);
        assert_eq!(one(&index, "a").spot.document, 0);
    }

    #[test]
    fn changes_replace_what_a_file_held_and_touch_no_other() {
        let mut index = index(&[("x.yaml", &object("a")), ("y.yaml", &object("b"))]);
        index.apply([change("x.yaml", 7, &object("c")), gone("never.yaml")]);
        assert_eq!(index.find(&identity("a")), Found::Nothing);
        assert_eq!(
            (&*one(&index, "c").path, index.blob("x.yaml")),
            ("x.yaml", Some(7))
        );
        assert_eq!(&*one(&index, "b").path, "y.yaml");
        index.apply([gone("x.yaml"), gone("y.yaml")]);
        assert_eq!((index.objects(), index.blob("x.yaml")), (0, None));
    }

    #[test]
    fn broken_files_are_listed_with_their_lines_and_hide_nothing() {
        let half = format!(
            "{}---\na: [\n---\nkind: A\napiVersion: v1\nmetadata: {{name: 1}}\n",
            object("a")
        );
        let mut index = index(&[("x.yaml", &half), ("y.yaml", "\r"), ("z.yaml", &object("b"))]);
        index.apply([Change {
            path: "large.yaml".to_owned(),
            now: Some((1, too_large())),
        }]);
        let told: Vec<_> = index
            .troubles()
            .map(|(path, troubles)| (path, troubles.iter().map(|one| one.line).collect::<Vec<_>>()))
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(
            (told[0].0, told[1].0, told[2].0),
            ("large.yaml", "x.yaml", "y.yaml")
        );
        assert!(told[1].1.len() == 2 && told[1].1.contains(&7), "{told:?}");
        assert_eq!(
            (&*one(&index, "a").path, &*one(&index, "b").path),
            ("x.yaml", "z.yaml")
        );
    }

    #[test]
    fn an_object_in_a_broken_document_is_known_to_be_possibly_there() {
        let broken = object("a") + "---\nkind: Redis\nmetadata: {name: b, labels: [\n";
        let mut index = index(&[("x.yaml", &broken), ("y.yaml", &object("c"))]);
        let hiding = |index: &Index<u32>, name: &str| {
            let identity = identity(name);
            let places = index.hiding_places(&identity);
            places
                .map(|(path, line)| format!("{path} {line}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(hiding(&index, "b").len(), 1);
        assert!(
            hiding(&index, "b")[0].starts_with("x.yaml "),
            "{:?}",
            hiding(&index, "b")
        );
        assert_eq!(hiding(&index, "d"), Vec::<String>::new());
        index.apply([change("x.yaml", 2, &object("a"))]);
        assert_eq!(hiding(&index, "b"), Vec::<String>::new());
    }
}
