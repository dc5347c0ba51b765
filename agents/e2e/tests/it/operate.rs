//! The keeper as an operator's tools see it, while it works on a real chain.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use vagus_e2e::{
    ask::{free_address, get, sample, until},
    keeper::Keeper,
    paths, playground, process,
};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn metrics_and_readiness_follow_the_keeper() {
    let folder = paths::run_folder("test").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let address = free_address().await.unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[http]\nlisten = \"{address}\"\n")).unwrap();
    assert!(get(&address, "/health").await.is_err(), "something listens there already");

    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(12).await.unwrap();
    let ready = until(&address, "/ready", 200, PATIENCE).await.unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["ready"], true, "{ready}");
    world.clock.advance(60).await.unwrap();

    // What the chain says and what the keeper says is the same.
    let head = world.clock.chain.head().await.unwrap();
    let mut metrics = String::new();
    for _ in 0..100 {
        metrics = until(&address, "/metrics", 200, PATIENCE).await.unwrap();
        // A round shows its head when it is over.
        if sample(&metrics, "vagus_head_number") == Some(head.number.to_string()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let vault = "{chain=\"local\",vault=\"treasury\"";
    let number = |start: &str| sample(&metrics, start);
    assert_eq!(number("vagus_head_number"), Some(head.number.to_string()), "{metrics}");
    assert_eq!(number("vagus_blocks_behind"), Some("0".to_owned()));
    let income = format!("vagus_decisions_total{vault},reason=\"Income\"");
    assert_eq!(number(&income).as_deref(), Some("1"), "{metrics}");
    let asked = number("vagus_rpc_requests_total{chain=\"local\",place=\"0\"").unwrap();
    assert!(asked.parse::<u64>().unwrap() > 0);
    let fees = number(&format!("vagus_nav_assets{vault}")).unwrap();
    assert_ne!(fees, "0.0");

    let (status, vaults) = get(&address, "/api/v1/vaults").await.unwrap();
    let vaults: Value = serde_json::from_str(&vaults).unwrap();
    assert_eq!(status, 200);
    let found = vaults["vaults"][0]["address"].as_str().unwrap().to_lowercase();
    assert_eq!(found, format!("{:#x}", world.treasury.vault));
    let (status, list) = get(&address, "/api/v1/vaults/treasury/decisions").await.unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((status, &list["decisions"][0]["reason"]), (200, &Value::from("Income")), "{list}");

    world.dismiss().await.unwrap();
    assert!(get(&address, "/health").await.is_err(), "it still listens");
}

#[tokio::test]
async fn a_keeper_stops_in_time_though_its_endpoint_hangs() {
    let folder = paths::run_folder("test").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    // A question may take longer than a stop.
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("poll_ms = 10", "poll_ms = 10\ntimeout_ms = 60000")).unwrap();
    world.hire_with(&config, &[]).unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.settle().await.unwrap();
    let chain = world.clock.chain.id();
    process::signal(chain, "STOP").unwrap();
    // By now it waits for an answer that does not come.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut keeper = world.clock.keeper.take().unwrap();
    // Within ten seconds, and with exit code 0.
    let stopped = tokio::task::spawn_blocking(move || keeper.stop()).await.unwrap();
    process::signal(chain, "CONT").unwrap();
    stopped.unwrap();
}

