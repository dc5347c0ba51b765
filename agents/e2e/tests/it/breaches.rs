//! The checker finds what it is there for: breaches planted on a real chain, past the guard, are each named.

use alloy::{
    primitives::{Address, U256},
    sol,
    sol_types::SolCall,
};
use serde_json::{Value, json};
use vagus_e2e::{
    checker::{Era, Law, gather, judge},
    paths, playground,
    policies::Chapter,
    treasury::{self, people},
    venues::Token,
    watch,
    world::World,
};

sol! {
    struct PlantedLeg {
        address strategy;
        bool isDeposit;
        uint128 assets;
    }
    struct PlantedParameters {
        uint64 maxGrowthWad;
        uint16 maxDrawdownBps;
        uint32 entryHaltSeconds;
        uint32 seasoningSeconds;
        uint32 maxNavAgeSeconds;
        uint128 depositCap;
    }
    struct PlantedEntry {
        address strategy;
        uint8 status;
    }
    interface Inside {
        function execute(PlantedLeg[] calldata legs, uint256 maxNavAgeSeconds, uint256 seasoningSeconds) external;
        function adopt(PlantedParameters calldata parameters, PlantedEntry[] calldata exitList) external;
        function navParameters() external view returns (PlantedParameters memory);
    }
}

/// What the guard would have the vault do, under the hour that the world's policies have for both.
fn planted(legs: Vec<PlantedLeg>) -> Inside::executeCall {
    let hour = U256::from(3_600);
    Inside::executeCall { legs, maxNavAgeSeconds: hour, seasoningSeconds: hour }
}

/// A world whose guard and vault can be made to sign anything: that is the only way past the rules.
struct Forge {
    world: World,
    chapters: Vec<Chapter>,
    snapshot: U256,
}

impl Forge {
    async fn open() -> Self {
        let folder = paths::run_folder("test").unwrap();
        let (world, _) = playground::build(&folder).await.unwrap();
        let (file, policy) = world.policies.first().unwrap();
        let mut chapters = vec![Chapter::adopted(&world.clock.head, file, policy)];
        // The policy was in force before the depositors came.
        if let Chapter::Adopted { from_block, .. } = &mut chapters[0] {
            *from_block -= 3;
        }
        let mut forge = Self { world, chapters, snapshot: U256::ZERO };
        for account in [forge.world.treasury.guard, forge.world.treasury.vault] {
            let chain = &forge.world.clock.chain;
            let _: Value = chain.rpc("anvil_impersonateAccount", json!([account])).await.unwrap();
            chain.fund(account, U256::from(10u8).pow(U256::from(20u8))).await.unwrap();
        }
        forge
            .moves(&[(0, true, 4_000_000), (1, true, 2_000_000), (2, true, 1_500_000)], 3_600)
            .await;
        // Longer than the cooldown, and the turnover bucket has leaked.
        forge.world.clock.mine(86_400).await.unwrap();
        forge.snapshot = forge.world.clock.chain.rpc("evm_snapshot", json!([])).await.unwrap();
        forge
    }

    async fn submit<C: SolCall>(
        &self,
        from: Address,
        to: Address,
        call: C,
    ) -> alloy::primitives::B256 {
        self.world.clock.chain.submit(from, to, call).await.unwrap()
    }

    fn legs(&self, moves: &[(usize, bool, u64)]) -> Inside::executeCall {
        let legs = moves
            .iter()
            .map(|(place, is_deposit, whole)| PlantedLeg {
                strategy: self.world.strategies[*place].1,
                isDeposit: *is_deposit,
                assets: self.world.assets(*whole).to(),
            })
            .collect();
        planted(legs)
    }

    async fn moves(&mut self, moves: &[(usize, bool, u64)], seconds: u64) {
        let (guard, vault) = (self.world.treasury.guard, self.world.treasury.vault);
        let hash = self.submit(guard, vault, self.legs(moves)).await;
        self.world.clock.land(hash, "execute", seconds).await.unwrap();
    }

    /// Laws broken since the snapshot, with the policy files as they are or as `change` makes them.
    async fn broken(&self, change: impl Fn(&mut Era)) -> Vec<Law> {
        let subject = watch::subject(&self.world);
        let last = self.world.clock.head.number;
        // From the first allocation on, so that buckets and cooldowns have their history.
        let first = last - (last - self.chapters_from()).min(last);
        let facts = gather(&self.world.clock.chain, &subject, first, last).await.unwrap();
        let mut eras = watch::eras(&self.world, &self.chapters).unwrap();
        eras.iter_mut().for_each(change);
        let mut laws: Vec<Law> =
            judge(&subject, &facts, &eras).iter().map(|breach| breach.law).collect();
        laws.sort_unstable();
        laws.dedup();
        laws
    }

    fn chapters_from(&self) -> u64 {
        match &self.chapters[0] {
            Chapter::Adopted { from_block, .. } => *from_block - 1,
            Chapter::Revoked { from_block, .. } => *from_block,
        }
    }

    async fn back(&mut self) {
        let chain = &self.world.clock.chain;
        let done: bool = chain.rpc("evm_revert", json!([self.snapshot])).await.unwrap();
        assert!(done);
        self.snapshot = chain.rpc("evm_snapshot", json!([])).await.unwrap();
        self.world.clock.resume().await.unwrap();
    }

