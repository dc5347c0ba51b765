//! A person's move against a real guard: refused with the rule and its numbers, tried, and carried out.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use vagus_e2e::{keeper::Keeper, paths, playground, world::World};

fn file(folder: &Path, strategy: &str, direction: &str, amount: &str) -> String {
    let path = folder.join("move.toml");
    let text = format!(
        "vault = \"treasury\"\nperson = \"Ada\"\nreason = \"a drill\"\n\n[[legs]]\nstrategy = \"{strategy}\"\n\
         direction = \"{direction}\"\namount = \"{amount}\"\n"
    );
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn ask(config: &Path, file: &str, options: &[&str]) -> Output {
    Keeper::ask(config, "move", &[&[file], options].concat()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn symbol(world: &World) -> String {
    world.venues.asset.symbol.clone()
}

#[tokio::test]
async fn a_persons_move_goes_the_keepers_way_and_a_rule_refuses_one_in_a_sentence() {
    let folder = paths::run_folder("moves").unwrap();
    let (mut world, config) = playground::build(&folder).await.unwrap();
    let place = 1;
    let prime = world.strategies[place].0.clone();
    let file = |direction: &str, amount: &str| file(&folder, &prime, direction, amount);
    let symbol = symbol(&world);
    let before = world.holdings().await.unwrap();

    // Nine million in all, and at most 45 % of it there.
    let too_much = file("into", &format!("5_000_000 {symbol}"));
    for options in [&["--dry-run"][..], &[]] {
        let output = ask(&config, &too_much, options);
        assert_eq!(output.status.code(), Some(12), "{}", said(&output));
        let words = said(&output);
        assert!(words.contains("R8 Weight refuses: observed "), "{words}");
        assert!(words.contains("limit 4"), "{words}");
        assert!(output.stdout.is_empty());
    }
    let odd = file("into", "1 EUR");
    let output = ask(&config, &odd, &["--dry-run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains(&format!("expected an amount of {symbol}")),
        "{}",
        said(&output)
    );
    let fine = file("into", &format!("1_000_000 {symbol}"));
    let output = ask(&config, &fine, &["--dry-run", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["is_dry_run"], &told["decision"]), (&Value::Bool(true), &Value::Null));
    assert!(!folder.join("journal.db").exists(), "a dry run made something");
    assert_eq!(world.holdings().await.unwrap().idle, before.idle);

    // Mined while it waits for it.
    let (asked, options) = (config.clone(), ["--json"]);
    let waiting = tokio::task::spawn_blocking(move || ask(&asked, &fine, &options));
    let agent = Keeper::agent().unwrap();
    while world.clock.chain.waiting(agent).await.unwrap() == 0 && !waiting.is_finished() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    world.clock.mine(12).await.unwrap();
    let output = waiting.await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [fact] = world.rebalances().await.unwrap().try_into().unwrap();
    assert_eq!(told["decision"], fact.decision.to_string());
    assert_eq!(fact.turnover, world.assets(1_000_000));
    let after = world.holdings().await.unwrap();
    assert_eq!(before.idle - after.idle, world.assets(1_000_000));
    assert!(
        after.strategies[place] + world.assets(1)
            > before.strategies[place] + world.assets(1_000_000)
    );

    // Who and why stand beside it, and the next run goes on from there.
    let output = std::process::Command::new(paths::keeper().unwrap())
        .args(["journal", "show", told["decision"].as_str().unwrap(), "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.contains("asked for by Ada: a drill") && page.contains("Person"), "{page}");
    // The cooldown is the agent's, whoever asks.
    let output = ask(&config, &file("from", "all"), &[]);
    assert_eq!(output.status.code(), Some(12), "{}", said(&output));
    assert!(said(&output).contains("R5 Cooldown"), "{}", said(&output));
    world.hire().unwrap();
    world.clock.advance(12).await.unwrap();
    world.clock.advance(2_000).await.unwrap();
    world.clock.advance(60).await.unwrap();
    assert_eq!(world.rebalances().await.unwrap().len(), 2, "then the keeper places the rest");
    // A journal in a file is one process's.
    let output = ask(&config, &file("from", &format!("1000 {symbol}")), &[]);
    assert!(matches!(output.status.code(), Some(8 | 12)), "{}", said(&output));
    world.dismiss().await.unwrap();
    assert_eq!(world.reverted_of(agent).await.unwrap(), 0);
}
