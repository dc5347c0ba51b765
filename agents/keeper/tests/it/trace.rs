//! `keeper trace` from outside: what it is asked wrongly, and files that are none.

use std::fs;

use tempfile::TempDir;
use vagus_keeper::exit::Exit;

use crate::{
    bad_input::{Desk, run},
    journal::assert_ends,
};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9/v2/secret-key";

#[test]
fn a_wrong_command_line_is_none_of_the_verdicts() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let none = at("none.json");
    assert_ends(&run(&["trace"]), Exit::Usage, &["Usage"]);
    assert_ends(&run(&["trace", "0x12345678"]), Exit::Usage, &["--config"]);
    assert_ends(
        &run(&["trace", "12x", "--config", "keeper.toml"]),
        Exit::Usage,
        &["a block's number"],
    );
    assert_ends(&run(&["trace", "--record", &none]), Exit::Usage, &["--rpc"]);
    let absent = run(&["trace", "--record", &none, "--rpc", NOWHERE]);
    assert_ends(&absent, Exit::Usage, &["none.json", "cannot be read"]);
    fs::write(at("other.json"), "{}").unwrap();
    let other = run(&["trace", "--record", &at("other.json"), "--rpc", NOWHERE]);
    assert_ends(&other, Exit::Usage, &["other.json", "no file of a decision"]);
    let broken = Desk::new(|text| text.replace("[journal]", "[jurnal]"));
    let config = broken.config.display().to_string();
    assert_ends(&run(&["trace", "7", "--config", &config]), Exit::Usage, &["jurnal"]);
    let empty = Desk::new(|text| text);
    let config = empty.config.display().to_string();
    assert_ends(&run(&["trace", "7", "--config", &config]), Exit::Journal, &["journal.db"]);
}

#[test]
fn a_file_that_was_changed_is_told_from_another_and_no_endpoint_is_asked() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("decision.json");
    fs::write(&file, r#"{"file_version":1,"file_hash":"0x00"}"#).unwrap();
    let file = file.display().to_string();
    let output = run(&["trace", "--record", &file, "--rpc", NOWHERE]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("it was changed") && !said.contains("secret-key"), "{said}");
}
