use alloy::primitives::{B256, Bytes, I256};
use vagus_policy::BlockRef;

use super::*;

pub(crate) fn header() -> Header {
    Header {
        block: BlockRef {
            number: 12,
            hash: B256::repeat_byte(1),
            parent_hash: B256::repeat_byte(2),
            timestamp: 1_700_000_000,
        },
        base_fee_wei: 7,
    }
}

pub(crate) fn query(byte: u8) -> Query {
    Query { vault: Address::repeat_byte(byte), agent: Address::repeat_byte(0xaa) }
}

fn strategy(byte: u8, source: u8, curve: Vec<u8>) -> (StrategyView, LensReference) {
    let address = Address::repeat_byte(byte);
    (
        StrategyView {
            strategy: address,
            symbol: "s\u{1b}[31mT".to_owned(),
            decimals: 18,
            isReadable: true,
            shares: U256::from(1),
            convertAssets: U256::from(2),
            redeemAssets: U256::from(3),
            maxWithdrawAssets: U256::from(4),
            maxDepositAssets: U256::MAX,
            unitShares: U256::from(7),
            unitAssets: U256::from(8),
            curveSource: source,
            curve: curve.into(),
        },
        LensReference {
            strategy: address,
            referencePrice: U256::from(5),
            referenceAt: alloy::primitives::aliases::U40::from(6),
        },
    )
}

pub(crate) fn view(vault: Address, strategies: Vec<(StrategyView, LensReference)>) -> VaultView {
    let (strategies, references) = strategies.into_iter().unzip();
    VaultView {
        vault,
        guard: Address::repeat_byte(0xbb),
        asset: Address::repeat_byte(0xcc),
        assetDecimals: 6,
        assetSymbol: "USDC".to_owned(),
        idle: U256::from(100),
        nav: LensNav {
            liveAssets: U256::from(1),
            navAssets: U256::from(2),
            entryAssets: U256::from(3),
            baseAssets: U256::from(4),
            supply: U256::from(5),
            pendingFeeShares: U256::from(50),
            highWaterPrice: U256::from(51),
            seasonedWad: U256::from(6),
            markPrice: U256::from(7),
            observationPrice: U256::from(8),
            previousPrice: U256::from(9),
            refreshedAt: U256::from(10),
            isEntryOpen: true,
            isReadable: false,
        },
        checkpointNav: U256::from(11),
        checkpointBase: U256::from(12),
        isCheckpointFresh: true,
        guardState: LensGuard {
            policyVersion: 13,
            policyHash: B256::repeat_byte(14),
            policyBlock: 15,
            mode: 1,
            rebalanceCount: 16,
            turnover: LensBucket { levelWad: 17, updatedAt: Default::default() },
            loss: LensBucket { levelWad: 18, updatedAt: Default::default() },
        },
        agentState: LensAgent {
            exists: true,
            isRevoked: true,
            nonce: 19,
            lastRebalanceAt: Default::default(),
            turnover: LensBucket { levelWad: 20, updatedAt: Default::default() },
            loss: LensBucket { levelWad: 21, updatedAt: Default::default() },
        },
        references,
        strategies,
    }
}

pub(crate) fn page(vaults: Vec<VaultView>, next: u64) -> LensPage {
    LensPage {
        lensVersion: LENS_VERSION,
        chainId: U256::from(31_337),
        blockNumber: U256::from(12),
        parentHash: B256::repeat_byte(2),
        timestamp: U256::from(1_700_000_000u64),
        baseFee: U256::from(7),
        vaults,
        next: U256::from(next),
    }
}

fn read(
    page: &LensPage,
    queries: &[Query],
    start: usize,
) -> Result<(Vec<Snapshot>, usize), String> {
    let answer = ITreasuryLens::readCall::abi_encode_returns(page);
    let (sightings, next) = decode(&answer, queries, start, &header(), 31_337)?;
    let seen = sightings.into_iter().collect::<Result<Vec<_>, _>>();
    Ok((seen.map_err(|unseen| unseen.cause)?, next))
}

fn morpho() -> Vec<u8> {
    market().abi_encode()
}

