// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {NavParameters} from "../../contracts/types/Nav.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {Conformance} from "./Conformance.sol";
import {FlawedToken} from "./mocks/FlawedToken.sol";

/// @notice Rules 50 to 53: decimals, metadata, scale.
contract MetadataConformanceTest is Conformance {
    uint8 private constant MAX_OFFSET = 18;

    function test_Rule50_DecimalsAreTheAssetsAndTheOffset() public inEachCombination {
        uint8[4] memory offsets = [0, 3, 6, MAX_OFFSET];
        for (uint256 i = 0; i < 4; ++i) {
            decimalsOffset = offsets[i];
            assertEq(new TreasuryVault().decimals(), assetDecimals + offsets[i]);
        }
    }

    /// @dev Eighteen, where the asset does not say or says nonsense.
    function test_Rule50_AnAssetWithoutDecimalsCountsAsEighteen() public inEachCombination {
        FlawedToken flawed = new FlawedToken(assetDecimals);
        asset = TestToken(address(flawed));
        assertEq(new TreasuryVault().decimals(), assetDecimals + decimalsOffset);
        for (uint256 i = 1; i <= 3; ++i) {
            flawed.setMetadata(FlawedToken.Metadata(i));
            vault = new TreasuryVault();
            assertEq(vault.decimals(), 18 + decimalsOffset);
            flawed.setMetadata(FlawedToken.Metadata.Declared);
            assertEq(vault.decimals(), 18 + decimalsOffset, "and it stays so");
        }
    }

    /// @dev More than 27 are refused at deployment, whatever the offset.
    function test_Rule50_AnAssetWithTooManyDecimalsIsRefused() public inEachCombination {
        uint8[2] memory tooMany = [28, 255];
        for (uint256 i = 0; i < 2; ++i) {
            asset = TestToken(address(new FlawedToken(tooMany[i])));
            vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.AssetDecimalsTooLarge.selector, tooMany[i], 27));
            new TreasuryVault();
        }
    }

    function test_Rule51_MetadataNeverRevertsAndNeverChanges() public inEachScene {
        _assertMetadata();
        asset.mint(address(vault), 2 ** 200);
        skip(400 days);
        _assertMetadata();
        _adoptCap(0);
        vm.etch(address(third), "");
        _assertMetadata();
        vm.etch(address(asset), "");
        _assertMetadata();
    }

    function _assertMetadata() private view {
        assertEq(vault.name(), "Treasury");
        assertEq(vault.symbol(), "TRS");
        assertEq(vault.asset(), address(asset));
        assertEq(vault.decimals(), assetDecimals + decimalsOffset);
    }

    function test_Rule52_TheFirstPriceIsOne() public inEachCombination {
        uint8[3] memory offsets = [0, 6, MAX_OFFSET];
        for (uint256 i = 0; i < 3; ++i) {
            // 27 decimals and 18 more would make one whole share larger than the largest supply, 2^144.
            if (assetDecimals + offsets[i] > 43) continue;
            decimalsOffset = offsets[i];
            _build(asset);
            assertEq(vault.convertToShares(_units(1)), 10 ** vault.decimals());
            assertEq(_deposit(alice, _units(1)), 10 ** vault.decimals());
            assertEq(vault.convertToAssets(10 ** vault.decimals()), _units(1));
        }
    }

    function test_Rule53_NothingOverflowsBelowTenToTheThirtyFifth() public inEachCombination {
        _deposit(alice, 1e35);
        _invest(first, 1e35);
        skip(400 days);
        first.gain(1e34);
        vault.checkpoint();
        skip(10 days);
        vault.checkpoint();
        assertGe(vault.totalAssets(), 1e35);
        _deposit(bob, 1e33);
        uint256 most = vault.maxWithdraw(bob);
        vm.prank(bob);
        vault.withdraw(most, bob, bob);
        assertGe(most + 1e31, 1e33);
        assertGe(_redeemAll(alice), 0.9e35);
    }

    /// @dev Shares have more decimals than the asset, so a fee of one basis point a year is minted from the first unit
    /// on where there is an offset. In assets it is worth a unit from 10,000 units a year on: at six decimals that is
    /// one cent.
    function test_Rule53_AFeeOfOneBasisPointDoesNotVanish() public inEachCombination {
        if (!hasFees) return;
        NavParameters memory terms = _terms();
        (terms.managementFeeBps, terms.performanceFeeBps) = (1, 0);
        _adopt(terms);
        uint256 smallest = 10_200;
        _deposit(alice, smallest);
        uint256 start = vm.snapshotState();
        skip(365 days);
        vault.checkpoint();
        uint256 once = vault.balanceOf(feeRecipient);
        assertGe(once, smallest * _virtualShares() / 10_100, "a hundredth of a per cent");
        // Without an offset, the one share that is minted rounds down to less than a unit itself.
        if (decimalsOffset != 0) assertEq(vault.convertToAssets(once), 1, "one unit");
        vm.revertToState(start);
        // Nor does it if it is collected every day: a share a day at most is lost.
        for (uint256 i = 0; i < 365; ++i) {
            skip(1 days);
            vault.checkpoint();
        }
        if (decimalsOffset >= 6) assertApproxEqRel(vault.balanceOf(feeRecipient), once, 0.01e18);
        assertGe(vault.balanceOf(feeRecipient) + 365, once);
        assertLe(vault.balanceOf(feeRecipient), once + 365);
        vm.revertToState(start);
        // A normal amount, collected every hour for a day: 1 bp of a thousand is a ten thousandth of it a year.
        _deposit(alice, 1000 * 1e6);
        for (uint256 i = 0; i < 24; ++i) {
            skip(1 hours);
            vault.checkpoint();
        }
        assertApproxEqRel(vault.balanceOf(feeRecipient) * 10_000 * 365, vault.totalSupply(), 0.05e18);
    }
}
