//! A person pauses and resumes a vault while a keeper runs, on a real chain.

use serde_json::Value;
use vagus_e2e::{keeper::Keeper, paths, playground};

fn say(config: &std::path::Path, verb: &str, reason: &str) {
    let options = ["--vault", "treasury", "--person", "Ada", "--reason", reason];
    let output = Keeper::ask(config, verb, &options).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn status(config: &std::path::Path, options: &[&str]) -> String {
    let output = Keeper::ask(config, "status", options).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_paused_vault_is_left_alone_by_a_running_keeper_until_it_is_resumed() {
    let folder = paths::run_folder("persons").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    say(&config, "pause", "not before the call");
    world.hire().unwrap();
    for _ in 0..3 {
        world.clock.advance(12).await.unwrap();
    }
    world.clock.settle().await.unwrap();
    assert!(world.rebalances().await.unwrap().is_empty());
    let told = status(&config, &[]);
    assert!(told.contains("paused by Ada") && told.contains("not before the call"), "{told}");
    let told: Value = serde_json::from_str(&status(&config, &["--json"])).unwrap();
    assert_eq!(told["vaults"][0]["standing"]["last"]["person"], "Ada", "{told}");

    // The keeper has the journal open, and goes on at its next block.
    say(&config, "resume", "the call was fine");
    world.clock.advance(12).await.unwrap();
    world.clock.advance(60).await.unwrap();
    world.clock.settle().await.unwrap();
    assert_eq!(world.rebalances().await.unwrap().len(), 1);
    assert!(!status(&config, &[]).contains("paused by"));
    world.dismiss().await.unwrap();
}
