//! The endpoints of GitHub's REST API that we use.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    APP_TOKEN, Call, Reply,
    world::{Commit, Files, PLAIN, Pull, World, blob_id, tree_id},
};

/// `None` for a call that we have no business to make.
pub(super) fn answer(worlds: &mut HashMap<String, World>, call: &Call) -> Option<Reply> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match (call.method.as_str(), &path[..]) {
        ("GET", ["orgs", owner, "installation"]) => Some(Reply(
            200,
            json!({ "id": 7, "account": { "login": owner }, "suspended_at": null }),
        )),
        ("POST", ["app", "installations", "7", "access_tokens"]) => Some(Reply(
            201,
            json!({ "token": APP_TOKEN, "expires_at": "2100-01-01T00:00:00Z",
                "permissions": { "contents": "write", "metadata": "read", "pull_requests": "write" } }),
        )),
        (method, ["repos", owner, repo, rest @ ..]) => match worlds.get_mut(&format!("{owner}/{repo}")) {
            Some(world) => Repository { world, owner, repo }.answer(method, rest, call),
            None => Some(not_found()),
        },
        _ => None,
    }
}

struct Repository<'a> {
    world: &'a mut World,
    owner: &'a str,
    repo: &'a str,
}

impl Repository<'_> {
    fn answer(self, method: &str, rest: &[&str], call: &Call) -> Option<Reply> {
        match (method, rest) {
            ("GET", []) => {
                let full_name = format!("{}/{}", self.owner, self.repo);
                // Of people alone: with an App's token `push` is false here, whatever the App may do.
                let permissions = json!({ "pull": true, "push": !self.world.read_only });
                Some(Reply(
                    200,
                    json!({ "id": 3, "full_name": full_name, "default_branch": self.world.default_branch,
                        "archived": self.world.archived, "permissions": permissions }),
                ))
            }
            ("GET", ["pulls"]) => self.pulls(call),
            ("GET", ["pulls", number]) => {
                let found = self
                    .world
                    .pulls
                    .iter()
                    .find(|pull| pull.number.to_string() == *number);
                Some(found.map_or_else(not_found, |pull| Reply(200, self.told(pull))))
            }
            ("POST", ["pulls"]) => self.open(call),
            ("GET", ["git", "ref", "heads", branch @ ..]) => {
                let sha = self.world.branches.get(&branch.join("/"));
                Some(sha.map_or_else(not_found, |sha| reference(&branch.join("/"), sha)))
            }
            ("POST", ["git", "refs"]) => self.new_branch(call),
            ("PATCH", ["git", "refs", "heads", branch @ ..]) => self.move_branch(&branch.join("/"), call),
            ("GET", ["git", "commits", sha]) => {
                let commit = self.world.commits.get(*sha)?;
                Some(Reply(
                    200,
                    json!({ "sha": sha, "tree": { "sha": tree_id(&commit.files) } }),
                ))
            }
            ("POST", ["git", "commits"]) => self.new_commit(call),
            ("GET", ["git", "trees", sha]) => Some(tree(sha, self.world.trees.get(*sha)?)),
            ("POST", ["git", "trees"]) => self.new_tree(call),
            ("GET", ["git", "blobs", sha]) => Some(blob(sha, self.world.blob(sha)?)),
            _ => None,
        }
    }

    /// "List pull requests"
    fn pulls(self, call: &Call) -> Option<Reply> {
        let known = ["state", "head", "sort", "direction", "per_page", "page"];
        if call.parameters().iter().any(|name| !known.contains(name)) {
            return None;
        }
        let state = call.parameter("state")?;
        let head = call.parameter("head");
        let wanted = |pull: &&Pull| {
            (state == "all" || (pull.state == "open") == (state == "open"))
                && head.is_none_or(|head| head == format!("{}:{}", self.owner, pull.head))
        };
        let size: usize = call
            .parameter("per_page")?
            .parse()
            .ok()
            .filter(|size| *size <= 100)?;
        let page: usize = call.parameter("page").unwrap_or("1").parse().ok()?;
        if call
            .parameter("sort")
            .is_some_and(|sort| sort != "updated" || call.parameter("direction") != Some("desc"))
        {
            return None;
        }
        // The last ones of the list changed last.
        let newest = self.world.pulls.iter().rev().filter(wanted);
        let told = newest
            .skip((page - 1) * size)
            .take(size)
            .map(|pull| self.told(pull));
        Some(Reply(200, told.collect()))
    }

    fn told(&self, pull: &Pull) -> Value {
        let merged_at = (pull.state == "merged").then_some("2026-01-01T00:00:00Z");
        let state = if pull.state == "open" { "open" } else { "closed" };
        let html_url = format!(
            "https://code.example.com/{}/{}/pull/{}",
            self.owner, self.repo, pull.number
        );
        let sha = self
            .world
            .branches
            .get(&pull.head)
            .filter(|_| pull.state == "open")
            .unwrap_or(&pull.sha);
        json!({ "number": pull.number, "state": state, "merged_at": merged_at, "html_url": html_url,
            "title": pull.title, "body": pull.body, "head": { "ref": pull.head, "sha": sha },
            "base": { "ref": pull.base } })
    }

    /// "Create a pull request"
    fn open(self, call: &Call) -> Option<Reply> {
        if !call.has_only(&["title", "head", "base", "body"]) || call.text("title").is_empty() {
            return None;
        }
        let (head, base) = (call.text("head"), call.text("base"));
        let (Some(tip), Some(onto)) = (self.world.branches.get(&head), self.world.branches.get(&base)) else {
            return Some(invalid("head or base is missing"));
        };
        if self
            .world
            .pulls
            .iter()
            .any(|pull| pull.state == "open" && pull.head == head && pull.base == base)
        {
            return Some(invalid(&format!(
                "A pull request already exists for {}:{head}.",
                self.owner
            )));
        }
        if self.world.is_before(tip, onto) {
            return Some(invalid(&format!("No commits between {base} and {head}")));
        }
        let sha = tip.clone();
        let pull = Pull {
            number: self.world.pulls.len() as u64 + 1,
            head,
            base,
            title: call.text("title"),
            body: call.text("body"),
            state: "open",
            sha,
        };
        self.world.pulls.push(pull);
        let told = self.told(self.world.pulls.last()?);
        Some(Reply(201, told))
    }

    /// "Create a reference"
    fn new_branch(self, call: &Call) -> Option<Reply> {
        let (reference_name, sha) = (call.text("ref"), call.text("sha"));
        let branch = reference_name.strip_prefix("refs/heads/")?.to_owned();
        if !call.has_only(&["ref", "sha"]) || !self.world.commits.contains_key(&sha) {
            return None;
        }
        if self.world.branches.contains_key(&branch) {
            return Some(unprocessable("Reference already exists"));
        }
        self.world.branches.insert(branch.clone(), sha.clone());
        let Reply(_, body) = reference(&branch, &sha);
        Some(Reply(201, body))
    }

    /// "Update a reference", never forced
    fn move_branch(self, branch: &str, call: &Call) -> Option<Reply> {
        let sha = call.text("sha");
        if !call.has_only(&["sha", "force"])
            || call.body["force"] != false
            || !self.world.commits.contains_key(&sha)
        {
            return None;
        }
        let Some(tip) = self.world.branches.get(branch) else {
            return Some(unprocessable("Reference does not exist"));
        };
        if !self.world.is_before(tip, &sha) {
            return Some(unprocessable("Update is not a fast forward"));
        }
        self.world.branches.insert(branch.to_owned(), sha.clone());
        Some(reference(branch, &sha))
    }

    /// "Create a tree"
    fn new_tree(self, call: &Call) -> Option<Reply> {
        let mut files = self.world.trees.get(&call.text("base_tree"))?.clone();
        for entry in call.body["tree"].as_array()? {
            let path = entry["path"].as_str()?.to_owned();
            assert_eq!(entry["type"], "blob");
            match (&entry["content"], &entry["sha"]) {
                (Value::String(content), Value::Null) => {
                    let mode = entry["mode"].as_str().filter(|mode| mode.starts_with("100"))?;
                    files.insert(path, (mode.to_owned(), content.clone()));
                }
                (Value::Null, Value::Null) if entry.get("sha").is_some() => {
                    if files.remove(&path).is_none() {
                        return Some(unprocessable("GitRPC::BadObjectState"));
                    }
                }
                _ => return None,
            }
        }
        let sha = self.world.remember(&files);
        Some(Reply(201, json!({ "sha": sha })))
    }

    /// "Create a commit"
    fn new_commit(self, call: &Call) -> Option<Reply> {
        let files = self.world.trees.get(&call.text("tree"))?.clone();
        let parents = call.body["parents"].as_array()?.iter();
        let parents: Vec<String> = parents
            .map(|parent| parent.as_str().unwrap().to_owned())
            .collect();
        let is_known = |parent: &String| self.world.commits.contains_key(parent);
        if !call.has_only(&["message", "tree", "parents", "author"]) || !parents.iter().all(is_known) {
            return None;
        }
        let author = call.body.get("author");
        let author = author.map(|author| (author["name"].to_string(), author["email"].to_string()));
        let commit = Commit {
            parents,
            files,
            message: call.text("message"),
            author,
        };
        let sha = self.world.commit(commit);
        Some(Reply(201, json!({ "sha": sha })))
    }
}

