//! Real venues with a treasury among them, on a chain in the process.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue};
use anyhow::{Context, Result, anyhow, bail};
use vagus_chain::{Header, Query, decode_lens_page, encode_lens_call};
use vagus_evm::{Artifact, Chain, Treasury};
use vagus_policy::{ANY_COUNT, BlockRef, Move, Policy, Snapshot};

use crate::{
    boundaries,
    history::{History, Venue},
    others::{BEFORE, Opening, Others, STEP_SECONDS, Step, WHOLE},
};

/// Seconds from a decision to its execution.
pub const BLOCK_SECONDS: u32 = 12;
/// Seconds for which a rebalance may wait.
pub const DEADLINE_SECONDS: u32 = 300;
/// The account that acts for the treasury.
pub const AGENT: Address = Address::repeat_byte(0x0e);

/// Birth of every chain.
const BIRTH: u64 = 1_800_000_000;
const CHAIN_ID: u64 = 31_337;
const DEPOSITOR: Address = Address::repeat_byte(0x0c);
const GUARDIAN: Address = Address::repeat_byte(0x0b);
/// Gas that the lens keeps back to put its answer together.
const LENS_RESERVE: u64 = 3_000_000;
/// Steps between the opening of the positions and the year: the budgets are free again.
const SETTLING: u64 = 3;
/// Binary digits of the fractions by which an opening portfolio is split.
const DIGITS: usize = 64;

#[allow(missing_docs, unreachable_pub, missing_debug_implementations)]
mod sol {
    alloy_sol_types::sol! {
        struct AaveConfig {
            string name; uint16 optimalUsageBps; uint32 baseRateBps; uint32 slope1Bps; uint32 slope2Bps;
            uint256 reserveFactorBps; uint256 supplyCap; uint256 borrowCap;
        }
        struct MorphoConfig { string name; uint256 feeWad; uint256 lltvWad; }
        struct Visit { uint256 market; uint256 lent; uint256 wanted; uint256 fairRateWad; uint256 part; }
        interface Crowd {
            function asset() external view returns (address);
            function give(address account, uint256 assets) external;
            function adopt(address morpho) external;
            function openAave(AaveConfig calldata config, uint256 lent) external;
            function openMorpho(MorphoConfig calldata config, uint256 lent) external;
            function strategies(uint256 place) external view returns (address);
            function visit(Visit[] calldata visits) external;
        }
        struct Move { uint8 index; bool isDeposit; uint128 assets; }
        struct Rebalance {
            uint64 policyVersion; uint64 nonce; uint64 vaultCount; uint64 deadline; bytes32 decision; Move[] moves;
        }
        struct MarketParams {
            address loanToken; address collateralToken; address oracle; address irm; uint256 lltv;
        }
        struct MarketCap { MarketParams params; uint96 cap; }
        interface MorphoStrategy {
            function morpho() external view returns (address);
            function marketParams() external view returns (MarketParams memory);
        }
        interface Treasury {
            function approve(address spender, uint256 amount) external returns (bool);
            function deposit(uint256 assets, address receiver) external returns (uint256 shares);
            function convertToAssets(uint256 shares) external view returns (uint256);
            function decimals() external view returns (uint8);
            function rebalance(Rebalance calldata plan) external;
        }
    }
}

/// Where a history stands for one way to allocate. A copy goes on by itself.
#[derive(Clone, Debug)]
pub struct World {
    chain: Chain,
    crowd: Address,
    lens: Address,
    treasury: Treasury,
    /// What is in force.
    pub policy: Policy,
    base_fee_wei: u128,
    /// Time of the last step.
    at: u64,
}

