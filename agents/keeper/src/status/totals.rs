//! What the vaults of a treasury hold together.

use alloy::primitives::U256;
use serde::Serialize;
use vagus_policy::decimal;

use super::StatusView;
use crate::page::Row;

/// What vaults hold of one asset. Assets of one symbol on several chains count as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Treasury in the deployment files.
    pub treasury: String,
    /// Symbol of the asset.
    pub symbol: String,
    /// Its decimals.
    pub decimals: u8,
    /// How many vaults.
    pub vaults: usize,
    /// Their net asset value.
    #[serde(with = "decimal")]
    pub nav: U256,
    /// Of it idle.
    #[serde(with = "decimal")]
    pub idle: U256,
}

/// Sums by treasury and asset, in the order in which they are met. What cannot be read is in none.
pub(super) fn totals(views: &[Row<StatusView>]) -> Vec<Total> {
    let mut totals: Vec<Total> = Vec::new();
    for row in views {
        let Row::Read(view) = row else { continue };
        let (symbol, decimals) = (&view.asset.symbol, view.asset.decimals);
        let idle = view.holdings.first().map_or(U256::ZERO, |idle| idle.assets);
        let known = totals.iter_mut().find(|total| {
            (&total.treasury, &total.symbol, total.decimals) == (&view.treasury, symbol, decimals)
        });
        match known {
            Some(total) => {
                total.vaults = total.vaults.saturating_add(1);
                total.nav = total.nav.saturating_add(view.nav);
                total.idle = total.idle.saturating_add(idle);
            }
            None => totals.push(Total {
                treasury: view.treasury.clone(),
                symbol: symbol.clone(),
                decimals,
                vaults: 1,
                nav: view.nav,
                idle,
            }),
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use alloy::primitives::Address;
    use vagus_chain::memory::MemoryChain;

    use super::*;
    use crate::{page::Unread, render, testing};

    fn seen(vault: &str, treasury: &str, symbol: &str, nav: u64, idle: u64) -> Row<StatusView> {
        let agent = Address::repeat_byte(0xa9);
        let (policy, snapshot) = (testing::policy(agent), testing::snapshot(agent));
        let chain = Arc::new(MemoryChain::new(policy.clone(), snapshot.clone()));
        let world = testing::world_on(&chain, agent);
        let mut view = super::super::view(&world, &world.vaults[0], Some(&policy), &snapshot);
        (view.vault, view.treasury) = (vault.to_owned(), treasury.to_owned());
        view.asset.symbol = symbol.to_owned();
        view.nav = U256::from(nav);
        view.holdings[0].assets = U256::from(idle);
        Row::Read(Box::new(view))
    }

    #[test]
    fn vaults_of_a_treasury_are_added_up_by_asset() {
        let unread = Row::Unread(Unread {
            vault: "e".to_owned(),
            treasury: "dao".to_owned(),
            chain: "far".to_owned(),
            chain_id: 10,
            error: "the lens reverts".to_owned(),
        });
        let rows = [
            seen("a", "dao", "USDC", 3_000_000, 1_000_000),
            seen("b", "dao", "USDC", 1_000_000, 0),
            seen("c", "dao", "WETH", 7, 7),
            seen("d", "other", "USDC", 5, 0),
            unread,
        ];
        let totals = totals(&rows);
        let told: Vec<_> = totals
            .iter()
            .map(|it| (it.treasury.as_str(), it.symbol.as_str(), it.vaults, it.nav.to::<u64>()))
            .collect();
        assert_eq!(
            told,
            [("dao", "USDC", 2, 4_000_000), ("dao", "WETH", 1, 7), ("other", "USDC", 1, 5)]
        );
        assert_eq!(totals[0].idle, U256::from(1_000_000));

        let page = render::overview::text(&rows, &totals);
        let page = anstream::adapter::strip_str(&page).to_string();
        assert!(page.starts_with("Treasury dao") && page.contains("\nTreasury other"), "{page}");
        assert!(page.contains("2 vaults: 4.00 USDC, 25.00 % of it idle"), "{page}");
        let unread = page.lines().find(|line| line.contains("NOT READ")).unwrap();
        assert!(unread.contains("far") && page.contains("1 vault: 0.00"), "{page}");
    }
}
