// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PolicyGuard} from "../../contracts/guard/PolicyGuard.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {Policy} from "../../contracts/types/Policy.sol";
import {ALL_ASSETS, ANY_COUNT, Move, Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {BaseTest} from "../Base.t.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {TestToken} from "../mocks/TestToken.sol";

/// @notice A real treasury with honest depositors, and a thief beside it. What anybody has is measured in the asset
/// that stands on their account after they left, never by what the vault says.
abstract contract Arena is BaseTest {
    uint256 internal constant ALICES = 600_000 * UNIT;
    uint256 internal constant BOBS = 400_000 * UNIT;
    uint256 internal constant HONEST = ALICES + BOBS;
    uint256 internal constant BLOCK_SECONDS = 12;

    address internal immutable ALICE = makeAddr("alice");
    address internal immutable BOB = makeAddr("bob");
    address internal immutable THIEF = makeAddr("thief");

    TreasuryVault internal vault;
    PolicyGuard internal guard;
    TestStrategy internal steady;
    TestStrategy internal other;
    HostileStrategy internal odd;

    function setUp() public virtual override {
        super.setUp();
        asset = _newAsset();
        _open(6);
        _enter(vault, ALICE, ALICES);
        _enter(vault, BOB, BOBS);
    }

    function _newAsset() internal virtual returns (TestToken) {
        return asset;
    }

    /// @notice A treasury without depositors, under `_terms`.
    function _open(uint8 decimalsOffset) internal {
        TreasuryParameters memory parameters = _treasuryParameters(keccak256(abi.encode("arena", address(vault))));
        parameters.decimalsOffset = decimalsOffset;
        (vault, guard) = _deployTreasury(parameters);
        steady = new TestStrategy(asset);
        other = new TestStrategy(asset);
        odd = new HostileStrategy(asset);
        _adopt(guard, _terms());
    }

    /// @notice The document in force in most tests: steady, other and odd, everything open, 100 bps of loss a day.
    function _terms() internal view virtual returns (Policy memory) {
        address[] memory list = new address[](3);
        (list[0], list[1], list[2]) = (address(steady), address(other), address(odd));
        return _policy(list);
    }

    /// @notice Puts a document in force as owner, at once where it may.
    function _impose(Policy memory policy) internal {
        vm.prank(OWNER);
        (, bool isInForce) = guard.submitPolicy(policy);
        if (isInForce) return;
        skip(guard.policyDelaySeconds());
        vm.roll(block.number + 1);
        guard.activatePolicy(policy);
    }

    // The agent

    function _in(uint8 index, uint256 assets) internal pure returns (Move memory) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return Move({index: index, isDeposit: true, assets: uint128(assets)});
    }

    function _out(uint8 index, uint256 assets) internal pure returns (Move memory) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return Move({index: index, isDeposit: false, assets: uint128(assets)});
    }

    function _one(Move memory move) internal pure returns (Move[] memory moves) {
        moves = new Move[](1);
        moves[0] = move;
    }

    function _two(Move memory first, Move memory second) internal pure returns (Move[] memory moves) {
        moves = new Move[](2);
        (moves[0], moves[1]) = (first, second);
    }

    /// @notice A plan that R4 has nothing against.
    function _plan(Move[] memory moves) internal view returns (Rebalance memory) {
        return Rebalance({
            policyVersion: guard.guardState().policyVersion,
            nonce: guard.agentState(AGENT).nonce,
            vaultCount: ANY_COUNT,
            deadline: uint64(block.timestamp),
            decision: keccak256("decision"),
            moves: moves
        });
    }

    function _rebalance(Move[] memory moves) internal {
        Rebalance memory plan = _plan(moves);
        vm.prank(AGENT);
        guard.rebalance(plan);
    }

    /// @notice Sends a plan to the entry that changes state, and tells the rule that refused it, or `None`.
    function _send(Rebalance memory plan) internal returns (Rule rule) {
        vm.prank(AGENT);
        (bool isDone, bytes memory answer) = address(guard).call(abi.encodeCall(IPolicyGuard.rebalance, (plan)));
        return _ruleOf(isDone, answer);
    }

    function _send(Move[] memory moves) internal returns (Rule) {
        return _send(_plan(moves));
    }

    /// @notice The rule that an answer of the guard names; any other error than a refusal is passed on.
    function _ruleOf(bool isDone, bytes memory answer) internal pure returns (Rule rule) {
        if (isDone) return Rule.None;
        if (_errorOf(answer) != IPolicyGuard.Refused.selector) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        assembly ("memory-safe") {
            rule := mload(add(answer, 0x24))
        }
    }

    function _errorOf(bytes memory answer) internal pure returns (bytes4) {
        // The selector is all that is wanted.
        // forge-lint: disable-next-line(unsafe-typecast)
        return answer.length < 4 ? bytes4(0) : bytes4(answer);
    }

    function _assertRefused(Move[] memory moves, Rule rule, string memory what) internal {
        assertEq(uint8(_send(moves)), uint8(rule), what);
    }

    // Outside

    function _nextBlock() internal {
        skip(BLOCK_SECONDS);
        vm.roll(block.number + 1);
    }

    /// @notice What an account has in the asset once it has left by `redeem`. Nothing is kept of the leaving.
    function _worth(address account) internal returns (uint256 assets) {
        uint256 snapshot = vm.snapshotState();
        _leave(account);
        assets = asset.balanceOf(account);
        vm.revertToState(snapshot);
    }

    /// @notice The same by an exit in kind, with the strategies' shares redeemed by the account itself.
    function _worthInKind(address account) internal returns (uint256 assets) {
        uint256 snapshot = vm.snapshotState();
        _leaveInKind(account);
        assets = asset.balanceOf(account);
        vm.revertToState(snapshot);
    }

    function _leave(address account) internal {
        uint256 shares = vault.balanceOf(account);
        if (shares == 0) return;
        vm.prank(account);
        vault.redeem(shares, account, account);
    }

    function _leaveInKind(address account) internal {
        uint256 shares = vault.balanceOf(account);
        vm.startPrank(account);
        vault.redeemInKind(shares, account, account, new address[](0));
        _sell(steady, account);
        _sell(other, account);
        _sell(odd, account);
        vm.stopPrank();
    }

    function _sell(TestStrategy strategy, address account) private {
        uint256 shares = strategy.balanceOf(account);
        if (shares != 0) strategy.redeem(shares, account, account);
    }

    /// @notice The vault's money counted by hand: idle, and what its shares would pay.
    function _money() internal view returns (uint256) {
        return asset.balanceOf(address(vault)) + _position(steady) + _position(other) + _position(odd);
    }

    function _position(TestStrategy strategy) internal view returns (uint256) {
        return strategy.previewRedeem(strategy.balanceOf(address(vault)));
    }

    /// @notice Enters without a new block, so that an attack stays in one transaction.
    function _enterNow(address account, uint256 assets) internal returns (uint256 shares) {
        vm.startPrank(account);
        asset.approve(address(vault), assets);
        shares = vault.deposit(assets, account);
        vm.stopPrank();
    }

    /// @notice Buys strategy shares for `receiver` with money of `account`.
    function _supply(TestStrategy strategy, address account, uint256 assets, address receiver) internal {
        asset.mint(account, assets);
        vm.startPrank(account);
        asset.approve(address(strategy), assets);
        strategy.deposit(assets, receiver);
        vm.stopPrank();
    }

    function _all() internal pure returns (uint256) {
        return ALL_ASSETS;
    }
}
