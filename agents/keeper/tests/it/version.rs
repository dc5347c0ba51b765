//! What the binary says of itself.

use std::process::Command;

use crate::bad_input::run;

#[test]
fn the_version_names_commit_and_algorithm() {
    let output = run(&["version", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(json["schema"], 1);
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["algorithm_version"], vagus_allocator::ALGORITHM_VERSION);
    let commit = json["commit"].as_str().expect("a commit");
    let is_hash = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
    assert!(is_hash || commit == "unknown", "{commit}");
    // Where there is a repository the binary knows its commit.
    let git = Command::new("git").args(["cat-file", "-t", commit]).output();
    if let Some(git) = git.ok().filter(|_| is_hash) {
        assert_eq!(String::from_utf8_lossy(&git.stdout).trim(), "commit");
    }
    let text = String::from_utf8(run(&["version"]).stdout).expect("text");
    assert!(text.contains(commit) && text.contains("algorithm"), "{text}");
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        let script = String::from_utf8(output.stdout).expect("text");
        for word in ["run", "plan", "status", "journal", "adopt", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completions", "tea"]).status.code(), Some(2));
}
