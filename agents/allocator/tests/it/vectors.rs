//! The ports against what the real contracts answered: `venues/VECTORS.md` says how the files are made and what the
//! fields mean. The committed sample is always read; the full files too if `VAGUS_VECTORS` names their folder or they
//! lie in `target/vectors`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, I256, U256};
use serde_json::Value;
use vagus_allocator::{
    Earning, Horizon,
    curves::{AaveV3Market, Change, MorphoBlueMarket, Spread, spread::Slot},
    math::{RAY, YEAR_SECONDS},
};
use vagus_policy::{
    AaveV3Curve, Curve, MorphoBlueCurve, MorphoBlueHolding, MorphoBlueMarketsCurve, StrategyState,
};

const MANIFEST: &str = env!("CARGO_MANIFEST_DIR");

fn files(name: &str) -> Vec<PathBuf> {
    let sample = Path::new(MANIFEST).join(format!("tests/data/sample-{name}.jsonl"));
    let full = std::env::var_os("VAGUS_VECTORS").map_or_else(
        || Path::new(MANIFEST).join("../../target/vectors"),
        |folder| {
            // Relative to the root of the repository, as everywhere else.
            Path::new(MANIFEST).join("../..").join(folder)
        },
    );
    let full = full.join(format!("{name}.jsonl"));
    let is_asked = std::env::var_os("VAGUS_VECTORS").is_some();
    assert!(!is_asked || full.exists(), "{} does not exist", full.display());
    [Some(sample), full.exists().then_some(full)].into_iter().flatten().collect()
}

/// The lines of a file; a last line without its end is one that is being written.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field} in {value}"))
}

fn number(value: &Value, field: &str) -> U256 {
    text(value, field).parse().unwrap()
}

fn time(value: &Value, field: &str) -> u64 {
    text(value, field).parse().unwrap()
}

fn change(line: &Value) -> Change {
    let assets = number(line, "assets");
    match text(line, "action") {
        "deposit" => Change::Deposit(assets),
        "withdraw" => Change::Withdrawal(assets),
        other => panic!("unknown action {other}"),
    }
}

fn aave_curve(curve: &Value) -> AaveV3Curve {
    AaveV3Curve {
        configuration: number(curve, "configuration"),
        optimal_usage_ray: number(curve, "optimalUsageRay"),
        base_rate_ray: number(curve, "baseRateRay"),
        slope1_ray: number(curve, "slope1Ray"),
        slope2_ray: number(curve, "slope2Ray"),
        variable_borrow_index_ray: number(curve, "variableBorrowIndexRay"),
        variable_borrow_rate_ray: number(curve, "variableBorrowRateRay"),
        scaled_debt: number(curve, "scaledDebt"),
        virtual_balance: number(curve, "virtualBalance"),
        deficit: number(curve, "deficit"),
        last_update_at: time(curve, "lastUpdateAt"),
        total_a_token_supply: number(curve, "totalATokenSupply"),
        accrued_to_treasury: number(curve, "accruedToTreasury"),
        liquidity_index_ray: number(curve, "liquidityIndexRay"),
    }
}

fn morpho_curve(curve: &Value) -> MorphoBlueCurve {
    MorphoBlueCurve {
        total_supply_assets: number(curve, "totalSupplyAssets"),
        total_supply_shares: number(curve, "totalSupplyShares"),
        total_borrow_assets: number(curve, "totalBorrowAssets"),
        total_borrow_shares: number(curve, "totalBorrowShares"),
        last_update_at: time(curve, "lastUpdateAt"),
        fee_wad: number(curve, "feeWad"),
        rate_at_target_wad: text(curve, "rateAtTargetWad").parse::<I256>().unwrap(),
    }
}

/// Counts by class, printed for the person who wants to know what was covered.
#[derive(Default)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn add(&mut self, class: &str, holds: bool) {
        if holds {
            *self.0.entry(class.to_owned()).or_default() += 1;
        }
    }

    fn print(&self, path: &Path, total: usize) {
        println!("{}: {total} states, each as the contracts have it", path.display());
        for (class, count) in &self.0 {
            println!("  {class:<28} {count}");
        }
    }
}

