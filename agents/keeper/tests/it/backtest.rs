//! `keeper backtest` from outside: over generated histories, broken off, several policies side by side.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use vagus_backtest::{generate::Generator, history::Writer};
use vagus_policy::{
    Policy,
    toml::{Context, render},
};

fn write_history(file: &Path, seed: u64, count: usize) -> Policy {
    let generator = Generator::new(seed, 4, 300);
    let policy = generator.policy();
    let mut writer = Writer::new(generator.head());
    let mut text = writer.head().expect("a head") + "\n";
    for block in generator.take(count) {
        text.push_str(&writer.block(&block).expect("a line"));
        text.push('\n');
    }
    text.push_str(&writer.end());
    text.push('\n');
    fs::write(file, text).expect("written");
    policy
}

fn write_policy(file: &Path, policy: &Policy) {
    fs::write(file, render(policy, &Context::new("USDC", 6))).expect("written");
}

/// A history and two policies.
struct Past {
    folder: TempDir,
    history: PathBuf,
    wide: PathBuf,
    narrow: PathBuf,
}

impl Past {
    fn new(count: usize) -> Self {
        let folder = TempDir::new().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let (history, wide, narrow) = (at("past.history"), at("wide.toml"), at("narrow.toml"));
        let mut policy = write_history(&history, 3, count);
        write_policy(&wide, &policy);
        for one in &mut policy.strategies {
            one.max_weight_bps = 2_500;
        }
        policy.limits.max_turnover_bps = 1_000;
        policy.agents[0].max_turnover_bps = 1_000;
        write_policy(&narrow, &policy);
        Self { folder, history, wide, narrow }
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keeper"));
        command
            .current_dir(self.folder.path())
            .args(["backtest", &self.history.display().to_string()])
            .args(more);
        command
    }

    fn both<'a>(&'a self, more: &[&'a str]) -> Vec<String> {
        let mut all = Vec::new();
        for policy in [&self.wide, &self.narrow] {
            all.extend(["--policy".to_owned(), policy.display().to_string()]);
        }
        all.extend(more.iter().map(|word| (*word).to_owned()));
        all
    }

