// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {NavParameters} from "../../contracts/types/Nav.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice Shares have twelve decimals here, the asset six. Numbers in the tests were computed with Python's `decimal`
/// at 130 digits from the formulas in `ITreasuryVault`, not by the code under test.
abstract contract VaultFeesFixture is VaultFixture {
    uint256 internal constant STAKE = 100e6;
    uint256 internal constant SHARES = 100e12;
    /// @dev 100e12 × ((1 − 2 %/31,536,000)^(−31,536,000) − 1).
    uint256 internal constant YEAR_AT_TWO_PERCENT = 2_020_134_003_322;
    /// @dev (100e12 + 1e6) × ((110,000,001 ÷ 100,000,001)^0.2 − 1).
    uint256 internal constant FIFTH_OF_TEN_PERCENT = 1_924_487_649_858;

    address internal collector = makeAddr("collector");

    function _fees(uint16 managementBps, uint16 performanceBps)
        internal
        view
        returns (NavParameters memory parameters)
    {
        parameters = _parameters();
        // Growth is recognised at once, so that a gain is a gain.
        parameters.maxGrowthWad = 18e18;
        parameters.seasoningSeconds = 0;
        parameters.managementFeeBps = managementBps;
        parameters.performanceFeeBps = performanceBps;
        parameters.feeRecipient = collector;
    }

    function _start(uint16 managementBps, uint16 performanceBps) internal {
        _adopt(_fees(managementBps, performanceBps));
        assertEq(_deposit(alice, STAKE), SHARES);
    }

    function _gain(uint256 assets) internal {
        asset.mint(address(vault), assets);
    }

    function _lose(uint256 assets) internal {
        asset.burn(address(vault), assets);
    }

    function _mint(address account, uint256 shares) internal returns (uint256 assets) {
        assets = vault.previewMint(shares);
        asset.mint(account, assets);
        vm.startPrank(account);
        asset.approve(address(vault), assets);
        assets = vault.mint(shares, account);
        vm.stopPrank();
    }

    function _redeem(address account, uint256 shares) internal returns (uint256) {
        vm.prank(account);
        return vault.redeem(shares, account, account);
    }

    function _withdraw(address account, uint256 assets) internal returns (uint256) {
        vm.prank(account);
        return vault.withdraw(assets, account, account);
    }

    function _count(bytes32 topic) internal returns (uint256 count) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(vault) && logs[i].topics[0] == topic) count += 1;
        }
    }
}
