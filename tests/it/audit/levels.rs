//! `backend.auditor` as Backstage reads it.

use crate::support::{app::backend_section, binary::Binary};

#[test]
fn a_level_nobody_knows_stops_the_start_and_names_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let auditor = "  auditor: { severityLogLevelMappings: { low: loud, high: 3 } }\n";
    let config = format!("{}{auditor}", backend_section());
    std::fs::write(folder.path().join("app-config.yaml"), config).unwrap();
    let (status, printed) = Binary::start(folder.path(), &["serve"], &[]).ended();
    assert_eq!(status.code(), Some(64), "{printed}");
    for severity in ["low", "high"] {
        let key = format!("backend.auditor.severityLogLevelMappings.{severity}");
        assert!(printed.contains(&key), "{printed}");
    }
}