    fn run(&self, more: &[String]) -> Output {
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        self.command(&more).output().expect("run")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    serde_json::from_slice(&output.stdout).expect("json")
}

fn amount(value: &Value) -> i128 {
    value.as_str().expect("an amount").parse().expect("a number")
}

#[test]
fn a_history_is_drawn_from_a_seed_and_gone_through() {
    let past = Past::new(60);
    let at = |name: &str| past.folder.path().join(name);
    let go = |file: &str, more: &[&str]| {
        let all = [&["backtest", file], more].concat();
        let mut command = Command::new(env!("CARGO_BIN_EXE_keeper"));
        command.current_dir(past.folder.path()).args(all).output().expect("run")
    };
    let drawn = |file: &str| {
        json(&go(file, &["--generate", "3", "--strategies", "4", "--lines", "60", "--json"]))
    };
    let told = drawn("one.history");
    assert_eq!(told["history"]["lines"], 60);
    assert_eq!(told["backtests"][0]["policy"], "generated");
    assert!(told["backtests"][0]["followed"]["executed"].as_u64() > Some(0), "{told}");
    // A seed is a history: the one that the library draws, and the same again.
    let text = fs::read(at("one.history")).expect("written");
    assert_eq!(text, fs::read(&past.history).expect("written"));
    assert_eq!(drawn("two.history"), told);
    // Later it is a history like any other, and its policy a file like any other.
    let again = json(&go("one.history", &["--policy", "one.toml", "--json"]));
    assert_eq!(again["backtests"][0]["head"], told["backtests"][0]["head"]);
    // What is there is left alone.
    let refused = go("one.history", &["--generate", "4"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("not there yet"), "{}", said(&refused));
    let refused = go("one.csv", &["--generate", "4"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert_eq!(text, fs::read(at("one.history")).expect("there"));
    assert!(!at("one.csv").exists());
    for wrong in [["--generate", "-1"], ["--lines", "5"], ["--strategies", "2"]] {
        assert_eq!(go("new.history", &wrong).status.code(), Some(2), "{wrong:?}");
    }
    for wrong in [["--lines", "1"], ["--strategies", "0"], ["--strategies", "33"]] {
        let output = go("new.history", &[&["--generate", "1"], &wrong[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    assert!(!at("new.history").exists());
}

#[test]
fn policies_stand_side_by_side_each_with_a_report_that_adds_up() {
    let past = Past::new(150);
    let told = json(&past.run(&past.both(&["--json", "--out", "reports"])));
    assert_eq!((&told["schema"], &told["history"]["lines"]), (&1.into(), &150.into()));
    let held_fixed = told["held_fixed"][0].as_str().expect("a sentence");
    assert!(held_fixed.starts_with("Other users do not react"), "{held_fixed}");
    let exact = told["exact"][1].as_str().expect("a sentence");
    assert!(exact.contains("venues' own formulas with our position replaced"), "{exact}");
    let all = told["backtests"].as_array().expect("a list");
    let names: Vec<_> = all.iter().map(|one| one["policy"].as_str().expect("a name")).collect();
    assert_eq!(names, ["wide", "narrow"]);
    assert_ne!(all[0]["head"], all[1]["head"]);
    for one in all {
        let report = &one["report"];
        let of = |key: &str| amount(&report["result"][key]);
        assert_eq!(of("held") + of("decided") + of("gained_flows"), of("result"));
        let credits = report["decisions"].as_array().expect("a list").iter();
        let credits: i128 = credits.map(|row| amount(&row["credit"])).sum();
        assert_eq!(credits, of("decided"));
        assert!(one["followed"]["executed"].as_u64() > Some(0), "{}", one["followed"]);
        let name = one["policy"].as_str().expect("a name");
        let folder = past.folder.path().join("reports");
        let file = fs::read_to_string(folder.join(format!("{name}.json"))).expect("there");
        assert_eq!(&serde_json::from_str::<Value>(&file).expect("json"), report);
        for ending in ["csv", "html"] {
            assert!(folder.join(format!("{name}.{ending}")).exists(), "{name}.{ending}");
        }
    }
    assert_ne!(all[0]["report"]["result"], all[1]["report"]["result"]);
    // Alone each comes to the same as beside another.
    let alone = past.run(&["--policy".into(), past.narrow.display().to_string(), "--json".into()]);
    assert_eq!(json(&alone)["backtests"][0], all[1]);

    let page = past.run(&past.both(&[]));
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    for part in ["wide", "narrow", "Exact:", "Held fixed:", "own from block", "Value at the end"] {
        assert!(page.contains(part), "{part} is missing from\n{page}");
    }
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn what_was_killed_goes_on_and_says_the_same_byte_for_byte() {
    let past = Past::new(1_500);
    let whole = past.run(&past.both(&["--json"]));
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    let with_work = past.both(&["--json", "--resume", "work"]);
    let words: Vec<&str> = with_work.iter().map(String::as_str).collect();
    let work = past.folder.path().join("work");
    let kept = || {
        let files = fs::read_dir(&work).into_iter().flatten().flatten();
        files.filter(|file| file.path().extension().is_some_and(|end| end == "backtest")).count()
    };
    let mut is_killed = false;
    let mut child =
        past.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(120) {
        if kept() == 2 {
            // SIGKILL: nothing is put in order.
            child.kill().expect("killed");
            is_killed = true;
            break;
        }
        if child.try_wait().expect("asked").is_some() {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait().expect("ended");
    assert!(is_killed, "it had ended before it kept anything");
    assert_eq!(kept(), 2);
    let again = past.run(&with_work);
    assert_eq!(again.stdout, whole.stdout);
    assert!(said(&again).contains("wide: goes on after line"), "{}", said(&again));
    assert_eq!(kept(), 0, "what is done is not kept");

    // What was kept of another history is not gone on with.
    let other = Past::new(20);
    fs::create_dir_all(other.folder.path().join("work")).expect("made");
    let fresh = other.run(&other.both(&["--json", "--resume", "work"]));
    assert_eq!(fresh.stdout, other.run(&other.both(&["--json"])).stdout);
    assert!(!said(&fresh).contains("goes on"), "{}", said(&fresh));
}

#[test]
fn what_is_broken_is_refused_in_one_sentence_before_anything_is_gone_through() {
    let past = Past::new(10);
    let text = fs::read_to_string(&past.history).expect("there");
    let lines: Vec<&str> = text.lines().collect();
    let cut = lines[..lines.len() - 1].join("\n");
    let changed = text.replacen("\"idle\":\"1", "\"idle\":\"2", 1);
    assert_ne!(changed, text);
    let cases = [
        ("no history", "line 1 is no head of a history"),
        (cut.as_str(), "the history is cut off after line 11"),
        (changed.as_str(), "the history was changed"),
    ];
    let policy = past.wide.display().to_string();
    let asked = ["--policy".to_owned(), policy, "--out".to_owned(), "reports".to_owned()];
    for (text, words) in cases {
        fs::write(&past.history, text).expect("written");
        let output = past.run(&asked);
        let error = said(&output);
        assert_eq!(output.status.code(), Some(17), "{error}");
        assert!(output.stdout.is_empty());
        let last = error.lines().last().unwrap_or_default();
        assert!(last.contains("past.history: ") && last.contains(words), "{error}");
        assert!(!past.folder.path().join("reports").exists());
    }
    fs::write(&past.history, &text).expect("written");

    let missing = past.run(&["--policy".into(), "nowhere.toml".into()]);
    assert_eq!(missing.status.code(), Some(2), "{}", said(&missing));
    let twice = past.both(&["--policy", "wide.toml"]);
    let twice = past.run(&twice);
    assert_eq!(twice.status.code(), Some(2), "{}", said(&twice));
    assert!(said(&twice).contains("two policies are named wide"), "{}", said(&twice));
    let recorded = past.run(&[]);
    assert_eq!(recorded.status.code(), Some(17), "{}", said(&recorded));
    assert!(
        said(&recorded).contains("holds no policy that was in force; expected --policy FILE"),
        "{}",
        said(&recorded)
    );
    let text = fs::read_to_string(&past.wide).expect("there");
    let other = format!("agent = \"0x{}\"", "a8".repeat(20));
    let lines = text.lines().map(|line| if line.starts_with("agent = ") { &other } else { line });
    let text = lines.collect::<Vec<_>>().join("\n");
    assert!(text.contains(&other), "{text}");
    fs::write(&past.wide, text).expect("written");
    let nobody = past.run(&["--policy".into(), past.wide.display().to_string()]);
    assert_eq!(nobody.status.code(), Some(17), "{}", said(&nobody));
    assert!(said(&nobody).contains("no mandate"), "{}", said(&nobody));
}
