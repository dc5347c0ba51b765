// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {Rebalance} from "../../contracts/types/Rebalance.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {UnusualToken} from "../mocks/UnusualToken.sol";
import {Arena} from "./Arena.sol";
import {Prober} from "./Prober.sol";

/// @notice Calls from the middle of a withdrawal, by a strategy and by the asset itself.
contract ReentrancyIncidents is Arena {
    uint256 private constant STAKE = 100_000 * UNIT;

    Prober private prober;

    function setUp() public override {
        super.setUp();
        _rebalance(_two(_in(0, 300_000 * UNIT), _in(2, 600_000 * UNIT)));
        // It holds shares, money and allowances, so that nothing but a lock stands in its way.
        prober = new Prober();
        asset.mint(address(prober), 2 * STAKE);
        prober.act(address(asset), abi.encodeCall(IERC20.approve, (address(vault), type(uint256).max)));
        prober.act(address(vault), abi.encodeCall(vault.approve, (address(prober), type(uint256).max)));
        prober.act(address(vault), abi.encodeWithSignature("deposit(uint256,address)", STAKE, address(prober)));
        skip(1 days);
        vm.roll(block.number + 1);
        vault.checkpoint();
    }

    function _newAsset() internal override returns (TestToken) {
        return new UnusualToken(6);
    }

    function test_Incident09_DForceSentimentConic_EntriesAreShutDuringAnExit() public {
        uint256 thief = _worth(address(prober));
        uint256 alice = _worth(ALICE);
        uint256 bob = _worth(BOB);
        _probeVaultEntries();
        for (uint256 i = 0; i < 2; ++i) {
            uint256 snapshot = vm.snapshotState();
            _attackAnExit(i == 0);
            _assertAllRefused(ITreasuryVault.Locked.selector);
            assertLe(_worth(address(prober)), thief, "the thief");
            assertGe(asset.balanceOf(ALICE) + 1, alice, "who leaves");
            assertGe(_worth(BOB) + 1, bob, "who stays");
            vm.revertToState(snapshot);
        }
    }

    function test_Incident09_DForceSentimentConic_PricesAreShutDuringAnExit() public {
        _probe(abi.encodeWithSignature("totalAssets()"));
        _probe(abi.encodeWithSignature("convertToAssets(uint256)", STAKE));
        _probe(abi.encodeWithSignature("convertToShares(uint256)", STAKE));
        _probe(abi.encodeWithSignature("previewDeposit(uint256)", STAKE));
        _probe(abi.encodeWithSignature("previewMint(uint256)", STAKE));
        _probe(abi.encodeWithSignature("previewWithdraw(uint256)", STAKE));
        _probe(abi.encodeWithSignature("previewRedeem(uint256)", STAKE));
        _probe(abi.encodeWithSignature("navState()"));
        _probe(abi.encodeWithSignature("checkpointState()"));
        for (uint256 i = 0; i < 2; ++i) {
            uint256 snapshot = vm.snapshotState();
            _attackAnExit(i == 0);
            _assertAllRefused(ITreasuryVault.Locked.selector);
            vm.revertToState(snapshot);
        }
    }

    function test_Incident09_DForceSentimentConic_LimitsAreZeroDuringAnExit() public {
        _probe(abi.encodeWithSignature("maxDeposit(address)", prober));
        _probe(abi.encodeWithSignature("maxMint(address)", prober));
        _probe(abi.encodeWithSignature("maxWithdraw(address)", prober));
        _probe(abi.encodeWithSignature("maxRedeem(address)", prober));
        for (uint256 i = 0; i < 2; ++i) {
            uint256 snapshot = vm.snapshotState();
            _attackAnExit(i == 0);
            assertGt(prober.calls(), 0, "called back");
            Prober.Probe[] memory probes = prober.probes();
            for (uint256 j = 0; j < probes.length; ++j) {
                assertTrue(probes[j].isDone, "answers");
                assertEq(abi.decode(probes[j].answer, (uint256)), 0, vm.toString(probes[j].data));
            }
            vm.revertToState(snapshot);
        }
    }

    function test_Incident09_DForceSentimentConic_GuardAndVaultAreShutDuringARebalance() public {
        _probeGuardEntries();
        odd.setCall(address(prober), abi.encodeCall(Prober.callBack, ()));
        _rebalance(_one(_out(2, 100_000 * UNIT)));
        _assertAllRefused(IPolicyGuard.Locked.selector);

        prober.clear();
        _probeVaultEntries();
        _rebalance(_one(_out(2, 100_000 * UNIT)));
        _assertAllRefused(ITreasuryVault.Locked.selector);
    }

    function test_Incident09_DForceSentimentConic_GuardIsShutDuringAPullAndATrim() public {
        odd.setCall(address(prober), abi.encodeCall(Prober.callBack, ()));
        _probeGuardEntries();
        vm.prank(GUARDIAN);
        guard.pull(2, 100_000e6, 0);
        _assertAllRefused(IPolicyGuard.Locked.selector);

        Policy memory policy = _terms();
        policy.strategies[2].cap = 100_000e6;
        _impose(policy);
        prober.clear();
        _probeGuardEntries();
        guard.trim(2);
        _assertAllRefused(IPolicyGuard.Locked.selector);
    }

    /// @dev Alice leaves, with more than idle and the first strategy have. The asset that she is paid in calls back, or
    /// the strategy that pays.
    function _attackAnExit(bool byAsset) private {
        if (byAsset) UnusualToken(address(asset)).setHook(address(prober));
        else odd.setCall(address(prober), abi.encodeCall(Prober.callBack, ()));
        _leave(ALICE);
    }

    function _probe(bytes memory data) private {
        prober.add(address(vault), data);
    }

    function _probeVaultEntries() private {
        address me = address(prober);
        _probe(abi.encodeWithSignature("deposit(uint256,address)", STAKE, me));
        _probe(abi.encodeWithSignature("mint(uint256,address)", STAKE, me));
        _probe(abi.encodeWithSignature("withdraw(uint256,address,address)", STAKE / 2, me, me));
        _probe(abi.encodeWithSignature("redeem(uint256,address,address)", STAKE / 2, me, me));
        _probe(abi.encodeWithSignature("deposit(uint256,address,uint256)", STAKE, me, 0));
        _probe(abi.encodeWithSignature("mint(uint256,address,uint256)", STAKE, me, type(uint256).max));
        _probe(abi.encodeWithSignature("withdraw(uint256,address,address,uint256)", STAKE / 2, me, me, _all()));
        _probe(abi.encodeWithSignature("redeem(uint256,address,address,uint256)", STAKE / 2, me, me, 0));
        _probe(abi.encodeCall(ITreasuryVault.redeemInKind, (STAKE / 2, me, me, new address[](0))));
        _probe(abi.encodeCall(ITreasuryVault.checkpoint, ()));
        _probe(abi.encodeCall(IERC20.transfer, (ALICE, 1)));
        _probe(abi.encodeCall(IERC20.transferFrom, (me, ALICE, 1)));
    }

    /// @dev No role is needed to see the lock: it comes before the question who asks.
    function _probeGuardEntries() private {
        Policy memory policy = _terms();
        Rebalance memory plan = _plan(_one(_out(0, UNIT)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.rebalance, (plan)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.rebalanceFor, (plan, AGENT, "")));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.submitPolicy, (policy)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.activatePolicy, (policy)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.vetoPolicy, ()));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.setMode, (Mode.Paused)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.revokeAgent, (AGENT)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.resign, ()));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.pull, (0, 1, 0)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.trim, (0)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.followPrice, (0)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.nameGuardian, (THIEF)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.activateGuardian, ()));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.offerOwnership, (THIEF)));
        prober.add(address(guard), abi.encodeCall(IPolicyGuard.acceptOwnership, ()));
    }

    function _assertAllRefused(bytes4 selector) private view {
        Prober.Probe[] memory probes = prober.probes();
        assertGt(prober.calls(), 0, "called back");
        for (uint256 i = 0; i < probes.length; ++i) {
            assertFalse(probes[i].isDone, vm.toString(probes[i].data));
            assertEq(_errorOf(probes[i].answer), selector, vm.toString(probes[i].data));
        }
    }
}
