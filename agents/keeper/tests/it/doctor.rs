//! The doctor where nothing is as it should be.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;
use vagus_keeper::exit::Exit;

use crate::bad_input::{Desk, run};

#[test]
fn everything_that_is_wrong_is_found_at_once_and_nothing_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("127.0.0.1:{}", taken.local_addr().unwrap().port());
    let desk = Desk::new(|text| text.replace("127.0.0.1:0", &port));
    fs::write(desk.folder.path().join("agent.password"), "wrong\n").unwrap();
    let keystore = desk.folder.path().join("agent.keystore");
    fs::set_permissions(&keystore, fs::Permissions::from_mode(0o644)).unwrap();
    let config = desk.config.display().to_string();
    let output = run(&["doctor", "--config", &config, "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(Exit::Unfit.number().into()), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!((&report["schema"], &report["ok"]), (&Value::from(1), &Value::Bool(false)));
    let level = |area: &str, subject: &str| {
        let all = report["findings"].as_array().expect("findings");
        let one = all.iter().find(|finding| {
            finding["area"] == area && finding["subject"].as_str().unwrap().starts_with(subject)
        });
        let one = one.unwrap_or_else(|| panic!("{area}, {subject}: {report:#}"));
        let is_ok = one["level"] == "ok";
        assert_eq!(one["remedy"].is_null(), is_ok, "what to do: {one}");
        one["level"].as_str().unwrap().to_owned()
    };
    assert_eq!(level("program", "version"), "ok");
    assert_eq!(level("key", "keystore"), "warn");
    assert_eq!(level("key", "agent"), "fail");
    assert_eq!(level("journal", "database"), "ok");
    assert_eq!(level("http", "listen"), "warn");
    assert_eq!(level("chain mainnet", "endpoint 1"), "fail");
    assert_eq!(level("chain mainnet", "quorum"), "fail");
    assert!(!said.contains("secret-key") && !report.to_string().contains("secret-key"));
    assert!(!desk.folder.path().join("journal.db").exists());

    let output = run(&["doctor", "--config", &config]);
    let page = String::from_utf8(output.stdout).expect("text");
    for part in ["FAIL agent", "→ chmod 600", "The keeper cannot work so: 3 to mend", "key\n"] {
        assert!(page.contains(part), "{part} is missing from\n{page}");
    }
}