    async fn expect(&mut self, law: Law) {
        let laws = self.broken(|_| ()).await;
        assert!(laws.contains(&law), "{law:?} was planted, {laws:?} were found");
        self.back().await;
    }
}

#[tokio::test]
async fn each_planted_breach_is_found() {
    let mut forge = Forge::open().await;
    let (guard, vault, conduit) = {
        let treasury = &forge.world.treasury;
        (treasury.guard, treasury.vault, treasury.conduit)
    };
    let asset = forge.world.venues.asset.address;
    let thief = Address::repeat_byte(0x66);

    // What the world needs to be set up is itself past the guard, and nothing else is wrong with it.
    assert_eq!(forge.broken(|_| ()).await, vec![Law::Mandate]);

    forge.moves(&[(0, false, 2_200_000), (2, true, 2_200_000)], 60).await;
    forge.expect(Law::Weight).await;

    forge.moves(&[(0, false, 3_545_000), (2, true, 3_545_000)], 60).await;
    forge.expect(Law::Cap).await;

    forge.moves(&[(1, true, 1_400_000)], 60).await;
    forge.expect(Law::Idle).await;

    forge.moves(&[(0, false, 3_700_000)], 60).await;
    forge.expect(Law::Floor).await;

    for _ in 0..2 {
        forge.moves(&[(0, false, 2_000_000), (1, true, 2_000_000)], 1_900).await;
        forge.moves(&[(1, false, 2_000_000), (0, true, 2_000_000)], 1_900).await;
    }
    forge.expect(Law::Turnover).await;

    forge.moves(&[(0, false, 100_000)], 60).await;
    forge.moves(&[(0, false, 100_000)], 1_799).await;
    forge.expect(Law::Cooldown).await;
    forge.moves(&[(0, false, 100_000)], 60).await;
    forge.moves(&[(0, false, 100_000)], 1_800).await;
    assert!(!forge.broken(|_| ()).await.contains(&Law::Cooldown), "at the limit is not past it");
    forge.back().await;

    let theft = Token::transferCall { to: thief, value: forge.world.assets(30_000) };
    forge.submit(guard, vault, forge.legs(&[(0, false, 100_000)])).await;
    let hash = forge.submit(vault, forge.world.strategies[1].1, theft).await;
    forge.world.clock.land(hash, "theft of shares", 60).await.unwrap();
    forge.expect(Law::Loss).await;

    let theft = Token::transferCall { to: thief, value: forge.world.assets(1) };
    let hash = forge.submit(vault, asset, theft).await;
    forge.world.clock.land(hash, "theft of idle", 60).await.unwrap();
    forge.expect(Law::Stray).await;

    let strategy = forge.world.strategies[0].1;
    let approve = Token::approveCall { spender: strategy, value: U256::from(1u8) };
    let hash = forge.submit(vault, asset, approve).await;
    forge.world.clock.land(hash, "approve", 60).await.unwrap();
    forge.expect(Law::Allowance).await;

    let left = Token::transferCall { to: conduit, value: U256::from(1u8) };
    let hash = forge.submit(vault, asset, left).await;
    forge.world.clock.land(hash, "left in the conduit", 60).await.unwrap();
    forge.expect(Law::Conduit).await;

    // A strategy that no policy names, forced onto the vault's list.
    let _: Value = forge.world.clock.chain.rpc("evm_setAutomine", json!([true])).await.unwrap();
    let folder = forge.world.folder.clone();
    let stranger = treasury::deploy_morpho_strategy(&forge.world.clock.chain, &folder).unwrap();
    let _: Value = forge.world.clock.chain.rpc("evm_setAutomine", json!([false])).await.unwrap();
    forge.world.clock.resume().await.unwrap();
    let parameters =
        forge.world.clock.chain.call(vault, Inside::navParametersCall {}).await.unwrap();
    let listed = forge.world.strategies.iter().map(|(_, strategy, _)| *strategy);
    let entries =
        listed.chain([stranger]).map(|strategy| PlantedEntry { strategy, status: 0 }).collect();
    forge.submit(guard, vault, Inside::adoptCall { parameters, exitList: entries }).await;
    let legs = vec![PlantedLeg {
        strategy: stranger,
        isDeposit: true,
        assets: forge.world.assets(100_000).to(),
    }];
    let hash = forge.submit(guard, vault, planted(legs)).await;
    forge.world.clock.land(hash, "deposit with a stranger", 60).await.unwrap();
    forge.expect(Law::Listed).await;

    // The world as it was entered and moved, read against a stricter policy.
    forge.world.deposit(people::DAVE, 1_000_000, 60).await.unwrap();
    let laws = forge.broken(|era| era.limits.deposit_cap = U256::from(9_900_000_000_000u64)).await;
    assert!(laws.contains(&Law::DepositCap), "{laws:?}");
    assert!(!forge.broken(|_| ()).await.contains(&Law::DepositCap));
    let laws = forge
        .broken(|era| {
            for strategy in era.limits.strategies.values_mut() {
                strategy.reference_assets =
                    strategy.reference_assets * U256::from(103u8) / U256::from(100u8);
            }
        })
        .await;
    assert!(laws.contains(&Law::Price), "{laws:?}");
}
