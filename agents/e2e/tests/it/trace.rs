//! What a keeper did on a real chain, traced by somebody who has nothing but the binary, a file and an endpoint.

pub(crate) mod earned;
mod leaves;
#[path = "../../../keeper/src/trace/tests/walk.rs"]
mod walk;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;
use vagus_e2e::{
    keeper::Keeper,
    paths,
    story::{Story, Tenure},
    teller::Teller,
};

/// Runs the keeper in a folder of its own with nothing in it, and without what the environment says.
fn alone(arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    Command::new(paths::keeper().unwrap())
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

fn decisions(config: &Path) -> Vec<Value> {
    let output =
        Keeper::ask_under(config, &["journal", "list"], &["--json", "--limit", "10000"]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["decisions"].as_array().unwrap().clone()
}

fn export(config: &Path, decision: &str, file: &Path) -> Value {
    let file = file.display().to_string();
    let output =
        Keeper::ask_under(config, &["journal", "export"], &[decision, &file, "--json"]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A file with one value changed and its own hash put right, as somebody who reads the documentation would.
fn changed(file: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut value: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    change(&mut value);
    let path = file.with_extension("changed.json");
    fs::write(&path, walk::sealed(value)).unwrap();
    path
}

/// Puts the hash of the record at a place right, wherever the file has it.
fn forge(file: &mut Value, place: usize) {
    let old = file.pointer(&format!("/records/{place}/hash")).unwrap().clone();
    let hash = vagus_journal::canonical_hash(&file["records"][place]["record"]).unwrap();
    for name in
        ["/decision", "/outcome/decision", "/anchor/decision", &format!("/records/{place}/hash")]
    {
        // What is not there, or of another record, stays.
        if let Some(value) = file.pointer_mut(name).filter(|value| **value == old) {
            *value = hash.to_string().into();
        }
    }
}

/// A decision of the story as a file.
struct Filed {
    decision: String,
    path: PathBuf,
    /// Place of its own record among those of the file.
    place: usize,
    is_rebalance: bool,
    is_anchored: bool,
}

#[tokio::test]
async fn every_decision_is_traced_in_an_empty_folder_and_what_is_changed_is_found() {
    let folder = paths::run_folder("test").unwrap();
    // The demo's story: a vote, a tightening, a revocation, and whatever the keeper made of it.
    let story = Story::open(&folder, Tenure::ToTheEnd, Teller::silent()).await.unwrap();
    let (_, world) = story.tell().await.unwrap();
    let config = folder.join("keeper.toml");

    let url = world.clock.chain.url.clone();
    let trace = |file: &Path, more: &[&str]| {
        let file = file.display().to_string();
        alone(&[&["trace", "--record", &file, "--rpc", &url], more].concat())
    };
    let list = decisions(&config);
    let mut all = Vec::new();
    for line in &list {
        let decision = line["decision"].as_str().unwrap();
        let file = folder.join(format!("{}.json", &decision[..10]));
        let exported = export(&config, decision, &file);
        assert_eq!(exported["has_policy"], true, "{exported}");
        let output = trace(&file, &[]);
        let page = said(&output);
        assert_eq!(output.status.code(), Some(0), "{page}");
        for part in [
            "What was seen",
            "What was considered",
            "Why this",
            "What it was expected to earn",
            "What it earned",
            "REPRODUCED",
        ] {
            // What no plan was weighed for has none that was expected to earn anything.
            let is_weighed = part != "What it was expected to earn"
                || line["is_rebalance"] == true
                || line["reason"] == "Optimal"
                || line["reason"] == "BelowHurdle";
            assert!(page.contains(part) || !is_weighed, "{part} is missing from\n{page}");
        }
        let is_rebalance = line["is_rebalance"] == true;
        let is_anchored = exported["is_anchored"] == true;
        assert!(is_anchored || !is_rebalance, "{exported}");
        assert_eq!(page.contains("Which limits were near"), is_rebalance, "{page}");
        let filed: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let records = filed["records"].as_array().unwrap();
        let place = records.iter().position(|one| one["hash"] == decision).unwrap();
        let decision = decision.to_owned();
        all.push(Filed { decision, path: file, place, is_rebalance, is_anchored });
    }
    let rebalances = list.iter().filter(|line| line["is_rebalance"] == true).count();
    assert_eq!(rebalances, 7, "{list:#?}");
    for reason in ["Income", "RepairWeight", "Cooldown", "BelowHurdle", "NoMandate"] {
        assert!(list.iter().any(|line| line["reason"] == reason), "{reason}: {list:#?}");
    }

    // The same by an operator: from the transaction, the decision and the block.
    let Filed { decision, path: file, place, .. } =
        all.iter().rfind(|one| one.is_rebalance).expect("a rebalance");
    let place = *place;
    let filed: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let transaction = filed["outcome"]["receipt"]["transaction_hash"].as_str().unwrap().to_owned();
    let hold = list.iter().find(|line| line["blocks"].as_u64() > Some(1)).expect("a run");
    let inside = hold["first_block"].as_u64().unwrap() + 1;
    let asked = [
        (transaction, decision.clone()),
        (decision.clone(), decision.clone()),
        (decision[..12].to_owned(), decision.clone()),
        (inside.to_string(), hold["decision"].as_str().unwrap().to_owned()),
    ];
    for (what, expected) in asked {
        let output = Keeper::ask(&config, "trace", &[&what, "--json"]).unwrap();
        assert_eq!(output.status.code(), Some(0), "{what}: {}", said(&output));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["traces"][0]["decision"], expected, "{what}");
        assert_eq!(json["traces"][0]["verdict"], "reproduced");
    }
    let none = Keeper::ask(&config, "trace", &["1"]).unwrap();
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));

    // Whatever is changed ends with its number.
    let careless = file.with_extension("careless.json");
    let text = fs::read_to_string(file).unwrap();
    fs::write(&careless, text.replacen("\"is_deposit\": true", "\"is_deposit\": false", 1))
        .unwrap();
    assert_eq!(trace(&careless, &[]).status.code(), Some(3));
    let own = format!("/records/{place}/record");
    for (pointer, value, expected) in [
        ("/body/observation/inputs/gas_price_wei", "1", 6),
        ("/body/observation/snapshot/vault/idle", "1", 3),
        ("/body/observation/decision/candidates/0/gain", "1", 6),
        ("/header/lens_code_hash", "0x11", 3),
    ] {
        let with = |is_forged: bool| {
            changed(file, |file| {
                *file.pointer_mut(&format!("{own}{pointer}")).unwrap() = value.into();
                if is_forged {
                    forge(file, place);
                }
            })
        };
        let output = trace(&with(false), &[]);
        assert_eq!(output.status.code(), Some(3), "{pointer}: {}", said(&output));
        let output = trace(&with(true), &["--json"]);
        assert_eq!(output.status.code(), Some(expected), "{pointer}: {}", said(&output));
    }
    // An older version of the algorithm: nothing else differs, and the page says who decides so.
    let hold = all.iter().find(|one| !one.is_anchored).expect("what nothing names yet");
    let older = changed(&hold.path, |file| {
        let record = &mut file["records"][hold.place]["record"];
        record["header"]["algorithm_version"] = 1.into();
        for part in ["first", "last"] {
            if !record["body"][part].is_null() {
                record["body"][part]["decision"]["algorithm_version"] = 1.into();
            }
        }
        forge(file, hold.place);
    });
    let output = trace(&older, &[]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(
        said(&output).contains("eb704a2ed5802b0576804101a084c6254d4d7d26"),
        "{}",
        said(&output)
    );
    earned::check(&config, &all, &|file| trace(file, &["--json"]));
    leaves::check(&url, &all, &|file| trace(file, &[])).await;
    // Nobody to ask.
    let nobody =
        alone(&["trace", "--record", &file.display().to_string(), "--rpc", "http://127.0.0.1:9"]);
    assert_eq!(nobody.status.code(), Some(5), "{}", said(&nobody));
}
