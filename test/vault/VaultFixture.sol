// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ITreasuryFactory, TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {ExitEntry, NavParameters, NavState} from "../../contracts/types/Nav.sol";
import {StrategyStatus} from "../../contracts/types/Policy.sol";
import {Leg} from "../../contracts/types/Rebalance.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {TestToken} from "../mocks/TestToken.sol";

/// @notice A vault whose guard is the test itself, over two honest strategies and one that can turn hostile.
abstract contract VaultFixture is Test {
    uint256 internal constant START = 1_800_000_000;

    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    address internal thief = makeAddr("thief");

    TestToken internal asset;
    TreasuryVault internal vault;
    TestStrategy internal first;
    TestStrategy internal second;
    HostileStrategy internal third;

    uint8 internal assetDecimals = 6;
    uint8 internal decimalsOffset = 6;

    function setUp() public virtual {
        vm.warp(START);
        _build(new TestToken("USD", assetDecimals));
    }

    /// @notice The vault's constructor reads its parameters back from its deployer, which is this test.
    function deployment() external view returns (TreasuryParameters memory parameters, address, address) {
        parameters.asset = address(asset);
        parameters.name = "Treasury";
        parameters.symbol = "TRS";
        parameters.decimalsOffset = decimalsOffset;
        return (parameters, address(0), address(this));
    }

    function _build(TestToken asset_) internal {
        asset = asset_;
        vault = new TreasuryVault();
        first = new TestStrategy(asset);
        second = new TestStrategy(asset);
        third = new HostileStrategy(asset);
        _adopt(_parameters());
    }

    function _parameters() internal pure returns (NavParameters memory) {
        return NavParameters({
            maxGrowthWad: 0.01e18,
            maxDrawdownBps: 500,
            entryHaltSeconds: 10 days,
            seasoningSeconds: 1 days,
            maxNavAgeSeconds: 1 hours,
            depositCap: type(uint120).max,
            managementFeeBps: 0,
            performanceFeeBps: 0,
            feeRecipient: address(0)
        });
    }

    function _list() internal view returns (ExitEntry[] memory entries) {
        entries = new ExitEntry[](3);
        entries[0] = ExitEntry(address(first), StrategyStatus.Active);
        entries[1] = ExitEntry(address(second), StrategyStatus.Active);
        entries[2] = ExitEntry(address(third), StrategyStatus.Active);
    }

    function _adopt(NavParameters memory parameters) internal {
        vault.adopt(parameters, _list());
    }

    function _deposit(address account, uint256 assets) internal returns (uint256 shares) {
        asset.mint(account, assets);
        vm.startPrank(account);
        asset.approve(address(vault), assets);
        shares = vault.deposit(assets, account);
        vm.stopPrank();
    }

    /// @notice Moves idle into a strategy, as the guard.
    function _invest(TestStrategy strategy, uint256 assets) internal {
        Leg[] memory legs = new Leg[](1);
        legs[0] = _in(strategy, assets);
        vault.execute(legs, 1 hours, 1 days);
    }

    function _in(TestStrategy strategy, uint256 assets) internal pure returns (Leg memory) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return Leg(address(strategy), true, uint128(assets));
    }

    function _out(TestStrategy strategy, uint256 assets) internal pure returns (Leg memory) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return Leg(address(strategy), false, uint128(assets));
    }

    function _redeemAll(address account) internal returns (uint256 assets) {
        uint256 shares = vault.balanceOf(account);
        vm.prank(account);
        return vault.redeem(shares, account, account);
    }

    /// @notice The error an answer carries.
    function _errorOf(bytes memory answer) internal pure returns (bytes4) {
        // The selector is all that is wanted.
        // forge-lint: disable-next-line(unsafe-typecast)
        return bytes4(answer);
    }

    /// @notice Whole units of the asset.
    function _units(uint256 count) internal view returns (uint256) {
        return count * 10 ** assetDecimals;
    }

    function _state() internal view returns (NavState memory) {
        return vault.navState();
    }
}
