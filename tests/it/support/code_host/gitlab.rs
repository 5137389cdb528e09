//! The endpoints of GitLab's REST API that we use.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Call, Reply,
    world::{Commit, PLAIN, Pull, World, blob_id},
};

/// `None` for a call that we have no business to make.
pub(super) fn answer(worlds: &mut HashMap<String, World>, call: &Call) -> Option<Reply> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let ["api", "v4", "projects", project, rest @ ..] = &path[..] else {
        return None;
    };
    match worlds.get_mut(*project) {
        Some(world) => Project { world, name: project }.answer(&call.method, rest, call),
        None => Some(not_found("Project")),
    }
}

struct Project<'a> {
    world: &'a mut World,
    name: &'a str,
}

impl Project<'_> {
    fn answer(self, method: &str, rest: &[&str], call: &Call) -> Option<Reply> {
        match (method, rest) {
            ("GET", []) => {
                // None in a project without commits.
                let default = Some(&self.world.default_branch).filter(|name| !name.is_empty());
                let level = if self.world.read_only { 20 } else { 40 };
                let told = json!({ "id": 5, "path_with_namespace": self.name, "default_branch": default,
                    "archived": self.world.archived,
                    "permissions": { "project_access": { "access_level": level, "notification_level": 3 },
                        "group_access": null } });
                Some(Reply(200, told))
            }
            ("GET", ["merge_requests"]) => self.requests(call),
            ("POST", ["merge_requests"]) => self.open(call),
            ("GET", ["repository", "branches", branch]) => {
                let sha = self.world.branches.get(*branch);
                Some(sha.map_or_else(
                    || not_found("Branch"),
                    |sha| Reply(200, json!({ "name": branch, "commit": { "id": sha } })),
                ))
            }
            ("DELETE", ["repository", "branches", branch]) => {
                self.world.branches.remove(*branch)?;
                Some(Reply(204, Value::Null))
            }
            ("GET", ["repository", "tree"]) => self.tree(call),
            ("GET", ["repository", "files", path]) => self.file(path, call),
            ("GET", ["repository", "merge_base"]) => self.merge_base(call),
            ("POST", ["repository", "commits"]) => self.commit(call),
            _ => None,
        }
    }

    /// "List project merge requests"
    fn requests(self, call: &Call) -> Option<Reply> {
        let known = ["state", "source_branch", "iids[]", "order_by", "per_page"];
        if call.parameters().iter().any(|name| !known.contains(name))
            || call.parameter("per_page") != Some("100")
        {
            return None;
        }
        let state = call
            .parameter("state")
            .filter(|state| ["all", "opened"].contains(state))?;
        let numbers: Vec<&str> = call
            .query
            .iter()
            .filter(|(name, _)| name == "iids[]")
            .map(|(_, number)| number.as_str())
            .collect();
        let source = call.parameter("source_branch");
        let wanted = |pull: &&Pull| {
            (state == "all" || pull.state == "open")
                && (numbers.is_empty() || numbers.contains(&pull.number.to_string().as_str()))
                && source.is_none_or(|source| source == pull.head)
        };
        let found = self.world.pulls.iter().rev().filter(wanted).take(100);
        Some(Reply(200, found.map(|pull| self.told(pull)).collect()))
    }

    fn told(&self, pull: &Pull) -> Value {
        let state = if pull.state == "open" {
            "opened"
        } else {
            pull.state
        };
        let web_url = format!(
            "https://code.example.com/{}/-/merge_requests/{}",
            self.name, pull.number
        );
        let sha = self
            .world
            .branches
            .get(&pull.head)
            .filter(|_| pull.state == "open")
            .unwrap_or(&pull.sha);
        json!({ "iid": pull.number, "state": state, "web_url": web_url, "title": pull.title, "description": pull.body,
            "source_branch": pull.head, "target_branch": pull.base, "sha": sha, "source_project_id": 5,
            "target_project_id": 5 })
    }

    /// Quick actions, found as GitLab finds them (`lib/gitlab/quick_actions/extractor.rb`), but in blocks of code too.
    /// They are taken out of the text; `/target_branch` is carried out.
    fn carry_out(&self, text: &str, base: &mut String) -> String {
        let text = text.replace('\r', "");
        let mut left = Vec::new();
        for line in text.split('\n') {
            let action = line.strip_prefix('/').unwrap_or_default();
            let (name, rest) = action.split_once(' ').unwrap_or((action, ""));
            match name.trim_end().to_lowercase().as_str() {
                "target_branch" if self.world.branches.contains_key(rest.trim()) => {
                    rest.trim().clone_into(base);
                }
                "target_branch" | "merge" | "close" | "draft" | "assign" | "reviewer" => {}
                _ => left.push(line),
            }
        }
        left.join("\n")
    }

    /// "Create MR"
    fn open(self, call: &Call) -> Option<Reply> {
        if !call.has_only(&["title", "source_branch", "target_branch", "description"])
            || call.text("title").is_empty()
        {
            return None;
        }
        let (head, mut base) = (call.text("source_branch"), call.text("target_branch"));
        let sha = self.world.branches.get(&head)?.clone();
        self.world.branches.get(&base)?;
        let open = self.world.pulls.iter();
        let mut open = open.filter(|pull| pull.state == "open" && pull.head == head && pull.base == base);
        if let Some(pull) = open.next() {
            let message = format!(
                "Another open merge request already exists for this source branch: !{}",
                pull.number
            );
            return Some(Reply(409, json!({ "message": [message] })));
        }
        let body = self.carry_out(&call.text("description"), &mut base);
        let pull = Pull {
            number: self.world.pulls.len() as u64 + 1,
            head,
            base,
            title: call.text("title"),
            body,
            state: "open",
            sha,
        };
        self.world.pulls.push(pull);
        let told = self.told(self.world.pulls.last()?);
        Some(Reply(201, told))
    }

    /// "List repository tree", with pages
    fn tree(self, call: &Call) -> Option<Reply> {
        let files = &self.world.commits.get(call.parameter("ref")?)?.files;
        let files = match call.parameter("path") {
            Some(folder) => World::below(files, folder),
            None => files.clone(),
        };
        if files.is_empty() {
            return Some(not_found("Tree"));
        }
        let page: usize = call.parameter("page")?.parse().ok()?;
        let size: usize = call
            .parameter("per_page")?
            .parse()
            .ok()
            .filter(|size| *size == 100)?;
        let entries = World::entries(&files).into_iter();
        Some(Reply(200, entries.skip((page - 1) * size).take(size).collect()))
    }

    /// "Get file from repository"
    fn file(self, path: &str, call: &Call) -> Option<Reply> {
        let sha = call.parameter("ref")?;
        let Some((_, content)) = self.world.commits.get(sha)?.files.get(path) else {
            return Some(not_found("File"));
        };
        let last = self.last_change(sha, path);
        Some(Reply(
            200,
            json!({ "file_path": path, "blob_id": blob_id(content), "last_commit_id": last, "encoding": "base64",
                "content": STANDARD.encode(content) }),
        ))
    }

    /// The newest commit, going back from this one, in which the file came to be as it is.
    fn last_change(&self, from: &str, path: &str) -> String {
        let commit = &self.world.commits[from];
        let same = |parent: &&String| self.world.commits[*parent].files.get(path) == commit.files.get(path);
        match commit.parents.iter().find(same) {
            Some(parent) => self.last_change(parent, path),
            None => from.to_owned(),
        }
    }

    /// "Merge base": here only whether one contains the other.
    fn merge_base(self, call: &Call) -> Option<Reply> {
        let refs: Vec<&str> = call
            .query
            .iter()
            .filter(|(name, _)| name == "refs[]")
            .map(|(_, value)| value.as_str())
            .collect();
        let [one, other] = refs[..] else { return None };
        let base = if self.world.is_before(one, other) {
            one
        } else {
            "0000000000000000000000000000000000000000"
        };
        Some(Reply(200, json!({ "id": base })))
    }

    /// "Create a commit with multiple files and actions", with one file and never forced
    fn commit(self, call: &Call) -> Option<Reply> {
        let fields = [
            "branch",
            "start_sha",
            "commit_message",
            "actions",
            "author_name",
            "author_email",
            "force",
        ];
        if !call.has_only(&fields) || call.body["force"] != false {
            return None;
        }
        let branch = call.text("branch");
        let tip = match (self.world.branches.get(&branch), call.body.get("start_sha")) {
            (Some(_), Some(_)) => {
                let message = format!(
                    "A branch called '{branch}' already exists. Switch to that branch in order to make changes"
                );
                return Some(bad(&message));
            }
            (Some(tip), None) => tip.clone(),
            (None, Some(start)) => start.as_str()?.to_owned(),
            (None, None) => return Some(bad("You can only create or edit files when you are on a branch")),
        };
        let [action] = &call.body["actions"].as_array()?[..] else {
            return None;
        };
        let path = action["file_path"].as_str()?.to_owned();
        let mut files = self.world.commits.get(&tip)?.files.clone();
        if let Some(known) = action.get("last_commit_id")
            && *known != self.last_change(&tip, &path).as_str()
        {
            return Some(bad(
                "You are attempting to update a file that has changed since you started editing it.",
            ));
        }
        let content = action["content"].as_str().map(str::to_owned);
        match (action["action"].as_str()?, files.get(&path), content) {
            ("create", Some(_), _) => return Some(bad("A file with this name already exists")),
            ("update" | "delete", None, _) => return Some(bad("A file with this name doesn't exist")),
            ("create", None, Some(content)) => files.insert(path, (PLAIN.to_owned(), content)),
            ("update", Some(_), Some(content)) => files.insert(path, (PLAIN.to_owned(), content)),
            ("delete", Some(_), None) => files.remove(&path),
            _ => return None,
        };
        let author = call.body.get("author_name");
        let author = author.map(|name| (name.to_string(), call.body["author_email"].to_string()));
        let commit = Commit {
            parents: vec![tip],
            files,
            message: call.text("commit_message"),
            author,
        };
        let id = self.world.commit(commit);
        self.world.branches.insert(branch, id.clone());
        Some(Reply(201, json!({ "id": id })))
    }
}

fn not_found(what: &str) -> Reply {
    Reply(404, json!({ "message": format!("404 {what} Not Found") }))
}

fn bad(message: &str) -> Reply {
    Reply(400, json!({ "message": message }))
}
