//! A past that real contracts made, gone through again: the same decisions by their hashes, the same positions by the
//! venues' formulas.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use vagus_e2e::{
    keeper::Keeper,
    paths,
    story::{Story, Tenure},
    teller::Teller,
};
use vagus_policy::{ObjectiveKind, toml};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn backtest(folder: &Path, arguments: &[&str]) -> Value {
    let output = std::process::Command::new(paths::keeper().unwrap())
        .current_dir(folder)
        .arg("backtest")
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &Value) -> i128 {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_the_demo_decided_is_decided_again_hash_by_hash() {
    let folder = paths::run_folder("backtest").unwrap();
    let story = Story::open(&folder, Tenure::ToTheEnd, Teller::silent()).await.unwrap();
    let (_, world) = story.tell().await.unwrap();
    let config = folder.join("keeper.toml");
    let past = folder.join("demo.history");
    let file = past.display().to_string();
    let written = Keeper::ask_under(&config, &["journal", "history"], &[&file, "--json"]).unwrap();
    assert!(written.status.success(), "{}", said(&written));
    let again = Keeper::ask_under(&config, &["journal", "history"], &[&file]).unwrap();
    assert_eq!(again.status.code(), Some(2), "what is there is not written over");

    // What the journal says.
    let list = Keeper::ask_under(&config, &["journal", "list"], &["--json", "--limit", "10000"]);
    let list: Value = serde_json::from_slice(&list.unwrap().stdout).unwrap();
    let list = list["decisions"].as_array().unwrap();
    let rebalances = list.iter().filter(|line| line["is_rebalance"] == true).count();

    let told = backtest(&folder, &[&file]);
    let one = &told["backtests"][0];
    let compared = &one["compared"];
    println!("{compared:#}");
    assert_eq!(compared["first_difference"], Value::Null, "{compared:#}");
    assert_eq!(compared["own_from"], Value::Null, "{compared:#}");
    assert_eq!(compared["same"], compared["decisions"]);
    let records = compared["same"].as_u64().unwrap() + compared["taken_over"].as_u64().unwrap();
    assert_eq!(records, list.len() as u64, "{compared:#}");
    assert!(compared["same"].as_u64().unwrap() >= list.len() as u64 * 3 / 4, "{compared:#}");
    // The newest record of the journal is the last that came out.
    assert_eq!(one["head"], list[0]["decision"]);

    // What the formulas make of each rebalance is what the venues made of it, but for rounding.
    assert!(compared["executions"].as_u64().unwrap() >= rebalances as u64 / 2, "{compared:#}");
    assert!(number(&compared["largest_gap"]) <= 2, "{compared:#}");

    // The result is the one that `keeper report` finds on the chain, between the same blocks.
    let (first, last) = (&told["history"]["first_block"], &told["history"]["last_block"]);
    let range = ["--from", &first.to_string(), "--to", &last.to_string(), "--json"];
    let report = Keeper::ask(&config, "report", &range).unwrap();
    let chain: Value = serde_json::from_slice(&report.stdout).unwrap();
    let ours = &one["report"];
    assert_eq!(ours["opening"]["assets"], chain["opening"]["assets"]);
    assert_eq!(ours["closing"]["assets"], chain["closing"]["assets"]);
    let of = |report: &Value, key: &str| number(&report["result"][key]);
    assert_eq!(
        of(ours, "held") + of(ours, "decided") + of(ours, "gained_flows"),
        of(ours, "result")
    );
    let moved = |report: &Value| {
        let rows = report["decisions"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["action"] == "rebalance" && !row["decision"].is_null());
        rows.map(|row| row["decision"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(moved(ours), moved(&chain));

    // Another policy over the same past: less may be moved, and something else comes of it.
    let policies = told["history"].clone();
    assert!(policies["hash"].is_string());
    let policy = world.policies.first().unwrap().1;
    assert_eq!(policy.objective.kind, ObjectiveKind::Yield);
    let mut tight = policy.clone();
    tight.limits.max_turnover_bps /= 4;
    for agent in &mut tight.agents {
        agent.max_turnover_bps = agent.max_turnover_bps.min(tight.limits.max_turnover_bps);
    }
    let token = &world.venues.asset;
    let context = toml::Context::new(token.symbol.clone(), token.decimals);
    fs::write(folder.join("tight.toml"), toml::render(&tight, &context)).unwrap();
    fs::write(folder.join("first.toml"), toml::render(&policy, &context)).unwrap();
    let told = backtest(
        &folder,
        &[&file, "--policy", "first.toml", "--policy", "tight.toml", "--recorded"],
    );
    let all = told["backtests"].as_array().unwrap();
    assert_eq!(all[0], *one, "beside others it is the same");
    assert_ne!(all[1]["report"]["result"], all[2]["report"]["result"]);
    for one in all {
        let report = &one["report"];
        assert_eq!(
            of(report, "held") + of(report, "decided") + of(report, "gained_flows"),
            of(report, "result")
        );
    }
    // A preview of the same file says the same of the past, beside the treasury as it stands.
    let tight = folder.join("tight.toml").display().to_string();
    let asked = [tight.as_str(), "--backtest", &file, "--json"];
    let preview = Keeper::ask_under(&config, &["policy", "preview"], &asked).unwrap();
    assert_eq!(preview.status.code(), Some(0), "{}", said(&preview));
    let preview: Value = serde_json::from_slice(&preview.stdout).unwrap();
    let past = preview["backtests"].as_array().expect("of both policies");
    assert_eq!((past.len(), &past[0]["head"]), (2, &all[0]["head"]));
    assert_eq!(past[1]["report"]["result"], all[2]["report"]["result"]);
    let shown = Keeper::ask_under(&config, &["policy", "preview"], &asked[..3]).unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("Held fixed:") && shown.contains("on vault treasury at block"),
        "{shown}"
    );

    // Under the first policy the decisions agree up to the block at which governance changed it.
    let compared = &all[1]["compared"];
    assert!(compared["same"].as_u64().unwrap() > 0, "{compared:#}");
    assert!(compared["own_from"].is_u64(), "{compared:#}");
    assert_eq!(compared["first_difference"], Value::Null, "{compared:#}");

    // A policy that says the same of everything that is decided, but is another document: from the first block on the
    // positions are the formulas' alone. They come to what the real contracts came to, but for a unit or two a leg.
    let changed = compared["own_from"].as_u64().unwrap();
    let until = (changed - 1).to_string();
    let chapter = folder.join("chapter.history").display().to_string();
    let written =
        Keeper::ask_under(&config, &["journal", "history"], &[&chapter, "--to", &until]).unwrap();
    assert!(written.status.success(), "{}", said(&written));
    let mut alike = policy.clone();
    alike.limits.deposit_cap += 1;
    fs::write(folder.join("alike.toml"), toml::render(&alike, &context)).unwrap();
    let told = backtest(&folder, &[&chapter, "--policy", "alike.toml", "--recorded"]);
    let [real, own] = [&told["backtests"][0], &told["backtests"][1]];
    assert_eq!(real["compared"]["own_from"], Value::Null);
    assert_eq!(own["compared"]["own_from"], told["history"]["first_block"]);
    let executed = own["followed"]["executed"].as_i64().unwrap();
    assert!(executed >= 3, "{}", own["followed"]);
    assert_eq!(own["followed"]["reverted"], 0);
    let moved = |one: &Value| {
        let rows = one["report"]["decisions"].as_array().unwrap().iter();
        rows.map(|row| (row["block"].clone(), row["reason"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(moved(own), moved(real), "other blocks or reasons");
    let closing = |one: &Value| number(&one["report"]["closing"]["assets"]);
    let apart = (closing(own) - closing(real)).abs();
    println!("{apart} units apart after {executed} rebalances");
    assert!(apart <= i128::from(executed) * 8, "{apart} units apart after {executed} rebalances");
}
