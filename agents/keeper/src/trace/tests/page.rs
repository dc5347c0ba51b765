//! The page of a decision, as a person has read it and found it good.

use alloy::primitives::{I256, U256};

use super::*;
use crate::{attribution::view::Amount, testing::assert_golden};

fn plain(trace: &Trace) -> String {
    anstream::adapter::strip_str(&render::trace::page(trace)).to_string() + "\n"
}

/// Without hashes and the version of the algorithm, which each new version changes.
fn timeless(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for (place, part) in page.split("0x").enumerate() {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let rest = if digits == 64 { &part[digits..] } else { part };
        text.push_str(if place > 0 { "0x" } else { "" });
        text.push_str(if digits == 64 { "…" } else { "" });
        text.push_str(rest);
    }
    text.replace(&format!("algorithm {}", vagus_allocator::ALGORITHM_VERSION), "algorithm …")
}

/// The text under a heading, up to the next empty line.
fn under<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).expect(heading);
    rest.split("\n\n").next().expect("text")
}

fn amount(units: i64) -> Amount {
    Amount(I256::try_from(units).expect("small"))
}

/// As the chain in process tells of no tokens, what was earned is worked out here.
fn executed(trace: &Trace) -> Earned {
    let record = trace.record.as_ref().expect("read");
    let from_block = record.first().block().number + 1;
    let strategies = &record.first().snapshot.vault.strategies;
    let change = |place: usize, shares, gained| Change {
        strategy: strategies[place].strategy,
        shares: amount(shares),
        gained: amount(gained),
    };
    let cost = Cost {
        fee_wei: Some(U256::from(780_000_000_000_000_u64)),
        gas_assets: Some(U256::from(2_340_001)),
    };
    Earned::Executed(Box::new(Executed {
        from_block,
        to_block: from_block + 300,
        to_hash: B256::repeat_byte(3),
        to_timestamp: record.first().block().timestamp + 3_612,
        idle: amount(-5_000_000_000),
        changes: vec![change(0, -1_000_000_000, -12_000_000), change(1, 5_990_000_000, 40_500_000)],
        executed: amount(-10_000_000),
        credit: amount(18_500_000),
        cost,
        net: Some(amount(16_159_999)),
    }))
}

#[tokio::test]
async fn the_page_of_a_rebalance_is_the_known_one() {
    let desk = Desk::new().await;
    let file = desk.anchored(false).await;
    let mut trace = examine(&*desk.chain, &file).await;
    // What the endpoint does not tell leaves the verdict alone.
    let Some(Earned::NotKnown { why }) = &trace.earned else { panic!("{:?}", trace.earned) };
    assert!(plain(&trace).contains(&format!("not known: {why}")), "{why}");
    assert_eq!(trace.verdict, Verdict::Reproduced);
    trace.earned = Some(executed(&trace));
    let page = plain(&trace);
    let gain = &trace.record.as_ref().expect("read").first().decision.candidates[0].gain;
    assert!(!gain.is_zero());
    let expected = under(&page, "What it was expected to earn");
    for part in ["Income a year", "Gain", "Cost", "Hurdle", "At best"] {
        assert!(expected.contains(part), "{part} is missing from\n{expected}");
    }
    let near = under(&page, "Which limits were near");
    assert!(near.contains("R8") || near.contains("R9"), "{near}");
    let earned = under(&page, "What it earned");
    for part in
        ["-10.00 USDC", "-12.00 USDC by less", "+40.50 USDC by more", "+18.50", "2.34", "+16.15"]
    {
        assert!(earned.contains(part), "{part} is missing from\n{earned}");
    }
    assert_golden("trace-rebalance.txt", &timeless(&page));
    // What was not carried out is credited with nothing, and costs what was paid for it.
    let cost = Cost { fee_wei: Some(U256::from(7)), gas_assets: None };
    let earned = Earned::NotExecuted { credit: Amount::default(), cost };
    let expected = serde_json::json!({
        "state": "not-executed", "credit": "0", "fee_wei": "7", "gas_assets": null,
    });
    assert_eq!(serde_json::to_value(&earned).expect("json"), expected);
    trace.earned = Some(earned);
    let page = plain(&trace);
    let earned = under(&page, "What it earned");
    for part in ["0.00 USDC: it was not carried out", "7 wei, which have no price"] {
        assert!(earned.contains(part), "{part} is missing from\n{earned}");
    }
}

#[tokio::test]
async fn the_page_of_a_hold_is_the_known_one() {
    let desk = Desk::new().await;
    let file = desk.anchored(true).await;
    let trace = examine(&*desk.chain, &file).await;
    let Some(Earned::Held { credit, .. }) = &trace.earned else { panic!("{:?}", trace.earned) };
    assert_eq!(*credit, Amount::default());
    let page = plain(&trace);
    assert!(under(&page, "What it earned").contains("0.00 USDC"), "{page}");
    assert_golden("trace-hold.txt", &timeless(&page));
}