/// Creation code of a contract of the venues, whose libraries are deployed once each.
fn linked(
    chain: &mut Chain,
    libraries: &mut BTreeMap<String, Address>,
    contract: &str,
) -> Result<Bytes, String> {
    Artifact::of_venues(contract)?.linked(|library| {
        if let Some(known) = libraries.get(library) {
            return Ok(*known);
        }
        let code = linked(chain, libraries, library)?;
        let address = chain.create(code)?;
        libraries.insert(library.to_owned(), address);
        Ok(address)
    })
}

fn open(chain: &mut Chain, crowd: Address, place: usize, opening: &Opening) -> Result<()> {
    let name = format!("M{place}");
    let lent = opening.lent;
    match opening.venue {
        Venue::AaveV3 => {
            let config = sol::AaveConfig {
                name,
                optimalUsageBps: u16::try_from(opening.optimal_bps)?,
                baseRateBps: 0,
                slope1Bps: u32::try_from(opening.slope1_bps)?,
                slope2Bps: u32::try_from(opening.slope2_bps)?,
                reserveFactorBps: U256::from(1_000),
                supplyCap: U256::ZERO,
                borrowCap: U256::ZERO,
            };
            chain.must(DEPOSITOR, crowd, &sol::Crowd::openAaveCall { config, lent });
        }
        Venue::MorphoBlue => {
            let lltv_wad = U256::from(860_000_000_000_000_000u64);
            let config = sol::MorphoConfig { name, feeWad: U256::ZERO, lltvWad: lltv_wad };
            chain.must(DEPOSITOR, crowd, &sol::Crowd::openMorphoCall { config, lent });
        }
    }
    Ok(())
}

impl World {
    /// Opens markets and treasury and goes on to the beginning of the year, when the treasury stands in each market in
    /// proportion to what others have lent there. Gives back the steps of the year too.
    ///
    /// # Errors
    /// If a build is missing or something refuses.
    pub fn open(history: &History) -> Result<(Self, Others)> {
        Self::open_bundled(history, &[])
    }

    /// The same, but as many of the first markets as there are caps are one strategy of ours over several. All of them have
    /// to be Morpho's.
    ///
    /// # Errors
    /// As [`World::open`].
    pub fn open_bundled(history: &History, caps: &[u128]) -> Result<(Self, Others)> {
        let mut chain = Chain::new(BIRTH).without_size_limits();
        let mut libraries = BTreeMap::new();
        let crowd = linked(&mut chain, &mut libraries, "Crowd").map_err(|cause| anyhow!(cause))?;
        let crowd = chain.create(crowd).map_err(|cause| anyhow!(cause))?;
        let morpho = Artifact::of_venues("Morpho").and_then(|artifact| artifact.creation_code());
        let morpho = morpho.map_err(|cause| anyhow!(cause))?;
        let morpho = chain.create([&morpho[..], &crowd.abi_encode()].concat().into());
        let morpho = morpho.map_err(|cause| anyhow!(cause))?;
        chain.must(DEPOSITOR, crowd, &sol::Crowd::adoptCall { morpho });
        let mut others = Others::new(history);
        for (place, opening) in others.openings().enumerate() {
            open(&mut chain, crowd, place, opening)?;
        }
        let asset = chain.view(crowd, &sol::Crowd::assetCall {});
        let treasury = Treasury::deploy(&mut chain, asset, 6, GUARDIAN, &boundaries::ceilings())
            .map_err(|cause| anyhow!(cause))?;
        let lens = Artifact::read("TreasuryLens").and_then(|artifact| artifact.creation_code());
        let lens = chain.create(lens.map_err(|cause| anyhow!(cause))?);
        let lens = lens.map_err(|cause| anyhow!(cause))?;
        let at = chain.now;
        let lent: Vec<U256> = others.openings().map(|opening| opening.lent).collect();
        let policy = boundaries::policy(&[], AGENT)?;
        let mut world = Self { chain, crowd, lens, treasury, policy, base_fee_wei: 0, at };
        for step in others.by_ref().take(usize::try_from(BEFORE)?) {
            world.go_on(&step);
        }
        world.begin(history, &lent, caps)?;
        for step in others.by_ref().take(usize::try_from(SETTLING)?) {
            world.go_on(&step);
        }
        Ok((world, others))
    }

