//! Which paths a source file names, in imports and in code alike; its unit tests are left out.
//!
//! Works on tokens, so that comments and strings never count, and macros do.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What a file names outside its unit tests.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Paths from the crate (`crate::infra::tasks`) or from an external crate (`axum::Router`).
    pub(super) paths: Vec<Vec<String>>,
    /// Whether the keyword `unsafe` stands in code.
    pub(super) has_unsafe: bool,
    /// Child modules that exist only for tests (`#[cfg(test)] mod tests;`).
    pub(super) test_modules: Vec<String>,
}

/// Returns what the text of a module names.
pub(super) fn named_in(text: &str, module: &[String]) -> Named {
    let tokens: TokenStream = text.parse().expect("a source file is made of Rust tokens");
    let mut named = Named::default();
    let mut reader = Reader {
        named: &mut named,
        module: module.to_vec(),
    };
    reader.read(tokens);
    named
}

struct Reader<'a> {
    named: &'a mut Named,
    module: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.read_one(&tokens, at);
        }
    }

    /// Reads what begins at the index; returns the index after it.
    fn read_one(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if is_test_attribute(tokens, at) {
            return self.skip_test_item(tokens, at + 2);
        }
        match &tokens[at] {
            // `impl Trait + use<'a>` imports nothing.
            TokenTree::Ident(ident) if ident == "use" && !is_punct(tokens, at + 1, '<') => {
                self.read_use_tree(tokens, at + 1, &[])
            }
            TokenTree::Ident(ident) if ident == "mod" => self.read_module(tokens, at + 1),
            TokenTree::Ident(ident) => {
                self.named.has_unsafe |= ident == "unsafe";
                self.read_path(tokens, at)
            }
            TokenTree::Group(group) => {
                self.read(group.stream());
                at + 1
            }
            _ => at + 1,
        }
    }

    /// A path in code; a single name is a local one and says nothing.
    fn read_path(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let (path, next) = idents(tokens, at);
        if path.len() > 1 {
            self.note(&path);
        }
        next
    }

    /// A use tree up to its `;` or `,`, groups included.
    fn read_use_tree(&mut self, tokens: &[TokenTree], at: usize, prefix: &[String]) -> usize {
        // `use ::axum::…` begins with the colons.
        let start = if is_colons(tokens, at) { at + 2 } else { at };
        let (path, mut next) = idents(tokens, start);
        let full = [prefix, &path].concat();
        if let Some(TokenTree::Group(group)) = tokens.get(next)
            && group.delimiter() == Delimiter::Brace
        {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let mut within = 0;
            while within < inner.len() {
                within = self.read_use_tree(&inner, within, &full);
            }
        } else {
            self.note(&full);
        }
        while next < tokens.len() && !is_punct(tokens, next, ';') && !is_punct(tokens, next, ',') {
            next += 1;
        }
        next + 1
    }

    /// `mod name { … }`: names in it are relative to it.
    fn read_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at), tokens.get(at + 1))
        else {
            return at + 1;
        };
        self.module.push(name.to_string());
        self.read(body.stream());
        self.module.pop();
        at + 2
    }

    /// The item after `#[cfg(test)]`, up to its `;` or its braces.
    fn skip_test_item(&mut self, tokens: &[TokenTree], from: usize) -> usize {
        let mut at = from;
        while at < tokens.len() {
            if let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) = (&tokens[at], tokens.get(at + 1))
                && word == "mod"
            {
                self.named.test_modules.push(name.to_string());
            }
            let ends = is_punct(tokens, at, ';')
                || matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
            at += 1;
            if ends {
                break;
            }
        }
        at
    }

    fn note(&mut self, path: &[String]) {
        if let Some(path) = self.absolute(path) {
            self.named.paths.push(path);
        }
    }

    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut module = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            // The binary sees the library under its name.
            "crate" | "stagedoor" => {
                return Some(["crate".to_owned()].iter().chain(&path[1..]).cloned().collect());
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            _ => return Some(path.to_vec()),
        }
        let start = ["crate".to_owned()];
        Some(start.iter().chain(&module).chain(rest).cloned().collect())
    }
}

/// Reads `a::b::c` and returns its parts and the index after the last colons or name.
fn idents(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut parts = Vec::new();
    while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
        parts.push(ident.to_string().trim_start_matches("r#").to_owned());
        at += 1;
        if !is_colons(tokens, at) {
            break;
        }
        at += 2;
    }
    (parts, at.max(1))
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':')
}

fn is_punct(tokens: &[TokenTree], at: usize, wanted: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_test_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let Some(TokenTree::Group(group)) = tokens.get(at + 1) else {
        return false;
    };
    is_punct(tokens, at, '#') && group.stream().to_string().replace(' ', "") == "cfg(test)"
}

mod tests {
    use super::named_in;

    fn paths(text: &str) -> Vec<String> {
        let module = ["infra".to_owned(), "tasks".to_owned()];
        let named = named_in(text, &module);
        named.paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn a_group_of_imports_is_read_name_by_name() {
        let text = "use std::{env, io::{self, Read as _}, fmt};";
        let expected = ["std::env", "std::io::self", "std::io::Read", "std::fmt"];
        assert_eq!(paths(text), expected);
    }

    #[test]
    fn a_path_in_code_counts_as_much_as_an_import() {
        let text = "fn f() { let x = vec![std::env::var(\"A\")]; g::<git2::Oid>(x) }";
        assert_eq!(paths(text), ["std::env::var", "git2::Oid"]);
    }

    #[test]
    fn relative_paths_are_made_absolute() {
        let text = "use super::http_client::HttpClients; use self::a::B; mod c { use super::super::d; }";
        let expected = [
            "crate::infra::http_client::HttpClients",
            "crate::infra::tasks::a::B",
            "crate::infra::d",
        ];
        assert_eq!(paths(text), expected);
    }

    #[test]
    fn comments_and_strings_do_not_count() {
        let text = "//! git2::Oid\n/// axum::Router\nconst A: &str = \"sqlx::Pool and unsafe\";";
        assert!(paths(text).is_empty());
        assert!(!named_in(text, &[]).has_unsafe);
    }

    #[test]
    fn unit_tests_are_left_out() {
        let text =
            "use a::b;\n#[cfg(test)]\nmod tests { use axum::Router; }\n#[cfg(test)] mod more;\nuse c::d;";
        assert_eq!(paths(text), ["a::b", "c::d"]);
        assert_eq!(named_in(text, &[]).test_modules, ["tests", "more"]);
    }

    #[test]
    fn an_import_of_a_whole_crate_and_one_from_the_root_are_seen() {
        assert_eq!(
            paths("use axum; use ::git2::Oid; use kube as k;"),
            ["axum", "git2::Oid", "kube"]
        );
    }
}