/// "Get a tree", one level.
fn tree(sha: &str, files: &Files) -> Reply {
    let entries = World::entries(files).into_iter().map(|entry| {
        json!({ "path": entry["name"], "mode": entry["mode"], "type": entry["type"], "sha": entry["id"] })
    });
    let entries: Vec<Value> = entries.collect();
    debug_assert!(
        files
            .values()
            .all(|(mode, content)| mode != PLAIN || blob_id(content).len() == 40)
    );
    Reply(200, json!({ "sha": sha, "tree": entries, "truncated": false }))
}

/// "Get a blob", with the line breaks that GitHub puts into base64.
fn blob(sha: &str, content: &str) -> Reply {
    let encoded = STANDARD.encode(content);
    let lines: Vec<_> = encoded
        .as_bytes()
        .chunks(60)
        .map(String::from_utf8_lossy)
        .collect();
    Reply(
        200,
        json!({ "sha": sha, "encoding": "base64", "content": lines.join("\n") + "\n" }),
    )
}

fn reference(branch: &str, sha: &str) -> Reply {
    Reply(
        200,
        json!({ "ref": format!("refs/heads/{branch}"), "object": { "type": "commit", "sha": sha } }),
    )
}

fn not_found() -> Reply {
    Reply(
        404,
        json!({ "message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404" }),
    )
}

fn unprocessable(message: &str) -> Reply {
    Reply(
        422,
        json!({ "message": message, "documentation_url": "https://docs.github.com/rest" }),
    )
}

fn invalid(message: &str) -> Reply {
    let errors = json!([{ "resource": "PullRequest", "code": "custom", "message": message }]);
    Reply(422, json!({ "message": "Validation Failed", "errors": errors }))
}