    /// Adopts the policy, lets the treasury be filled and opens its positions.
    fn begin(&mut self, history: &History, lent: &[U256], caps: &[u128]) -> Result<()> {
        let mut all: Vec<Address> = (0..lent.len())
            .map(|place| {
                let place = U256::from(place);
                self.chain.view(self.crowd, &sol::Crowd::strategiesCall { place })
            })
            .collect();
        let mut lent = lent.to_vec();
        if !caps.is_empty() {
            let bundle = self.bundle(&all[..caps.len()], caps)?;
            all.splice(..caps.len(), [bundle]);
            let in_all = lent.drain(..caps.len()).sum();
            lent.insert(0, in_all);
        }
        let lent = &lent[..];
        let mut strategies = Vec::new();
        for strategy in all {
            let decimals = self.chain.view(strategy, &sol::Treasury::decimalsCall {});
            let shares = U256::from(10).pow(U256::from(decimals));
            let worth = self.chain.view(strategy, &sol::Treasury::convertToAssetsCall { shares });
            strategies.push((strategy, u128::try_from(worth)?, u128::try_from(shares)?));
        }
        self.policy = boundaries::policy(&strategies, AGENT)?;
        let delay_seconds = boundaries::ceilings().min_policy_delay_seconds;
        self.treasury.adopt(&mut self.chain, &self.policy, delay_seconds);

        let assets = U256::from(history.treasury) * U256::from(WHOLE);
        let vault = self.treasury.vault;
        let asset = self.chain.view(self.crowd, &sol::Crowd::assetCall {});
        let give = sol::Crowd::giveCall { account: DEPOSITOR, assets };
        self.chain.must(DEPOSITOR, self.crowd, &give);
        let approve = sol::Treasury::approveCall { spender: vault, amount: assets };
        self.chain.must(DEPOSITOR, asset, &approve);
        let deposit = sol::Treasury::depositCall { assets, receiver: DEPOSITOR };
        self.chain.must(DEPOSITOR, vault, &deposit);

        // New capital counts towards the limits after an hour.
        self.chain.now += STEP_SECONDS / 4;
        let all: U256 = lent.iter().sum();
        let moves = lent.iter().zip(0u8..).map(|(lent, index)| {
            let part = (*lent << DIGITS) / all;
            Move { index, is_deposit: true, assets: ((assets * part) >> DIGITS).saturating_to() }
        });
        let moves: Vec<Move> = moves.collect();
        let seen = self.see()?;
        self.rebalance(&seen, &moves)
            .map_err(|data| anyhow!("the opening is refused with {data}"))?;
        Ok(())
    }

    /// One strategy over the markets of several, in their order.
    fn bundle(&mut self, singles: &[Address], caps: &[u128]) -> Result<Address> {
        let mut list = Vec::with_capacity(singles.len());
        for (single, cap) in singles.iter().zip(caps) {
            let params = self.chain.view(*single, &sol::MorphoStrategy::marketParamsCall {});
            list.push(sol::MarketCap { params, cap: (*cap).try_into()? });
        }
        let first = singles.first().context("no market")?;
        let morpho = self.chain.view(*first, &sol::MorphoStrategy::morphoCall {});
        let code = Artifact::of_venues("MorphoBlueMarketsStrategy");
        let code = code.and_then(|artifact| artifact.creation_code());
        let code = code.map_err(|cause| anyhow!(cause))?;
        let parameters = (morpho, list, "Bundle".to_owned(), "B".to_owned()).abi_encode_params();
        let bundle = self.chain.create([&code[..], &parameters].concat().into());
        bundle.map_err(|cause| anyhow!(cause))
    }

