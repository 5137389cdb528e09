//! The files of `docs/backstage.md`, as a reader would copy them.

use std::path::Path;

use crate::support::binary::Binary;

/// The variable that the document's app-config has for both.
pub(super) const FEED_SECRET: (&str, &str) = (
    "STAGEDOOR_FEED_SECRET",
    "0ddba11c0ffee0123456789abcdef0123456789abcdef012",
);

/// How a portal and Stagedoor stand to each other; each is a section of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Stagedoor beside Backstage.
    Alongside,
    /// Stagedoor is the portal's address.
    InFront,
}

impl Shape {
    /// The first line of its app-config.
    fn heading(self) -> &'static str {
        match self {
            Self::Alongside => "# app-config.yaml, alongside\n",
            Self::InFront => "# app-config.yaml, in front\n",
        }
    }

    /// The ports that the document gives to Backstage and to Stagedoor.
    fn documented_ports(self) -> [&'static str; 2] {
        match self {
            Self::Alongside => ["7007", "7008"],
            Self::InFront => ["7008", "7007"],
        }
    }

    /// The document's app-config with other ports, those of Backstage and of Stagedoor, and only on loopback.
    pub(super) fn app_config(self, ports: [u16; 2]) -> String {
        let mut text = block(self.heading());
        // In two steps: a new port may look like an old one.
        for (documented, mark) in self.documented_ports().into_iter().zip(["<theirs>", "<ours>"]) {
            let anywhere = format!("listen: ':{documented}'");
            assert!(text.contains(&anywhere), "it says where to listen: {anywhere}");
            text = text.replace(&anywhere, &format!("listen: '127.0.0.1:{mark}'"));
            text = text.replace(&format!(":{documented}"), &format!(":{mark}"));
        }
        let [theirs, ours] = ports.map(|port| port.to_string());
        text.replace("<theirs>", &theirs).replace("<ours>", &ours)
    }
}

/// The document's Templates.
pub(super) fn templates() -> String {
    block("# templates.yaml\n")
}

/// What the document's table says that the task page shows in this case.
pub(super) fn task_page(what: &str) -> String {
    let text = text();
    let row = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("| {what} | `")));
    let row = row.unwrap_or_else(|| panic!("docs/backstage.md does not say what is shown when {what}"));
    row.trim_end_matches("` |").to_owned()
}

fn text() -> String {
    read("docs/backstage.md")
}

/// Reads a file of the project.
pub(super) fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The YAML block that begins with this line.
fn block(first_line: &str) -> String {
    let text = text();
    let mut blocks = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let found = blocks.find(|block| block.starts_with(first_line));
    found
        .unwrap_or_else(|| panic!("docs/backstage.md has no block {first_line}"))
        .to_owned()
}

#[test]
fn the_ports_of_a_documented_file_are_replaced_and_nothing_else() {
    for shape in [Shape::Alongside, Shape::InFront] {
        let same = shape.documented_ports().map(|port| port.parse().unwrap());
        let unchanged = shape.app_config(same).replace("127.0.0.1:", ":");
        assert_eq!(unchanged, block(shape.heading()));
        let moved = shape.app_config([17007, 17008]);
        assert!(moved.contains("'127.0.0.1:17007'") && moved.contains("'127.0.0.1:17008'"));
        assert!(!moved.contains(":7007") && !moved.contains(":7008"), "{moved}");
    }
}

#[test]
fn the_documented_files_pass_our_own_check() {
    for shape in [Shape::Alongside, Shape::InFront] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app-config.yaml"), block(shape.heading())).unwrap();
        let environment = [
            ("SPACELIFT_API_KEY_ID", "id"),
            ("SPACELIFT_API_KEY_SECRET", "secret"),
            ("PLATFORM_URL", "https://kubernetes.example.org"),
            ("PLATFORM_TOKEN", "token"),
            ("REQUESTS_REPOSITORY", "https://git.example.org/requests.git"),
            ("REQUESTS_USERNAME", "robot"),
            ("REQUESTS_TOKEN", "token"),
            FEED_SECRET,
        ];
        let arguments = ["config", "check", "--config=app-config.yaml"];
        let (status, printed) = Binary::start(folder.path(), &arguments, &environment).ended();
        assert!(status.success(), "{shape:?}: {printed}");
    }
}
