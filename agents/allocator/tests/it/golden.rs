//! Figures that were measured on a real market once: a reserve with 1,000,000 supplied and 620,000 borrowed (six
//! decimals, kink 90 %, slopes 4.5 % and 60 %, reserve factor 10 %), then three deposits one after the other.

use alloy_primitives::U256;
use vagus_allocator::curves::{AaveV3Market, Change};
use vagus_policy::Curve;

use crate::world::{AaveSpec, NOW, USDC, aave};

#[test]
fn three_deposits_into_a_real_market() {
    let Curve::AaveV3(mut curve) = aave(AaveSpec {
        optimal_bps: 9_000,
        base_bps: 0,
        slope1_bps: 450,
        slope2_bps: 6_000,
        reserve_factor_bps: 1_000,
        available: 380_000 * USDC,
        debt: 620_000 * USDC,
        deficit: 0,
    }) else {
        unreachable!()
    };
    let start = AaveV3Market::at(&curve, NOW).unwrap().rates_after(Change::Deposit(U256::ZERO));
    curve.variable_borrow_rate_ray = start.unwrap().borrow_ray;
    assert_eq!(curve.variable_borrow_rate_ray.to_string(), "31000000000000000000000000");

    for (deposit, seconds, expected) in [
        (13_370_001_u64, 2_592_007, "17331039847311407554733528"),
        (250_000_123_456, 86_399, "11099882452545660346641398"),
        (5_000_000_000_001, 1, "444932173506234463195692"),
    ] {
        let at = curve.last_update_at + seconds;
        let market = AaveV3Market::at(&curve, at).unwrap();
        let rates = market.rates_after(Change::Deposit(U256::from(deposit))).unwrap();
        assert_eq!(rates.supply_ray.to_string(), expected);
        curve.variable_borrow_index_ray = market.borrow_index_ray();
        curve.variable_borrow_rate_ray = rates.borrow_ray;
        curve.virtual_balance += U256::from(deposit);
        curve.last_update_at = at;
    }
}
