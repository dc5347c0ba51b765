//! `keeper policy` without a chain: what a file says by itself.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::bad_input::run;

const SOUND: &str = include_str!("../data/policy.toml");

fn ask(folder: &Path, file: &str, options: &[&str]) -> Output {
    let path = folder.join(file).display().to_string();
    run(&[&["policy", "validate", &path], options].concat())
}

fn desk(change: impl FnOnce(String) -> String) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("policy.toml"), change(SOUND.to_owned())).expect("written");
    folder
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one document")
}

fn changed(text: String, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text, |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from:?} stands once");
        text.replace(from, to)
    })
}

#[test]
fn a_sound_file_needs_no_chain_and_says_what_a_stolen_key_costs() {
    let folder = desk(|text| text);
    let output = ask(folder.path(), "policy.toml", &["--strict"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let page = String::from_utf8(output.stdout).expect("text");
    assert!(page.contains("by itself: nothing to find fault with."), "{page}");
    // 0.1 % of loss and 2 × 1 % of all turnover; the window is a day.
    let promise = "The key of keeper: measured loss of at most 0.1 % of the treasury at once and 0.2 % within a day; where \
                   an accomplice can move the price of a strategy inside its band, at most 2 % more at once and 4 % within a \
                   day.";
    assert!(page.contains(promise), "{page}");
    let json = told(&ask(folder.path(), "policy.toml", &["--json"]));
    assert_eq!((&json["schema"], &json["vault"]), (&1.into(), &Value::Null));
    assert_eq!(json["promises"][0]["loss_in_a_day_e8"], "200000");
    assert_eq!(json["promises"][0]["pushed_at_once_e8"], "2000000");
}

#[test]
fn every_finding_has_its_place_and_errors_end_with_their_code() {
    let folder = desk(|text| {
        changed(
            text,
            &[
                ("max_nav_age = \"1h\"", "max_nav_age = \"2h\""),
                ("min_idle = \"5 %\"", "min_idle = \"96 %\""),
                ("max_loss = \"0.2 %\" ", "max_loss = \"0 %\" "),
            ],
        )
    });
    let output = ask(folder.path(), "policy.toml", &["--json"]);
    assert_eq!(output.status.code(), Some(14));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.trim_end().ends_with("policy.toml: 2 errors, 2 warnings."), "{said}");
    let json = told(&output);
    let found: Vec<(&str, &str, u64)> = json["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            let text = |key: &str| it[key].as_str().expect("text");
            (text("severity"), text("code"), it["line"].as_u64().expect("a line"))
        })
        .collect();
    let text = fs::read_to_string(folder.path().join("policy.toml")).expect("read");
    let lines = |key: &str| -> Vec<u64> {
        let numbered = (1..).zip(text.lines()).filter(|(_, line)| line.starts_with(key));
        numbered.map(|(number, _)| number).collect()
    };
    let line = |key: &str| lines(key)[0];
    let agent_loss = lines("max_loss")[1];
    assert_eq!(
        found,
        [
            ("error", "LossZero", line("max_loss")),
            ("error", "MinimumsUnmeetable", line("min_idle")),
            ("warning", "NavAgeLong", line("max_nav_age")),
            ("warning", "AgentBudgetBeyondVault", agent_loss),
        ]
    );
}

#[test]
fn warnings_fail_only_where_that_is_asked_for() {
    let folder = desk(|text| changed(text, &[("max_nav_age = \"1h\"", "max_nav_age = \"2h\"")]));
    assert_eq!(ask(folder.path(), "policy.toml", &[]).status.code(), Some(0));
    assert_eq!(ask(folder.path(), "policy.toml", &["--strict"]).status.code(), Some(14));
}

#[test]
fn two_files_are_compared_without_a_chain() {
    let folder = desk(|text| text);
    let other = changed(SOUND.to_owned(), &[("policy_delay = \"1d\"", "policy_delay = \"12h\"")]);
    fs::write(folder.path().join("other.toml"), other).expect("written");
    let side = |name: &str| folder.path().join(name).display().to_string();
    let (before, after) = (side("policy.toml"), side("other.toml"));
    let json = told(&run(&["policy", "diff", &before, &after, "--json"]));
    assert_eq!(
        (&json["is_at_once"], &json["wait"]["delay_seconds"]),
        (&false.into(), &86_400.into())
    );
    let change = &json["changes"][0];
    assert_eq!((&change["of"], &change["limit"]), (&"limits".into(), &"policy_delay".into()));
    assert_eq!((&change["before"], &change["after"]), (&"1d".into(), &"12h".into()));
    let back = told(&run(&["policy", "diff", &after, &before, "--json"]));
    assert_eq!(back["wait"]["delay_seconds"], 43_200, "what is in force says how long");
    assert_eq!(back["changes"][0]["effect"], "waits", "the delay waits in either direction");
}

#[test]
fn a_file_is_begun_from_answers_without_a_chain() {
    use std::io::Write as _;
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("new.toml").display().to_string();
    let mut keeper = std::process::Command::new(env!("CARGO_BIN_EXE_keeper"))
        .args(["policy", "new", &file])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("runs");
    let answers = "USDC\n6\n25_000_000\naave\n0x00000000000000000000000000000000000000aa\n6\n60\ndone\n\n\n\n\
                   0x00000000000000000000000000000000000000ad\n";
    let mut stdin = keeper.stdin.take().expect("open");
    stdin.write_all(answers.as_bytes()).expect("written");
    drop(stdin);
    assert_eq!(keeper.wait().expect("ends").code(), Some(0));
    let output = ask(folder.path(), "new.toml", &["--strict"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    // Without answers nothing is written.
    let none = folder.path().join("none.toml");
    let output = run(&["policy", "new", &none.display().to_string()]);
    assert_eq!((output.status.code(), none.exists()), (Some(2), false));
}

#[test]
fn every_code_of_a_finding_is_documented_once() {
    let page = include_str!("../../../../docs/operations/policy.md");
    let documented: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split('`').next())
        .collect();
    let codes = vagus_policy::review::Code::ALL.map(|code| format!("{code:?}"));
    assert_eq!(documented, codes);
}