fn market() -> curve::MorphoBlueCurve {
    curve::MorphoBlueCurve {
        totalSupplyAssets: U256::from(1),
        totalSupplyShares: U256::from(2),
        totalBorrowAssets: U256::from(3),
        totalBorrowShares: U256::from(4),
        lastUpdateAt: U256::from(5),
        feeWad: U256::from(6),
        rateAtTargetWad: I256::try_from(-7).expect("fits"),
    }
}

/// Of so many markets, told apart by their ids and caps.
fn markets(count: u8) -> Vec<u8> {
    let holding = |place: u8| curve::MorphoBlueHolding {
        marketId: B256::repeat_byte(place),
        cap: U256::from(100 + u64::from(place)),
        supplyShares: U256::from(200 + u64::from(place)),
        curve: market(),
    };
    curve::MorphoBlueMarketsCurve { markets: (0..count).map(holding).collect() }.abi_encode()
}

#[test]
fn every_value_arrives_where_it_belongs() {
    let page = page(vec![view(query(9).vault, vec![strategy(0x51, 2, morpho())])], 1);
    let (snapshots, next) = read(&page, &[query(9)], 0).expect("sound");
    assert_eq!(next, 1);
    let snapshot = &snapshots[0];
    assert_eq!(
        (snapshot.chain_id, snapshot.block, snapshot.base_fee_wei),
        (31_337, header().block, 7)
    );
    let vault = &snapshot.vault;
    assert_eq!((vault.vault, vault.agent.agent), (query(9).vault, query(9).agent));
    assert_eq!((vault.checkpoint.nav, vault.checkpoint.base), (U256::from(11), U256::from(12)));
    assert_eq!((vault.nav.live_assets, vault.nav.previous_price), (U256::from(1), U256::from(9)));
    assert_eq!(vault.nav.pending_fee_shares, U256::from(50));
    assert_eq!(vault.nav.high_water_price, U256::from(51));
    assert_eq!((vault.nav.is_entry_open, vault.nav.is_readable), (true, false));
    assert_eq!((vault.guard_state.mode, vault.guard_state.rebalance_count), (Mode::ExitOnly, 16));
    assert_eq!(
        (vault.agent.nonce, vault.agent.is_revoked, vault.agent.loss.level_wad),
        (19, true, 21)
    );
    let strategy = &vault.strategies[0];
    assert_eq!(strategy.symbol, "s[31mT", "no escape codes");
    assert_eq!((strategy.convert_assets, strategy.redeem_assets), (U256::from(2), U256::from(3)));
    assert_eq!((strategy.reference_price, strategy.reference_at), (U256::from(5), 6));
    let (shares, assets) = (U256::from(7), U256::from(8));
    assert_eq!(strategy.read_price, Some(ReadPrice { shares, assets }));
    let Curve::MorphoBlue(curve) = &strategy.curve else { panic!("{:?}", strategy.curve) };
    assert_eq!(
        (curve.fee_wad, curve.rate_at_target_wad),
        (U256::from(6), I256::try_from(-7).unwrap())
    );
}

#[test]
fn a_price_that_the_lens_could_not_read_is_none() {
    let mut unread = strategy(0x51, 2, morpho());
    (unread.0.unitShares, unread.0.unitAssets) = (U256::ZERO, U256::ZERO);
    let page = page(vec![view(query(9).vault, vec![unread])], 1);
    let (snapshots, _) = read(&page, &[query(9)], 0).expect("sound");
    assert_eq!(snapshots[0].vault.strategies[0].read_price, None);
}

#[test]
fn several_markets_arrive_in_their_order_and_no_more_than_there_can_be() {
    let read = |count| {
        let page = page(vec![view(query(9).vault, vec![strategy(0x51, 3, markets(count))])], 1);
        read(&page, &[query(9)], 0)
    };
    for count in [1, 8] {
        let (snapshots, _) = read(count).expect("sound");
        let Curve::MorphoBlueMarkets(curve) = &snapshots[0].vault.strategies[0].curve else {
            panic!("{snapshots:?}")
        };
        assert_eq!(curve.markets.len(), usize::from(count));
        for (place, holding) in (0..count).zip(&curve.markets) {
            assert_eq!(holding.market_id, B256::repeat_byte(place));
            assert_eq!(holding.cap, U256::from(100 + u64::from(place)));
            assert_eq!(holding.supply_shares, U256::from(200 + u64::from(place)));
            assert_eq!(holding.curve.total_borrow_shares, U256::from(4));
            assert_eq!(holding.curve.rate_at_target_wad, I256::try_from(-7).unwrap());
        }
    }
    for count in [0, 9] {
        let error = read(count).expect_err("no such strategy");
        assert!(error.contains(&format!("over {count} markets")), "{error}");
    }
}