#[test]
fn aave_rates_are_the_pools_to_the_last_digit() {
    for path in files("aave") {
        let lines = lines(&path);
        assert!(!lines.is_empty(), "{} is empty", path.display());
        let mut counts = Counts::default();
        for line in &lines {
            let id = text(line, "id");
            let curve = aave_curve(&line["curve"]);
            let at = time(line, "timestamp");
            let after = &line["after"];
            let market = AaveV3Market::at(&curve, at).unwrap();
            let rates = market.rates_after(change(line)).unwrap();
            assert_eq!(
                rates.supply_ray,
                number(after, "liquidityRateRay"),
                "supply rate, line {id}"
            );
            assert_eq!(
                rates.borrow_ray,
                number(after, "variableBorrowRateRay"),
                "borrow rate, line {id}"
            );
            let room = market.deposit_room(number(line, "liquidityRateRay")).unwrap();
            assert_eq!(room, number(line, "maxDeposit"), "deposit room, line {id}");
            // What the static token pays out is counted in whole shares: up to one share's price below what the
            // pool has.
            let max_withdraw = number(line, "maxWithdraw");
            let ours = number(line, "positionAssets");
            let can = market.withdraw_room().min(ours);
            assert!(max_withdraw <= can, "withdraw room, line {id}");
            let ray = U256::from(10).pow(U256::from(27));
            let share = number(after, "liquidityIndexRay") / ray + U256::from(2);
            assert!(can - max_withdraw <= share, "withdraw room, line {id}");

            let usage = rates.borrow_ray > curve.base_rate_ray + curve.slope1_ray;
            counts.add("below kink after", !usage);
            counts.add("above kink after", usage);
            counts.add("no borrows", curve.scaled_debt.is_zero());
            counts.add(
                "full utilisation before",
                curve.virtual_balance.is_zero() && !curve.scaled_debt.is_zero(),
            );
            let factor = market.reserve_factor_bps();
            counts.add("reserve factor 0", factor.is_zero());
            counts.add("reserve factor 100 %", factor == U256::from(10_000));
            counts.add("deficit", !curve.deficit.is_zero());
            counts.add("cap reached before", room.is_zero());
            counts.add("cap reached by the deposit", change(line) == Change::Deposit(room));
            counts.add("own position", !ours.is_zero());
            counts.add("deposit", matches!(change(line), Change::Deposit(_)));
            counts.add("withdrawal", matches!(change(line), Change::Withdrawal(_)));
            counts.add(&format!("case {}", text(line, "case")), true);
        }
        counts.print(&path, lines.len());
    }
}

/// What the contracts made of a time in which nobody acted: the mean rate that income is reckoned with, and all of its
/// interest.
fn check_untouched(market: &MorphoBlueMarket, untouched: &Value, id: &str) {
    let seconds = time(untouched, "seconds");
    let rates = market.rates_over(seconds).unwrap();
    let stated = number(untouched, "meanBorrowRateWad");
    assert_eq!(rates.borrow_wad, stated, "mean borrow rate, line {id}");
    let mut later = market.clone();
    later.accrue(seconds).unwrap();
    let fields = [
        ("totalSupplyAssets", later.total_supply_assets),
        ("totalSupplyShares", later.total_supply_shares),
        ("totalBorrowAssets", later.total_borrow_assets),
    ];
    for (field, ours) in fields {
        assert_eq!(ours, number(untouched, field), "{field} in the end, line {id}");
    }
    let target = text(untouched, "rateAtTargetWad").parse::<I256>().unwrap();
    assert_eq!(later.rate_at_target_wad, target, "rate at target in the end, line {id}");
}

