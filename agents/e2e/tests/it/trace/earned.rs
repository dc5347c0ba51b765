//! What a trace says that a decision earned, beside the report of the same decision and blocks.

use std::{path::Path, process::Output};

use alloy::primitives::I256;
use serde_json::Value;
use vagus_e2e::keeper::Keeper;

use super::{Filed, changed, said};

fn number(value: &Value) -> I256 {
    I256::from_dec_str(value.as_str().unwrap_or_else(|| panic!("{value} is no amount"))).unwrap()
}

/// The report of the blocks that a trace tells of.
fn report(config: &Path, earned: &Value) -> Value {
    let from = (earned["from_block"].as_u64().unwrap() - 1).to_string();
    let to = earned["to_block"].to_string();
    let output = Keeper::ask(config, "report", &["--from", &from, "--to", &to, "--json"]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a trace says that a rebalance earned, against the report of the same blocks. Whether nothing else changed the holdings
/// in them: then both have to say the same, to the unit.
pub(crate) fn compare(config: &Path, decision: &str, earned: &Value) -> bool {
    assert_eq!(earned["state"], "executed", "{earned}");
    let report = report(config, earned);
    assert_eq!(report["closing"]["hash"], earned["to_hash"]);
    assert_eq!(report["closing"]["timestamp"], earned["to_timestamp"]);
    let rows = report["decisions"].as_array().unwrap();
    let row = rows.iter().find(|row| row["decision"] == decision).expect("its row");
    for name in ["executed", "idle", "gas_assets", "fee_wei"] {
        assert_eq!(row[name], earned[name], "{name}: {row} {earned}");
    }
    assert_eq!(row["block"], earned["from_block"]);
    let is_alone = rows.len() == 1 && report["flows"].as_array().unwrap().is_empty();
    // Otherwise the report gives the units that rounding leaves over to more events.
    let most_off = if is_alone { I256::ZERO } else { I256::ONE };
    let changes = earned["changes"].as_array().unwrap();
    let (mut moved, mut gained) = (0, I256::ZERO);
    for (place, venue) in report["venues"].as_array().unwrap().iter().enumerate() {
        let change = changes.iter().find(|change| change["strategy"] == venue["strategy"]);
        let Some(change) = change else {
            assert_eq!(row["shares"][place], "0", "{row} {earned}");
            continue;
        };
        moved += 1;
        gained += number(&change["gained"]);
        assert_eq!(row["shares"][place], change["shares"]);
        let off = (number(&row["gains"][place]) - number(&change["gained"])).abs();
        assert!(off <= most_off, "{row} {earned}");
    }
    assert_eq!(changes.len(), moved);
    assert_eq!(number(&earned["credit"]), number(&earned["executed"]) + gained);
    let net = number(&earned["credit"]) - number(&earned["gas_assets"]);
    assert_eq!(number(&earned["net"]), net);
    assert!(!is_alone || row["credit"] == earned["credit"], "{row} {earned}");
    is_alone
}

/// Every rebalance is credited as the report credits it, and every hold with nothing.
pub(super) fn check(config: &Path, all: &[Filed], trace: &dyn Fn(&Path) -> Output) {
    let mut executed = 0;
    for one in all {
        let output = trace(&one.path);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let earned = &told["traces"][0]["earned"];
        if one.is_rebalance {
            compare(config, &one.decision, earned);
            executed += 1;
            // Without an outcome the guard's event says which block carried it out.
            let without = changed(&one.path, |file| file["outcome"] = Value::Null);
            let output = trace(&without);
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(told["traces"][0]["earned"], *earned, "{told}");
        } else {
            assert!(["held", "executed"].contains(&earned["state"].as_str().unwrap()), "{earned}");
            assert!(earned["state"] != "held" || earned["credit"] == "0", "{earned}");
        }
    }
    assert_eq!(executed, 7);
}