#[test]
fn a_page_from_another_place_is_refused() {
    let sound = page(vec![view(query(9).vault, vec![])], 1);
    let wrong: [(&str, fn(&mut LensPage)); 8] = [
        ("chain id", |page| page.chainId = U256::from(1)),
        ("block number", |page| page.blockNumber = U256::from(13)),
        ("parent hash", |page| page.parentHash = B256::ZERO),
        ("block time", |page| page.timestamp = U256::from(1)),
        ("lens version", |page| page.lensVersion += 1),
        ("goes on at 0", |page| page.next = U256::ZERO),
        ("goes on at 2", |page| page.next = U256::from(2)),
        ("instead of", |page| page.vaults[0].vault = Address::ZERO),
    ];
    assert!(read(&sound, &[query(9)], 0).is_ok());
    for (expected, change) in wrong {
        let mut page = sound.clone();
        change(&mut page);
        let error = read(&page, &[query(9)], 0).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
    let no_lens = decode(&[], &[query(9)], 0, &header(), 31_337).expect_err("empty");
    assert!(no_lens.contains("is there a lens"), "{no_lens}");
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let queries = [query(1), query(2), query(3)];
    let first = page(vec![view(queries[0].vault, vec![]), view(queries[1].vault, vec![])], 2);
    assert_eq!(read(&first, &queries, 0).expect("sound").1, 2);
    let second = page(vec![view(queries[2].vault, vec![])], 3);
    let (snapshots, next) = read(&second, &queries, 2).expect("sound");
    assert_eq!((snapshots[0].vault.vault, next), (queries[2].vault, 3));
}

#[test]
fn inconsistent_vaults_are_refused() {
    let cases: [(&str, fn(&mut VaultView)); 5] = [
        ("price references", |view| view.references.clear()),
        ("stands beside", |view| view.references[0].strategy = Address::ZERO),
        ("no mode 3", |view| view.guardState.mode = 3),
        ("out of range", |view| view.nav.refreshedAt = U256::MAX),
        ("cannot be decoded", |view| view.strategies[0].curve = Bytes::from_static(&[1, 2])),
    ];
    for (expected, change) in cases {
        let mut view = view(query(9).vault, vec![strategy(0x51, 2, morpho())]);
        change(&mut view);
        let error = read(&page(vec![view], 1), &[query(9)], 0).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_vault_that_could_not_be_read_is_unseen_and_the_others_are_seen() {
    let queries = [query(1), query(2), query(3)];
    let mut blank = view(queries[1].vault, vec![]);
    blank.guard = Address::ZERO;
    let mut odd = view(queries[2].vault, vec![]);
    odd.guardState.mode = 3;
    let page = page(vec![view(queries[0].vault, vec![]), blank, odd], 3);
    let answer = ITreasuryLens::readCall::abi_encode_returns(&page);
    let (sightings, next) = decode(&answer, &queries, 0, &header(), 31_337).expect("sound");
    assert_eq!(next, 3);
    assert!(sightings[0].is_ok());
    for place in [1, 2] {
        let unseen = sightings[place].as_ref().expect_err("no zeros");
        assert_eq!(unseen.vault, queries[place].vault);
    }
}

#[test]
fn witnesses_differ_by_any_byte_but_the_base_fee() {
    let sound = page(vec![view(query(9).vault, vec![strategy(0x51, 2, morpho())])], 1);
    let see = |page: &LensPage| {
        let answer = ITreasuryLens::readCall::abi_encode_returns(page);
        witness(&answer, &[query(9)], &header(), 31_337).expect("sound")
    };
    let mut other = sound.clone();
    other.baseFee = U256::ZERO;
    assert_eq!(see(&other), see(&sound));
    other.vaults[0].idle += U256::from(1);
    assert_ne!(see(&other).digest, see(&sound).digest);
}