#[test]
fn morpho_markets_and_rates_are_the_contracts_to_the_last_digit() {
    for path in files("morpho") {
        let lines = lines(&path);
        assert!(!lines.is_empty(), "{} is empty", path.display());
        let mut counts = Counts::default();
        for line in &lines {
            let id = text(line, "id");
            let curve = morpho_curve(&line["curve"]);
            let at = time(line, "timestamp");
            let after = &line["after"];
            let before = MorphoBlueMarket::at(&curve, at).unwrap();
            let market = before.after(change(line)).unwrap();
            assert_eq!(
                market.total_supply_assets,
                number(after, "totalSupplyAssets"),
                "supply assets, line {id}"
            );
            assert_eq!(
                market.total_borrow_assets,
                number(after, "totalBorrowAssets"),
                "borrow assets, line {id}"
            );
            assert_eq!(
                market.total_supply_shares,
                number(after, "totalSupplyShares"),
                "supply shares, line {id}"
            );
            assert_eq!(
                market.rate_at_target_wad,
                text(after, "rateAtTargetWad").parse::<I256>().unwrap(),
                "rate at target, line {id}"
            );
            let rates = market.rates_over(0).unwrap();
            assert_eq!(rates.borrow_wad, number(after, "borrowRateWad"), "borrow rate, line {id}");

            check_untouched(&market, &line["untouched"], id);

            let target = U256::from(900_000_000_000_000_000_u64);
            let full = U256::from(1_000_000_000_000_000_000_u64);
            counts.add("below target after", rates.utilisation_wad < target);
            counts.add("at target after", rates.utilisation_wad == target);
            counts.add("above target after", rates.utilisation_wad > target);
            counts.add("no borrows", curve.total_borrow_assets.is_zero());
            counts.add("full utilisation before", before.utilisation_wad().unwrap() >= full);
            counts.add("fee 0", curve.fee_wad.is_zero());
            counts.add("fee 25 %", curve.fee_wad == U256::from(250_000_000_000_000_000_u64));
            counts.add("first use", curve.rate_at_target_wad.is_zero());
            counts.add("own position", !number(line, "positionAssets").is_zero());
            counts.add("deposit", matches!(change(line), Change::Deposit(_)));
            counts.add("withdrawal", matches!(change(line), Change::Withdrawal(_)));
            counts.add(&format!("case {}", text(line, "case")), true);
        }
        counts.print(&path, lines.len());
    }
}

fn markets_curve(list: &Value) -> MorphoBlueMarketsCurve {
    let holding = |holding: &Value| MorphoBlueHolding {
        market_id: text(holding, "marketId").parse().unwrap(),
        cap: number(holding, "cap"),
        supply_shares: number(holding, "supplyShares"),
        curve: morpho_curve(&holding["curve"]),
    };
    MorphoBlueMarketsCurve { markets: list.as_array().unwrap().iter().map(holding).collect() }
}

/// `value × (1 + z ÷ 2 + z² ÷ 6)`: what three terms of a series make of simple interest, rounded up.
fn compounded_up(value: U256, z_wad: U256) -> U256 {
    let wad = U256::from(1_000_000_000_000_000_000_u64);
    let factor = wad + z_wad / U256::from(2) + z_wad * z_wad / wad / U256::from(6);
    value * factor / wad + U256::ONE
}

