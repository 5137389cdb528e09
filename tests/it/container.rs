//! What the image and the deployment examples promise, read from their files; no container engine is needed.

use std::path::Path;

use serde_json::Value;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The instructions of a Dockerfile: continued lines joined, comments left out.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    lines
        .join("\n")
        .replace("\\\n", " ")
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(word, rest)| (word.to_owned(), rest.trim().to_owned()))
        .collect()
}

/// The instructions of the last stage: what ships.
fn shipped(text: &str) -> Vec<(String, String)> {
    let all = instructions(text);
    let last = all.iter().rposition(|(word, _)| word == "FROM").unwrap();
    all[last..].to_vec()
}

/// What is wrong with an image that should run without root and without a shell.
fn faults_of_image(text: &str) -> Vec<&'static str> {
    let shipped = shipped(text);
    let argument = |wanted: &str| {
        shipped
            .iter()
            .rev()
            .find(|(word, _)| word == wanted)
            .map(|(_, rest)| rest.as_str())
    };
    let user = argument("USER").unwrap_or("root");
    let user_id = user.split(':').next().and_then(|id| id.parse::<u32>().ok());
    let exec_form = |wanted: &str| argument(wanted).is_some_and(|rest| rest.starts_with('['));
    let health = argument("HEALTHCHECK").unwrap_or_default();
    let checks = [
        (user_id.is_some_and(|id| id > 0), "USER is a number other than 0"),
        (
            exec_form("ENTRYPOINT") && exec_form("CMD"),
            "ENTRYPOINT and CMD need no shell",
        ),
        (
            health.contains("CMD [\"/usr/local/bin/stagedoor\", \"healthcheck\"]"),
            "HEALTHCHECK is the binary, without a shell",
        ),
        (argument("RUN").is_none(), "the last stage runs nothing"),
        (
            argument("FROM").is_some_and(|image| image.contains("distroless")),
            "the base has no shell",
        ),
        (
            text.contains("--profile dist --locked"),
            "the build keeps to the lock file",
        ),
        (argument("EXPOSE") == Some("7007"), "the port is told"),
        (
            argument("VOLUME").is_some_and(|volume| volume.contains("/var/lib/stagedoor")),
            "state has a volume",
        ),
    ];
    checks
        .iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, rule)| *rule)
        .collect()
}

#[test]
fn the_image_runs_without_root_and_without_a_shell() {
    assert_eq!(faults_of_image(&read("Dockerfile")), Vec::<&str>::new());
}

#[test]
fn an_image_with_root_or_a_shell_is_noticed() {
    let good = read("Dockerfile");
    for (from, to) in [
        ("USER 65532:65532", "USER root"),
        ("USER 65532:65532", "USER 0"),
        (
            "CMD [\"/usr/local/bin/stagedoor\", \"healthcheck\"]",
            "CMD stagedoor healthcheck",
        ),
        (
            "ENTRYPOINT [\"/usr/local/bin/stagedoor\"]",
            "ENTRYPOINT stagedoor",
        ),
        ("WORKDIR /etc/stagedoor", "RUN apt-get install -y bash"),
        ("gcr.io/distroless/cc-debian12:nonroot", "debian:12"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from} is not in the Dockerfile");
        assert_eq!(faults_of_image(&bad).len(), 1, "{to}");
    }
}

#[test]
fn the_build_sees_everything_it_copies() {
    let ignored = read(".dockerignore");
    for (word, rest) in instructions(&read("Dockerfile")) {
        if word != "COPY" || rest.starts_with("--from") {
            continue;
        }
        let mut sources: Vec<&str> = rest.split_whitespace().collect();
        sources.pop();
        for source in sources {
            assert!(
                ignored.lines().any(|line| line == format!("!{source}")),
                "{source} is ignored"
            );
        }
    }
}

fn documents(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    documents
        .iter()
        .find(|document| document["kind"] == kind)
        .unwrap_or_else(|| panic!("no {kind}"))
}

