// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {
    CurveSource,
    ITreasuryLens,
    LensPage,
    StrategyView,
    VaultQuery,
    VaultView
} from "../../contracts/interfaces/ITreasuryLens.sol";
import {TreasuryLens} from "../../contracts/lens/TreasuryLens.sol";
import {Mode} from "../../contracts/types/Policy.sol";
import {ANY_COUNT, Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {BaseTest} from "../Base.t.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {FloodingStrategy, HostileMetadata} from "./mocks/CurveStrategies.sol";

contract TreasuryLensTest is BaseTest {
    uint256 private constant RESERVE = 10_000_000;

    TreasuryLens private _lens;
    TreasuryVault private _vault;
    PolicyGuard private _guard;
    TestStrategy private _first;
    HostileStrategy private _second;
    FloodingStrategy private _third;

    function setUp() public override {
        super.setUp();
        _lens = new TreasuryLens();
        (_vault, _guard) = _deployTreasury("first");
        _first = new TestStrategy(asset);
        _second = new HostileStrategy(asset);
        _third = new FloodingStrategy(asset);
        address[] memory list = new address[](3);
        (list[0], list[1], list[2]) = (address(_first), address(_second), address(_third));
        _adopt(_guard, _policy(list));
        _enter(_vault, makeAddr("depositor"), 1000 * UNIT);
        skip(1 hours);
        _vault.checkpoint();
        skip(1 hours);
        _vault.checkpoint();
        Move[] memory moves = new Move[](2);
        moves[0] = Move({index: 0, isDeposit: true, assets: 300e6});
        moves[1] = Move({index: 1, isDeposit: true, assets: 200e6});
        vm.prank(AGENT);
        _guard.rebalance(
            Rebalance({
                policyVersion: 1,
                nonce: 0,
                vaultCount: ANY_COUNT,
                deadline: uint64(block.timestamp),
                decision: "why",
                moves: moves
            })
        );
    }

    function test_Read_AnswersWhatVaultGuardAndStrategiesSay() public {
        _first.gain(3 * UNIT);
        _first.setExitFeeBps(10);
        _first.setLiquidAssets(50 * UNIT);
        skip(600);
        VaultView memory seen = _readOne(_vault);

        assertEq(seen.vault, address(_vault));
        assertEq(seen.guard, address(_guard));
        assertEq(seen.asset, address(asset));
        assertEq(seen.assetDecimals, 6);
        assertEq(seen.assetSymbol, "USDT");
        assertEq(seen.idle, 500 * UNIT);
        assertEq(keccak256(abi.encode(seen.nav)), keccak256(abi.encode(_vault.navState())));
        (uint256 nav, uint256 base, bool isFresh) = _vault.checkpointState();
        assertEq(seen.checkpointNav, nav);
        assertEq(seen.checkpointBase, base);
        assertEq(seen.isCheckpointFresh, isFresh);
        assertTrue(isFresh);
        assertEq(keccak256(abi.encode(seen.guardState)), keccak256(abi.encode(_guard.guardState())));
        assertEq(seen.guardState.rebalanceCount, 1);
        assertEq(uint8(seen.guardState.mode), uint8(Mode.Active));
        assertEq(keccak256(abi.encode(seen.agentState)), keccak256(abi.encode(_guard.agentState(AGENT))));
        assertEq(seen.agentState.nonce, 1);
        assertEq(keccak256(abi.encode(seen.references)), keccak256(abi.encode(_guard.strategyStates())));

        assertEq(seen.strategies.length, 3);
        StrategyView memory first = seen.strategies[0];
        assertEq(first.strategy, address(_first));
        assertEq(first.symbol, "STR");
        assertEq(first.decimals, 6);
        assertTrue(first.isReadable);
        assertEq(first.shares, 300 * UNIT);
        assertEq(first.convertAssets, 303 * UNIT - 1, "virtual share");
        assertEq(first.redeemAssets, first.convertAssets - (first.convertAssets + 999) / 1000, "less the exit fee");
        assertEq(first.maxWithdrawAssets, 50 * UNIT, "liquidity");
        assertEq(first.maxDepositAssets, type(uint256).max);
        assertEq(uint8(first.curveSource), uint8(CurveSource.Unknown));
        assertEq(first.curve.length, 0);
    }

    function test_Read_ProvesItsBlock() public {
        vm.roll(1234);
        vm.fee(77);
        vm.setBlockhash(1233, keccak256("parent"));
        LensPage memory page = _lens.read(_queries(_vault), 0, RESERVE);
        assertEq(page.lensVersion, 2);
        assertEq(_lens.LENS_VERSION(), 2);
        assertEq(page.chainId, block.chainid);
        assertEq(page.blockNumber, 1234);
        assertEq(page.parentHash, keccak256("parent"));
        assertEq(page.timestamp, block.timestamp);
        assertEq(page.baseFee, 77);
        assertEq(page.next, 1);
    }

    function test_Read_MarksRevertingStrategyOnly() public {
        _second.setReadFault(HostileStrategy.Fault.Revert);
        _requireOnlySecondUnreadable(_readOne(_vault));
    }

    function test_Read_MarksGasEatingStrategyOnly() public {
        _second.setReadFault(HostileStrategy.Fault.EatGas);
        _requireOnlySecondUnreadable(_readOne(_vault));
    }

    function test_Read_MarksStrategyWithShortAnswerOnly() public {
        _second.setReadFault(HostileStrategy.Fault.ReturnGarbage);
        _requireOnlySecondUnreadable(_readOne(_vault));
    }

    function test_Read_MarksStrategyWhoseBalanceFailsOnly() public {
        _second.setTokenFault(HostileStrategy.Fault.EatGas);
        _requireOnlySecondUnreadable(_readOne(_vault));
    }

    function test_Read_MarksStrategyThatIsGoneOnly() public {
        vm.etch(address(_second), "");
        _requireOnlySecondUnreadable(_readOne(_vault));
    }

    /// A flooded answer must cost the strategy's allowance once, not the lens's memory.
    function test_Read_CopiesNoFlood() public {
        _third.flood();
        uint256 before = gasleft();
        VaultView memory seen = _readOne(_vault);
        assertLt(before - gasleft(), 2_000_000);
        assertFalse(seen.strategies[2].isReadable);
        assertTrue(seen.strategies[0].isReadable);
        assertTrue(seen.strategies[1].isReadable);
    }

    function test_Read_BearsHostileMetadata() public {
        (TreasuryVault vault, PolicyGuard guard) = _deployTreasury("metadata");
        address[] memory list = new address[](2);
        list[0] = address(new HostileMetadata(asset, true));
        list[1] = address(new HostileMetadata(asset, false));
        _adopt(guard, _policy(list));
        VaultView memory seen = _readOne(vault);
        assertTrue(seen.strategies[0].isReadable);
        assertEq(seen.strategies[0].symbol, "");
        assertEq(seen.strategies[0].decimals, 0);
        assertTrue(seen.strategies[1].isReadable);
        assertEq(seen.strategies[1].symbol, string(new bytes(64)));
    }

    /// Some old tokens answer their symbol as one word.
    function test_Read_UnderstandsSymbolInOneWord() public {
        bytes32 word = "MKR";
        vm.mockCall(address(asset), abi.encodeWithSignature("symbol()"), abi.encode(word));
        assertEq(_readOne(_vault).assetSymbol, "MKR");
        vm.mockCall(address(asset), abi.encodeWithSignature("symbol()"), abi.encode(bytes32(0)));
        assertEq(_readOne(_vault).assetSymbol, "");
        vm.mockCall(address(asset), abi.encodeWithSignature("symbol()"), abi.encode(64, 1, 120 << 248));
        assertEq(_readOne(_vault).assetSymbol, "", "not the encoding of a string");
    }

    /// With too little gas a healthy strategy must not look broken.
    function testFuzz_ReadVault_NeverMistakesLittleGasForABrokenStrategy(uint256 gasGiven) public view {
        gasGiven = bound(gasGiven, 100_000, 4_000_000);
        VaultQuery memory query = VaultQuery({vault: address(_vault), agent: AGENT});
        try _lens.readVault{gas: gasGiven}(query) returns (VaultView memory seen) {
            for (uint256 i = 0; i < seen.strategies.length; ++i) {
                assertTrue(seen.strategies[i].isReadable);
            }
            assertTrue(seen.nav.isReadable);
        } catch {}
    }

    function test_Read_AnswersNewVaultWithoutPolicy() public {
        (TreasuryVault vault,) = _deployTreasury("new");
        VaultView memory seen = _readOne(vault);
        assertEq(seen.guardState.policyVersion, 0);
        assertEq(uint8(seen.guardState.mode), uint8(Mode.Paused));
        assertFalse(seen.agentState.exists);
        assertEq(seen.strategies.length, 0);
        assertEq(seen.nav.supply, 0);
    }

    // Pages

    function test_Read_FollowingNextAnswersEachVaultOnceInOrder() public {
        VaultQuery[] memory queries = _manyQueries(7);
        uint256 start = 0;
        uint256 pages = 0;
        while (start < queries.length) {
            LensPage memory page = _lens.read{gas: 2_500_000}(queries, start, 1_500_000);
            assertEq(page.vaults.length, page.next - start);
            assertGt(page.next, start, "progress");
            for (uint256 i = 0; i < page.vaults.length; ++i) {
                assertEq(page.vaults[i].vault, queries[start + i].vault);
                assertNotEq(page.vaults[i].guard, address(0));
            }
            start = page.next;
            ++pages;
        }
        assertEq(start, 7);
        assertGt(pages, 1, "the gas given must not suffice for one page");
        assertEq(_lens.read(queries, 0, RESERVE).vaults.length, 7, "with more gas one page does");
    }

    function test_Read_BeyondTheListIsEmpty() public view {
        LensPage memory page = _lens.read(_queries(_vault), 1, RESERVE);
        assertEq(page.vaults.length, 0);
        assertEq(page.next, 1);
        page = _lens.read(new VaultQuery[](0), 0, RESERVE);
        assertEq(page.next, 0);
    }

    function test_RevertWhen_ReserveIsMoreThanAllGas() public {
        VaultQuery[] memory queries = _queries(_vault);
        vm.expectPartialRevert(ITreasuryLens.GasTooLow.selector);
        _lens.read{gas: 5_000_000}(queries, 0, 5_000_000);
    }

    /// Gas that covers the vault but not a strategy's allowance is an error, never an answer.
    function test_RevertWhen_GasDoesNotCoverAllowances() public {
        _second.setReadFault(HostileStrategy.Fault.EatGas);
        VaultQuery[] memory queries = _queries(_vault);
        vm.expectPartialRevert(ITreasuryLens.GasTooLow.selector);
        _lens.read{gas: 1_900_000}(queries, 0, 500_000);
    }

    function test_Read_OneBrokenVaultCostsItsOwnAnswerOnly() public {
        (TreasuryVault healthy,) = _deployTreasury("healthy");
        address[4] memory broken =
            [makeAddr("nobody"), address(asset), address(new GasEater()), address(new Reverter())];
        for (uint256 kind = 0; kind < broken.length; ++kind) {
            VaultQuery[] memory queries = new VaultQuery[](3);
            queries[0] = VaultQuery({vault: address(_vault), agent: AGENT});
            queries[1] = VaultQuery({vault: broken[kind], agent: AGENT});
            queries[2] = VaultQuery({vault: address(healthy), agent: AGENT});
            address[3] memory guards;
            uint256 start = 0;
            while (start < 3) {
                LensPage memory page = _lens.read{gas: 30_000_000}(queries, start, 5_000_000);
                for (uint256 i = 0; i < page.vaults.length; ++i) {
                    assertEq(page.vaults[i].vault, queries[start + i].vault);
                    guards[start + i] = page.vaults[i].guard;
                }
                assertGt(page.next, start);
                start = page.next;
            }
            assertEq(guards[0], address(_guard));
            assertEq(guards[1], address(0), "broken");
            assertEq(guards[2], healthy.guard());
        }
    }

    /// The full list of strategies, all of them broken in the dearest way, still fits in one call.
    function test_Read_ThirtyTwoGasEaters() public {
        (TreasuryVault vault, PolicyGuard guard) = _deployTreasury("full");
        address[] memory list = new address[](32);
        for (uint256 i = 0; i < 32; ++i) {
            list[i] = address(new HostileStrategy(asset));
        }
        _adopt(guard, _policy(list));
        for (uint256 i = 0; i < 32; ++i) {
            HostileStrategy(list[i]).setReadFault(HostileStrategy.Fault.EatGas);
        }
        VaultView memory seen = _lens.read{gas: 120_000_000}(_queries(vault), 0, 20_000_000).vaults[0];
        assertEq(seen.guard, address(guard));
        for (uint256 i = 0; i < 32; ++i) {
            assertFalse(seen.strategies[i].isReadable);
        }
    }

    function _requireOnlySecondUnreadable(VaultView memory seen) private view {
        assertEq(seen.guard, address(_guard));
        StrategyView memory broken = seen.strategies[1];
        assertEq(broken.strategy, address(_second));
        assertFalse(broken.isReadable);
        assertEq(broken.shares, 0);
        assertEq(broken.convertAssets, 0);
        assertEq(broken.redeemAssets, 0);
        assertEq(broken.maxWithdrawAssets, 0);
        assertEq(broken.maxDepositAssets, 0);
        assertEq(uint8(broken.curveSource), uint8(CurveSource.Unknown));
        assertTrue(seen.strategies[0].isReadable);
        assertEq(seen.strategies[0].shares, 300 * UNIT);
        assertTrue(seen.strategies[2].isReadable);
    }

    function _readOne(TreasuryVault vault) private view returns (VaultView memory) {
        LensPage memory page = _lens.read(_queries(vault), 0, RESERVE);
        assertEq(page.vaults.length, 1);
        assertEq(page.next, 1);
        return page.vaults[0];
    }

    function _queries(TreasuryVault vault) private view returns (VaultQuery[] memory queries) {
        queries = new VaultQuery[](1);
        queries[0] = VaultQuery({vault: address(vault), agent: AGENT});
    }

    function _manyQueries(uint256 count) private returns (VaultQuery[] memory queries) {
        queries = new VaultQuery[](count);
        for (uint256 i = 0; i < count; ++i) {
            (TreasuryVault vault, PolicyGuard guard) = _deployTreasury(bytes32(i + 1));
            address[] memory list = new address[](2);
            (list[0], list[1]) = (address(_first), address(_second));
            _adopt(guard, _policy(list));
            queries[i] = VaultQuery({vault: address(vault), agent: AGENT});
        }
    }
}

contract GasEater {
    fallback() external {
        while (true) {}
    }
}

contract Reverter {
    fallback() external {
        assembly {
            revert(0x00, 100000)
        }
    }
}