/// One line of a strategy over several markets: how it is spread, and what our part earns while nobody acts.
fn check_markets(line: &Value, counts: &mut Counts) {
    let id = text(line, "id");
    let (at, seconds) = (time(line, "timestamp"), time(&line["untouched"], "seconds"));
    let curve = markets_curve(&line["curve"]);
    let spread = Spread::at(&curve, at).unwrap();
    let change = change(line);
    assert_eq!(U256::from(spread.total()), number(line, "totalAssets"), "total, line {id}");
    assert_eq!(U256::from(spread.deposit_room()), number(line, "maxDeposit"), "room, line {id}");
    let position = number(line, "positionAssets");
    let rounding: u128 = spread.slots().iter().map(|slot| slot.rounding).sum();
    let payable = position.min(U256::from(spread.withdraw_room()));
    let most = number(line, "maxWithdraw");
    assert!(most <= payable && most + U256::from(rounding + 2) >= payable, "payable, line {id}");

    let held = spread.after(change).unwrap();
    let places = line["after"]["markets"].as_array().unwrap();
    let (mut touched, mut z_wad) = (0, U256::ZERO);
    for ((slot, held), after) in spread.slots().iter().zip(&held).zip(places) {
        let moved = U256::from(held.abs_diff(slot.held));
        touched += u32::from(!moved.is_zero());
        let market = slot.market.after(match change {
            Change::Deposit(_) => Change::Deposit(moved),
            Change::Withdrawal(_) => Change::Withdrawal(moved),
        });
        let market = market.unwrap();
        let supplied = number(after, "totalSupplyAssets");
        assert_eq!(market.total_supply_assets, supplied, "a market after, line {id}");
        let shares = number(after, "supplyShares");
        let worth =
            shares * (supplied + U256::ONE) / (market.total_supply_shares + U256::from(1_000_000));
        assert!(worth.abs_diff(U256::from(*held)) <= U256::from(slot.rounding), "held, line {id}");
        let mean = market.mean(seconds).unwrap();
        z_wad = z_wad.max(U256::from(mean.borrow_wad) * U256::from(seconds));
    }

    let strategy = StrategyState {
        strategy: Address::ZERO,
        symbol: String::new(),
        decimals: 12,
        is_readable: true,
        shares: number(line, "positionShares"),
        convert_assets: position,
        redeem_assets: number(line, "redeemAssets"),
        max_withdraw_assets: most,
        max_deposit_assets: number(line, "maxDeposit"),
        reference_price: U256::ZERO,
        reference_at: 0,
        read_price: None,
        curve: Curve::MorphoBlueMarkets(curve),
    };
    let earning = Earning::of(&strategy, None, position.to(), Horizon { at, seconds });
    let target = match change {
        Change::Deposit(assets) => position + assets,
        Change::Withdrawal(assets) => position - assets,
    };
    let yearly = earning.unwrap().unwrap().income_ray(target.to()).unwrap();
    let predicted = yearly * U256::from(seconds) / U256::from(YEAR_SECONDS) / RAY;
    let (before, later) =
        (number(&line["after"], "positionAssets"), number(&line["untouched"], "positionAssets"));
    let earned = later.saturating_sub(before);
    // Entries and exits round, and what they take or leave earns or does not.
    let units = U256::from(2 * rounding + 2);
    let wad = U256::from(1_000_000_000_000_000_000_u64);
    let lost = units + compounded_up(units * z_wad / wad, z_wad);
    assert!(earned + lost >= predicted, "{earned} of {predicted}, line {id}");
    assert!(earned <= compounded_up(predicted, z_wad) + lost, "{earned} of {predicted}, line {id}");

    counts.add("several markets moved", touched > 1);
    counts.add("deposit", matches!(change, Change::Deposit(_)));
    counts.add("withdrawal", matches!(change, Change::Withdrawal(_)));
    counts.add("other holders", U256::from(spread.total()) > position + U256::from(2));
    counts.add("a market beyond its cap", spread.slots().iter().any(|slot| slot.room == 0));
    let is_short = |slot: &Slot| slot.payable < slot.held;
    counts.add("a market that cannot pay", spread.slots().iter().any(is_short));
    counts.add("earned 1,000 units or more", earned >= U256::from(1_000));
    let near = predicted / U256::from(100);
    counts.add("earned within 1 % of simple interest", earned.abs_diff(predicted) <= near + lost);
}

#[test]
fn strategies_over_several_markets_are_spread_and_earn_as_the_contracts_did() {
    for path in files("markets") {
        let lines = lines(&path);
        assert!(!lines.is_empty(), "{} is empty", path.display());
        let mut counts = Counts::default();
        lines.iter().for_each(|line| check_markets(line, &mut counts));
        counts.print(&path, lines.len());
    }
}