#[test]
fn the_kubernetes_example_is_probed_bounded_and_may_write_its_state_only() {
    let documents = documents("deploy/kubernetes/stagedoor.yaml");
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    assert!(container["resources"]["limits"]["memory"].is_string());
    for (probe, health) in [("readinessProbe", "readiness"), ("livenessProbe", "liveness")] {
        let path = &container[probe]["httpGet"]["path"];
        assert_eq!(path, &format!("/.backstage/health/v1/{health}"));
    }
    let mounts = container["volumeMounts"].as_array().unwrap();
    let writable: Vec<&Value> = mounts.iter().filter(|mount| mount["readOnly"] != true).collect();
    assert_eq!(writable.len(), 2, "state and tmp: {writable:?}");
}

/// A quantity of Kubernetes in bytes, as the example writes them.
fn mebibytes(quantity: &Value) -> u64 {
    let text = quantity.as_str().unwrap_or_else(|| panic!("no size: {quantity}"));
    text.strip_suffix("Mi").unwrap().parse().unwrap()
}

#[test]
fn the_kubernetes_example_bounds_what_it_may_use() {
    let documents = documents("deploy/kubernetes/stagedoor.yaml");
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    let limits = &pod["containers"][0]["resources"]["limits"];
    let size = |name: &str| {
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == name).unwrap();
        mebibytes(&volume["emptyDir"]["sizeLimit"])
    };
    // The one counts as memory, the other as storage; both leave room for the process.
    assert!(size("tmp") <= mebibytes(&limits["memory"]) / 4);
    assert!(size("state") < mebibytes(&limits["ephemeral-storage"]));
}

#[test]
fn the_kubernetes_example_says_who_may_connect_and_where_to() {
    let documents = documents("deploy/kubernetes/stagedoor.yaml");
    let policy = &of_kind(&documents, "NetworkPolicy")["spec"];
    let deployment = &of_kind(&documents, "Deployment")["spec"];
    assert_eq!(policy["podSelector"], deployment["selector"]);
    assert_eq!(policy["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    for rule in policy["ingress"].as_array().unwrap() {
        let container = &deployment["template"]["spec"]["containers"][0];
        assert_eq!(rule["ports"][0]["port"], container["ports"][0]["name"]);
        assert!(
            !rule["from"].as_array().unwrap().is_empty(),
            "not everybody: {rule}"
        );
    }
    let ports: Vec<u64> = policy["egress"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|rule| rule["ports"].as_array().unwrap())
        .map(|port| port["port"].as_u64().unwrap())
        .collect();
    assert_eq!(ports, [53, 53, 7007, 443, 6443]);
}

#[test]
fn the_kubernetes_example_names_one_port_throughout() {
    let documents = documents("deploy/kubernetes/stagedoor.yaml");
    let container = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let port = container["ports"][0]["containerPort"].as_u64().unwrap();
    assert_eq!(of_kind(&documents, "Service")["spec"]["ports"][0]["port"], port);
    let overlay = of_kind(&documents, "ConfigMap")["data"]["app-config.stagedoor.yaml"]
        .as_str()
        .unwrap();
    let overlay: Value = serde_saphyr::from_str(overlay).unwrap();
    assert_eq!(overlay["stagedoor"]["listen"], format!(":{port}"));
    assert!(
        overlay["discovery"].is_null(),
        "a list would replace the portal's own"
    );
    let text = include_str!("../../deploy/kubernetes/stagedoor.yaml");
    assert!(text.contains(&format!("internal: http://stagedoor:{port}/api/{{{{pluginId}}}}")));
}

#[test]
fn the_compose_example_is_read_only_and_checks_itself_with_the_files_it_serves() {
    let documents = documents("deploy/compose/compose.yaml");
    let service = &documents[0]["services"]["stagedoor"];
    assert_eq!(service["read_only"], true);
    assert!(service["mem_limit"].is_string());
    let words = |key: &Value| -> Vec<String> {
        let listed = key.as_array().unwrap().iter();
        listed
            .map(|word| word.as_str().unwrap().to_owned())
            .filter(|word| word.starts_with("--config"))
            .collect()
    };
    assert_eq!(words(&service["healthcheck"]["test"]), words(&service["command"]));
    assert_eq!(service["healthcheck"]["test"][0], "CMD", "no shell");
}
