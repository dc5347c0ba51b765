//! The deployment guide, as somebody who has never done it would follow it: every command is copied out of the page and run.

use std::{fs, net::TcpListener, process::Stdio, time::Duration};

use serde_json::Value;
use vagus_e2e::{paths, process};

const GUIDE: &str = include_str!("../../../../docs/deploying.md");
const LONG_ENOUGH: Duration = Duration::from_secs(400);

/// The commands of the sections whose heading does not speak of another owner.
fn commands(other: &str) -> String {
    let mut commands = String::new();
    for section in GUIDE.split("\n## ") {
        let heading = section.lines().next().unwrap();
        if heading.ends_with(other) {
            continue;
        }
        for block in section.split("```sh\n").skip(1) {
            commands.push_str(block.split_once("```").unwrap().0);
        }
    }
    commands
}

/// With a port and a folder of this run's own; nothing else is changed. What `make setup` makes is there.
fn own(commands: &str, folder: &str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut own = commands.to_owned();
    for (from, to) in [("8545", port.as_str()), ("target/guide", folder), ("make setup\n", "")] {
        assert!(own.contains(from), "{from}");
        own = own.replace(from, to);
    }
    own
}

fn follow(owner: &str, other: &str) {
    let folder = paths::run_folder("test").unwrap();
    let cache = folder.join("cache");
    fs::create_dir_all(&cache).unwrap();
    let built = paths::root().join("cache/solidity-files-cache.json");
    fs::copy(built, cache.join("solidity-files-cache.json")).unwrap();
    let place = folder.strip_prefix(paths::root()).unwrap().to_str().unwrap();
    let script = folder.join("guide.sh");
    let before = "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n";
    fs::write(&script, format!("{before}{}", own(&commands(other), place))).unwrap();

    let log = folder.join("guide.log");
    let mut bash = process::command("bash");
    bash.arg(&script)
        .current_dir(paths::root())
        .env("FOUNDRY_CACHE_PATH", &cache)
        .env("FOUNDRY_BROADCAST", folder.join("broadcast"))
        .env_remove("VAGUS_RPC_URL")
        .stdin(Stdio::null());
    let said =
        process::run(&format!("the guide with a {owner}"), &mut bash, &log, LONG_ENOUGH).unwrap();

    assert!(said.contains("Dry run: nothing is sent and nothing written."), "{said}");
    let verified = said.matches("The chain is as declared").count();
    assert_eq!(verified, 2, "at birth, and with its policy: {said}");
    assert!(!said.contains("DEVIATES"), "{said}");
    let record: Value = serde_json::from_str(
        &fs::read_to_string(folder.join("deployments/31337/guide.json")).unwrap(),
    )
    .unwrap();
    assert_eq!(record["owner"]["kind"], owner);
    // It runs: capital has gone where the policy lets it.
    let status: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("status.json")).unwrap()).unwrap();
    let morpho = &status["vaults"][0]["holdings"][1];
    assert_eq!(morpho["name"], "morpho", "{status}");
    assert_ne!(morpho["assets"], "0", "{status}");
}

#[test]
fn the_guide_leads_to_a_running_treasury_of_a_governor() {
    follow("governor", "with a Safe");
}

#[test]
fn the_guide_leads_to_a_running_treasury_of_a_safe() {
    follow("safe", "with a Governor");
    let batch_is_made = commands("with a Governor").contains("--safe target/guide/batch.json");
    assert!(batch_is_made);
}
