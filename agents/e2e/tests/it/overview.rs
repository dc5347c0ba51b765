//! A treasury on two chains in one configuration: one page for all of it.

use std::{fs, process::Output};

use alloy::primitives::U256;
use serde_json::Value;
use vagus_e2e::{
    anvil::{Anvil, STATES},
    keeper::Keeper,
    many::{self, Many},
    paths,
    treasury::Vault,
};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn vaults_of_two_chains_stand_on_one_page_and_add_up() {
    let folder = paths::run_folder("overview").unwrap();
    let mut worlds = Vec::new();
    for number in 0..2 {
        let place = folder.join(format!("chain-{number}"));
        fs::create_dir_all(&place).unwrap();
        let chain = Anvil::start_as(&place, 31_337 + number, STATES).await.unwrap();
        // Two vaults on the first chain, one on the second.
        worlds.push(Many::build_on(chain, &place, 2 - number as usize).await.unwrap());
    }
    Keeper::keep_key(&folder).unwrap();
    let mut text = many::header("overview").unwrap();
    for world in &worlds {
        let count = world.vaults.len();
        text.push_str(&world.section(count, 50_000_000, &[&world.chain.url]));
    }
    let config = folder.join("keeper.toml");
    fs::write(&config, text).unwrap();

    // From outside: what each vault says it holds.
    let mut held = U256::ZERO;
    for world in &worlds {
        for vault in &world.vaults {
            held += world.chain.call(*vault, Vault::totalAssetsCall {}).await.unwrap();
        }
    }
    let output = Keeper::ask(&config, "status", &["--treasury", "--json"]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let totals = told["totals"].as_array().unwrap();
    assert_eq!((totals.len(), &totals[0]["vaults"]), (1, &3.into()), "{told:#}");
    assert_eq!(totals[0]["nav"], held.to_string());

    let output = Keeper::ask(&config, "status", &["--treasury"]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    // What it says depends on the day that it is asked; that it names all there is does not.
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["v31337-0", "v31337-1", "v31338-0", "local-31338", "Mandate", "3 vaults: "] {
        assert!(shown.contains(part), "{part} is missing from\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no colours in a pipe");
}