    /// Somebody else deposits into one of the treasury's strategies.
    pub fn lend(&mut self, strategy: Address, assets: u128) {
        let assets = U256::from(assets);
        let asset = self.chain.view(self.crowd, &sol::Crowd::assetCall {});
        self.chain.must(
            DEPOSITOR,
            self.crowd,
            &sol::Crowd::giveCall { account: DEPOSITOR, assets },
        );
        let approve = sol::Treasury::approveCall { spender: strategy, amount: assets };
        self.chain.must(DEPOSITOR, asset, &approve);
        let deposit = sol::Treasury::depositCall { assets, receiver: DEPOSITOR };
        self.chain.must(DEPOSITOR, strategy, &deposit);
    }

    /// Lets time pass in which nobody acts.
    pub fn wait(&mut self, seconds: u64) {
        self.chain.now += seconds;
    }

    /// Lets the others act, a step later.
    pub fn go_on(&mut self, step: &Step) {
        self.at += STEP_SECONDS;
        self.chain.now = self.at;
        self.base_fee_wei = step.base_fee_wei;
        let visit = |visit: &crate::others::Visit| sol::Visit {
            market: U256::from(visit.market),
            lent: visit.lent,
            wanted: visit.wanted,
            fairRateWad: U256::from(visit.fair_rate_wad),
            part: U256::from(visit.part),
        };
        let visits = step.visits.iter().map(visit).collect();
        self.chain.must(DEPOSITOR, self.crowd, &sol::Crowd::visitCall { visits });
    }

    /// What the keeper sees: the lens's answer, decoded by the keeper's own code.
    ///
    /// # Errors
    /// If the lens cannot read the treasury.
    pub fn see(&mut self) -> Result<Snapshot> {
        let queries = [Query { vault: self.treasury.vault, agent: AGENT }];
        let call = encode_lens_call(&queries, 0, LENS_RESERVE);
        let answer = self.chain.ask(Address::ZERO, self.lens, call.into());
        let answer = answer.map_err(|data| anyhow!("the lens reverts with {data}"))?;
        let block = BlockRef {
            number: self.chain.height,
            hash: B256::ZERO,
            parent_hash: self.chain.parent_hash(),
            timestamp: self.chain.now,
        };
        let header = Header { block, base_fee_wei: self.base_fee_wei };
        let decoded = decode_lens_page(&answer, &queries, 0, &header, CHAIN_ID);
        let (mut seen, _) = decoded.map_err(|cause| anyhow!("the lens: {cause}"))?;
        let seen = seen.pop().context("the lens leaves out the treasury")?;
        let seen = seen.map_err(|unseen| anyhow!("{unseen}"))?;
        if !seen.vault.nav.is_readable {
            bail!("a strategy cannot be read");
        }
        Ok(seen)
    }

    /// Moves by the guard in the next block. Gives back the gas of the transaction.
    ///
    /// # Errors
    /// What the guard reverted with; nothing has moved then.
    pub fn rebalance(&mut self, seen: &Snapshot, moves: &[Move]) -> Result<u64, Bytes> {
        self.chain.now += u64::from(BLOCK_SECONDS);
        let leg = |one: &Move| sol::Move {
            index: one.index,
            isDeposit: one.is_deposit,
            assets: one.assets,
        };
        let plan = sol::Rebalance {
            policyVersion: seen.vault.guard_state.policy_version,
            nonce: seen.vault.agent.nonce,
            vaultCount: ANY_COUNT,
            deadline: self.chain.now + u64::from(DEADLINE_SECONDS),
            // A hash of a record has no zero bytes to speak of, which would be cheaper.
            decision: B256::repeat_byte(0xd5),
            moves: moves.iter().map(leg).collect(),
        };
        let call = sol::Treasury::rebalanceCall { plan };
        let (answer, gas) = self.chain.spend(AGENT, self.treasury.guard, call.abi_encode().into());
        answer.map(|_| gas)
    }
}
