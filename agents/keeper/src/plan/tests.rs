use alloy::primitives::{Address, U256};
use vagus_journal::draft;
use vagus_policy::{Policy, Snapshot};

use super::*;
use crate::{
    render::plan::text,
    testing::{NOW, USDC, inputs, policy, snapshot, world_on},
};

fn view(change: impl FnOnce(&mut Policy, &mut Snapshot)) -> PlanView {
    let agent = Address::repeat_byte(0xa9);
    let (mut policy, mut snapshot) = (policy(agent), snapshot(agent));
    let chain = vagus_chain::memory::MemoryChain::new(policy.clone(), snapshot.clone());
    let world = world_on(&std::sync::Arc::new(chain), agent);
    change(&mut policy, &mut snapshot);
    snapshot.vault.guard_state.policy_hash = vagus_policy::hash(&policy);
    let draft = draft::draft(Some(&policy), &snapshot, &inputs(agent));
    PlanView::new(&world, &world.vaults[0], Some(&policy), &draft, None)
}

fn assert_golden(name: &str, plan: &PlanView) {
    let page = anstream::adapter::strip_str(&text(plan)).to_string() + "\n";
    crate::testing::assert_golden(name, &page);
}

/// Places so many whole USDC at a strategy, out of idle.
fn place(snapshot: &mut Snapshot, index: usize, whole: u128) {
    let assets = U256::from(whole * USDC);
    let state = &mut snapshot.vault.strategies[index];
    (state.shares, state.convert_assets, state.redeem_assets) = (assets, assets, assets);
    state.max_withdraw_assets = assets;
    snapshot.vault.idle -= assets;
}

#[test]
fn a_rebalance_is_explained() {
    assert_golden("plan-rebalance.txt", &view(|_, _| {}));
}

#[test]
fn a_hold_says_what_would_have_to_change() {
    let near = |_: &mut Policy, snapshot: &mut Snapshot| {
        place(snapshot, 0, 475_000);
        place(snapshot, 1, 474_000);
    };
    assert_golden("plan-hold.txt", &view(near));
}

#[test]
fn a_hold_below_the_hurdle_shows_what_it_declines() {
    let plan = view(|policy, _| policy.objective.hurdle_bps = 9_000);
    assert!(!plan.is_rebalance && !plan.moves.is_empty());
    assert_golden("plan-below-hurdle.txt", &plan);
}

#[test]
fn a_repair_is_explained() {
    let plan = view(|_, snapshot| place(snapshot, 1, 700_000));
    assert!(plan.is_rebalance);
    assert_golden("plan-repair.txt", &plan);
}

#[test]
fn a_cooldown_says_when() {
    let plan = view(|_, snapshot| {
        place(snapshot, 1, 400_000);
        snapshot.vault.agent.last_rebalance_at = NOW - 10;
    });
    assert_golden("plan-cooldown.txt", &plan);
}

#[test]
fn a_missing_mandate_is_said() {
    let plan = view(|_, snapshot| snapshot.vault.agent.is_revoked = true);
    assert_golden("plan-no-mandate.txt", &plan);
}

#[test]
fn the_json_has_a_schema_and_amounts_as_text() {
    let plans = [Row::Read(Box::new(view(|_, _| {})))];
    let document = Document { schema: JSON_SCHEMA_VERSION, plans: &plans };
    let json = serde_json::to_value(&document).expect("json");
    assert_eq!(json["schema"], 1);
    assert_eq!(json["plans"][0]["nav"], "1000000000000");
    assert_eq!(json["plans"][0]["reason"], "Income");
    assert_eq!(json["plans"][0]["lines"][0]["name"], "Idle");
    // What is in the table is what is in the plan: the lines add up.
    let sum = |key: &str| -> u128 {
        let lines = json["plans"][0]["lines"].as_array().expect("lines");
        lines
            .iter()
            .map(|line| line[key].as_str().expect("text").parse::<u128>().expect("a number"))
            .sum()
    };
    assert_eq!(sum("assets_now"), sum("assets_after"));
}

/// A world of a vault that is as it should be and one whose guard is another than its deployment says.
fn half_readable() -> ChainWorld {
    let agent = Address::repeat_byte(0xa9);
    let chain = vagus_chain::memory::MemoryChain::new(policy(agent), snapshot(agent));
    let mut world = world_on(&std::sync::Arc::new(chain), agent);
    let mut other = world.vaults[0].clone();
    other.config.name = "other".to_owned();
    other.entry.guard = Address::repeat_byte(0xee);
    world.vaults.insert(0, other);
    world
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_says_why_and_the_others_stand() {
    let worlds = [half_readable()];
    let name = worlds[0].vaults[1].config.name.clone();
    let journal = crate::testing::config().journal;
    let plan = async |is_json| super::plan(&worlds, is_json).await.expect("a page");
    let status =
        async |is_json| crate::status::status(&worlds, &journal, is_json).await.expect("a page");
    for (page, rows) in [(plan(true).await, "plans"), (status(true).await, "vaults")] {
        let missing = page.missing.expect("one is missing");
        assert_eq!(missing.exit, Exit::VaultUnread);
        assert!(missing.sentence.starts_with("Vault other could not be read: its guard is"));
        let json: serde_json::Value = serde_json::from_str(&page.text).expect("json");
        assert_eq!(json[rows][0]["vault"], "other");
        assert!(json[rows][0]["error"].as_str().is_some_and(|text| text.contains("expected")));
        assert_eq!(json[rows][1]["vault"], *name);
        assert_eq!(json[rows][1]["nav"], "1000000000000");
    }
    for page in [plan(false).await, status(false).await] {
        assert!(page.text.starts_with("Vault other on "), "{}", page.text);
        assert!(page.text.contains(&name), "{}", page.text);
    }
    // Without it nothing is missing.
    let mut whole = half_readable();
    whole.vaults.remove(0);
    assert_eq!(super::plan(&[whole], false).await.expect("a page").missing, None);
}
