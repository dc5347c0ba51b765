//! `make demo` as people meet it: twice at once, and interrupted.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use vagus_e2e::{paths, process::signal};

/// The demo with a mark in its environment that every child inherits.
fn demo(mark: &str) -> Command {
    let mut command = Command::new(paths::root().join("target/debug/world"));
    command.arg("demo").env("VAGUS_TEST_MARK", mark).stdin(Stdio::null());
    command
}

/// Processes that carry the mark.
fn marked(mark: &str) -> Vec<String> {
    let wanted = format!("VAGUS_TEST_MARK={mark}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environ.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes()) {
            let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            found.push(format!("{} {}", entry.file_name().to_string_lossy(), name.trim()));
        }
    }
    found
}

/// Ends when nobody carries the mark. What deploys venues ends by itself when its chain is gone, which takes it long on a
/// busy machine.
fn gone(mark: &str) {
    let started = Instant::now();
    while !marked(mark).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "still there: {:?}", marked(mark));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn two_demos_at_once_end_alike_and_leave_nothing() {
    let run =
        |mark: &str| demo(mark).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let both = [("at-once-1", run("at-once-1")), ("at-once-2", run("at-once-2"))];
    let mut last_lines = Vec::new();
    for (mark, child) in both {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains('\u{1b}'), "colours in a pipe");
        last_lines.push(said.lines().last().unwrap().to_owned());
        gone(mark);
    }
    assert_eq!(last_lines[0], last_lines[1]);
    let line = &last_lines[0];
    let words: Vec<&str> = line.split(' ').collect();
    let [
        "demo:",
        "ok,",
        rebalances,
        "rebalances,",
        holds,
        "holds,",
        "0",
        "refusals,",
        "income",
        gain,
        "%",
        "over",
        "standing",
        "still",
    ] = words[..]
    else {
        panic!("the last line has another form: {line}");
    };
    assert!(rebalances.parse::<u32>().unwrap() > 0 && holds.parse::<u32>().unwrap() > 0, "{line}");
    let (whole, hundredths) = gain.strip_prefix('+').unwrap().split_once('.').unwrap();
    assert!(whole.parse::<u32>().is_ok() && hundredths.len() == 2, "{line}");
}

#[test]
fn an_interrupted_demo_says_so_and_leaves_nothing() {
    for (name, after) in [("INT", 1_500), ("TERM", 7_000), ("KILL", 7_000)] {
        let mark = format!("interrupted-{name}");
        let mut child = demo(&mark).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        assert!(child.try_wait().unwrap().is_none(), "the demo ended before it was interrupted");
        signal(child.id(), name).unwrap();
        let status = child.wait().unwrap();
        if name != "KILL" {
            assert_eq!(status.code(), Some(130), "{name}");
        }
        gone(&mark);
    }
}