#[tokio::test]
async fn a_configuration_that_was_asked_for_works() {
    let folder = paths::run_folder("test").unwrap();
    let (world, config) = playground::build(&folder).await.unwrap();
    let deployment = world.deployment.strip_prefix(&folder).unwrap().display().to_string();
    let file = folder.join("asked.toml");
    let agent = Keeper::agent().unwrap().to_string();
    let init = |answers: &[&str]| {
        let mut child = Command::new(paths::keeper().unwrap())
            .args(["init"])
            .arg(&file)
            .env("LOCAL_RPC_URL", &world.clock.chain.url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(answers.join("\n").as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    // Answers run out: nothing is written.
    let output = init(&["nowhere.json", deployment.as_str(), "local\n"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!file.exists());
    // Wrong answers are asked again; an empty one is the default.
    let answers = [
        "nowhere.json",
        deployment.as_str(),
        "lo cal",
        "local",
        "NOT_SET",
        "",
        "0x12",
        agent.as_str(),
        "",
        "",
        "sixty",
        "60",
        "1000",
        "3000",
        "",
    ];
    let output = init(&answers);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("$NOT_SET is not set") && said.contains("a block every"), "{said}");
    let ask = |verb: &str| {
        let output = Command::new(paths::keeper().unwrap())
            .args([verb, "--config"])
            .arg(&file)
            .env("LOCAL_RPC_URL", &world.clock.chain.url)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{verb}: {said}");
        said
    };
    assert!(ask("doctor").contains("the guard refuses nothing of it"));
    assert!(
        ask("plan").contains("MOVE"),
        "the same plan as by the config that was written by hand"
    );
    assert!(config.exists());
    // What is there is not overwritten.
    let before = fs::read(&file).unwrap();
    let output = init(&answers);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read(&file).unwrap(), before);
}

fn doctor(config: &std::path::Path) -> (Option<i32>, Value) {
    let output = Keeper::ask(config, "doctor", &["--json"]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    (output.status.code(), report)
}

fn level(report: &Value, area: &str, subject: &str) -> String {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| {
        finding["area"] == area && finding["subject"].as_str().unwrap().starts_with(subject)
    });
    found.unwrap_or_else(|| panic!("{area}, {subject}: {report:#}"))["level"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_doctor_finds_what_is_wrong_and_asks_the_guard() {
    let folder = paths::run_folder("test").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let (code, report) = doctor(&config);
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)), "{report:#}");
    for (area, subject) in [
        ("key", "agent"),
        ("journal", "database"),
        ("chain local", "endpoint 1"),
        ("chain local", "gas"),
        ("vault treasury", "contracts"),
        ("vault treasury", "policy"),
        ("vault treasury", "may move"),
        ("vault treasury", "smallest move"),
    ] {
        assert_eq!(level(&report, area, subject), "ok", "{area}, {subject}: {report:#}");
    }
    assert_eq!(level(&report, "chain local", "quorum"), "warn");
    assert!(!folder.join("journal.db").exists(), "the doctor made something");

    // Right after a rebalance the guard's own answer is the cooldown.
    world.hire().unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(12).await.unwrap();
    world.dismiss().await.unwrap();
    let (code, report) = doctor(&config);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(level(&report, "vault treasury", "smallest move"), "warn", "{report:#}");
    assert!(report.to_string().contains("the cooldown"), "{report:#}");
    assert_eq!(level(&report, "vault treasury", "records"), "ok");

    // An agent that governance does not know, and an account that cannot pay.
    let text = fs::read_to_string(&config).unwrap();
    let agent = Keeper::agent().unwrap().to_string();
    let other = folder.join("other.toml");
    fs::write(&other, text.replace(&agent, "0x000000000000000000000000000000000000dEaD")).unwrap();
    let (code, report) = doctor(&other);
    assert_eq!((code, &report["ok"]), (Some(10), &Value::Bool(false)), "{report:#}");
    for (area, subject) in [("key", "agent"), ("vault treasury", "mandate"), ("chain local", "gas")]
    {
        assert_eq!(level(&report, area, subject), "fail", "{report:#}");
    }
    // Another chain.
    fs::write(&other, text.replace("chain_id = 31337", "chain_id = 1")).unwrap();
    let (code, report) = doctor(&other);
    assert_eq!(code, Some(10), "{report:#}");
    assert_eq!(level(&report, "chain local", "endpoint 1"), "fail", "{report:#}");
    // The deployment's code is another's.
    let deployment = fs::read_to_string(&world.deployment).unwrap();
    let mut changed: Value = serde_json::from_str(&deployment).unwrap();
    changed["vaults"][0]["codeHashes"]["guard"] = format!("0x{}", "1".repeat(64)).into();
    fs::write(folder.join("changed.json"), changed.to_string()).unwrap();
    let file = world.deployment.strip_prefix(&folder).unwrap().display().to_string();
    fs::write(&other, text.replace(&file, "changed.json")).unwrap();
    let (code, report) = doctor(&other);
    assert_eq!(code, Some(10), "{report:#}");
    assert_eq!(level(&report, "vault treasury", "contracts"), "fail", "{report:#}");
}
