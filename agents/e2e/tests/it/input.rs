//! Bad input gives one clear sentence and a non-zero exit code, before anything is sent.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use vagus_e2e::{ask, keeper::Keeper, paths, playground, world::World};

/// Longest wait for a first decision.
const PATIENCE: Duration = Duration::from_secs(60);

struct Case {
    name: &'static str,
    verb: &'static str,
    change: fn(&str, &World) -> String,
    says: &'static [&'static str],
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the config");
    text.replace(from, to)
}

const CASES: &[Case] = &[
    Case {
        name: "unknown-key",
        verb: "run",
        change: |text, _| replaced(text, "headroom_bps = 10", "headroom_bsp = 10"),
        says: &["unknown-key.toml", "headroom_bsp"],
    },
    Case {
        name: "wrong-address",
        verb: "run",
        change: |text, _| {
            let line = text.lines().find(|line| line.starts_with("address")).unwrap();
            replaced(text, line, "address = \"0x1234\"")
        },
        says: &["wrong-address.toml", "address", "0x1234"],
    },
    Case {
        name: "wrong-chain",
        verb: "run",
        change: |text, _| replaced(text, "chain_id = 31337", "chain_id = 1"),
        says: &["31337", "1"],
    },
    Case {
        name: "no-mandate",
        verb: "run",
        change: |text, world| {
            // Somebody else's key, well formed, of whom the policy says nothing.
            let _ = world;
            let line = text.lines().find(|line| line.starts_with("address")).unwrap();
            replaced(text, line, "address = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"")
        },
        says: &["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
    },
    Case {
        name: "unreachable",
        verb: "plan",
        change: |text, world| replaced(text, &world.clock.chain.url, "http://127.0.0.1:9"),
        says: &["127.0.0.1"],
    },
    Case {
        name: "wrong-password",
        verb: "run",
        change: |text, _| replaced(text, "agent.password", "wrong.password"),
        says: &["password"],
    },
];

fn write(folder: &Path, case: &Case, good: &str, world: &World) -> PathBuf {
    let path = folder.join(format!("{}.toml", case.name));
    std::fs::write(&path, (case.change)(good, world)).unwrap();
    path
}

#[tokio::test]
async fn bad_input_is_one_sentence_and_nothing_is_sent() {
    let folder = paths::run_folder("test").unwrap();
    let (world, config) = playground::build(&folder).await.unwrap();
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(folder.join("wrong.password"), "not it\n").unwrap();
    let agent = Keeper::agent().unwrap();
    for case in CASES {
        let path = write(&folder, case, &good, &world);
        let output = Keeper::ask(&path, case.verb, &[]).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        assert!(!output.status.success(), "{}: {said}", case.name);
        assert!(output.status.code().is_some_and(|code| code != 101), "{}: {said}", case.name);
        assert_eq!(said.lines().count(), 1, "{}: {said}", case.name);
        for part in case.says {
            assert!(said.contains(part), "{}: {said:?} does not name {part:?}", case.name);
        }
        assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    }
    assert_eq!(world.clock.chain.waiting(agent).await.unwrap(), 0);
    assert!(world.rebalances().await.unwrap().is_empty());
    // The same config unchanged works: it was the changes that were refused.
    let output = Keeper::ask(&config, "plan", &[]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // A chain that does not answer takes nothing from what is shown of another, and does not go unsaid.
    let (before, vault) = good.split_at(good.find("[[vaults]]").unwrap());
    let (_, chain) = before.split_at(before.find("[[chains]]").unwrap());
    let dead = replaced(chain, &world.clock.chain.url, "http://127.0.0.1:9");
    let dead = replaced(&replaced(&dead, "\"local\"", "\"dead\""), "31337", "31338");
    let there = replaced(vault, "\"local\"", "\"dead\"");
    let there = replaced(&there, "name = \"treasury\"", "name = \"elsewhere\"");
    let path = folder.join("half.toml");
    std::fs::write(&path, format!("{before}{dead}{vault}\n{there}")).unwrap();
    let shown_in: [(&str, &[&str]); 3] =
        [("plan", &[]), ("status", &[]), ("status", &["--treasury"])];
    for (verb, options) in shown_in {
        let output = Keeper::ask(&path, verb, options).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(5), "{verb}: {said}");
        assert!(shown.contains("treasury") && !shown.contains("elsewhere"), "{verb}: {shown}");
        assert!(said.lines().count() == 1 && said.contains("127.0.0.1"), "{verb}: {said}");
    }

    // Nor does it keep the others from being looked after.
    let http = ask::free_address().await.unwrap();
    let half = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{half}\n[http]\nlisten = \"{http}\"\n")).unwrap();
    let mut keeper = Keeper::start_with(&path, &folder, &[]).unwrap();
    let began = Instant::now();
    let decided = loop {
        let (_, metrics) = ask::get(&http, "/metrics").await.unwrap_or_default();
        let is_decision = |line: &&str| line.starts_with("vagus_decisions_total{");
        let lines: Vec<_> = metrics.lines().filter(is_decision).map(str::to_owned).collect();
        if !lines.is_empty() || began.elapsed() > PATIENCE {
            break lines;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(decided.iter().any(|line| line.contains("treasury")), "{decided:?}");
    assert!(!decided.iter().any(|line| line.contains("elsewhere")), "{decided:?}");
    assert!(keeper.ended().unwrap().is_none(), "it goes on");
    keeper.stop().unwrap();
}
