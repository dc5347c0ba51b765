// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {console} from "forge-std/console.sol";

import {NavParameters} from "../../contracts/types/Nav.sol";
import {TreasuryVault} from "../../contracts/vault/TreasuryVault.sol";
import {HostileStrategy} from "../mocks/HostileStrategy.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {TestToken} from "../mocks/TestToken.sol";
import {VaultFixture} from "../vault/VaultFixture.sol";
import {Combinations} from "./Combinations.sol";
import {Wide} from "./Wide.sol";

/// @notice How a vault stands when a rule is asked of it.
enum Scene {
    Empty,
    EmptyWithGift,
    OneHolder,
    Several,
    PriceAboveOne,
    PriceBelowOne,
    AfterLoss,
    UnrecognisedGain,
    Illiquid,
    Unreadable,
    ExitFees,
    DearShares
}

/// @notice One vault per combination, with the test as its guard. A rule runs on each of them, and where the state
/// matters in each scene of each.
abstract contract Conformance is VaultFixture, Combinations {
    uint256 internal constant SCENES = uint256(type(Scene).max) + 1;

    struct World {
        TestToken asset;
        TreasuryVault vault;
        TestStrategy first;
        TestStrategy second;
        HostileStrategy third;
    }

    address internal carol = makeAddr("carol");
    address internal feeRecipient = makeAddr("fee recipient");
    Scene internal scene;

    World[COMBINATIONS] private _worlds;

    modifier inEachScene() {
        for (uint256 i = 0; i < COMBINATIONS * SCENES; ++i) {
            uint256 start = vm.snapshotState();
            console.log("begins in", _nameOf(i / SCENES), "scene", i % SCENES);
            _select(i / SCENES);
            _reach(Scene(i % SCENES));
            _;
            vm.revertToStateAndDelete(start);
            if (i % SCENES == SCENES - 1) console.log("ran in", _nameOf(i / SCENES));
        }
    }

    function setUp() public virtual override {
        vm.warp(START);
        for (uint256 i = 0; i < COMBINATIONS; ++i) {
            (assetDecimals, decimalsOffset, hasFees) = (_decimalsOf(i), _offsetOf(i), _hasFees(i));
            _build(_newAsset(assetDecimals));
            _adopt(_terms());
            _worlds[i] = World(asset, vault, first, second, third);
        }
    }

    function _newAsset(uint8 decimals_) internal virtual returns (TestToken) {
        return new TestToken("USD", decimals_);
    }

    function _select(uint256 combination) internal override {
        World storage world = _worlds[combination];
        (asset, vault) = (world.asset, world.vault);
        (first, second, third) = (world.first, world.second, world.third);
        assetDecimals = _decimalsOf(combination);
        decimalsOffset = _offsetOf(combination);
        hasFees = _hasFees(combination);
        vm.warp(START);
    }

    /// @notice Parameters in force: 1 % growth a day, 5 % fall an hour, and with fees on two per cent a year and a
    /// fifth of the gain.
    function _terms() internal view returns (NavParameters memory terms) {
        terms = _parameters();
        terms.entryHaltSeconds = 1 hours;
        if (!hasFees) return terms;
        (terms.managementFeeBps, terms.performanceFeeBps, terms.feeRecipient) = (200, 2000, feeRecipient);
    }

    function _adoptCap(uint256 cap) internal {
        NavParameters memory terms = _terms();
        // forge-lint: disable-next-line(unsafe-typecast)
        terms.depositCap = uint128(cap);
        _adopt(terms);
    }

    /// @notice Brings the selected world, as it was set up, into a scene.
    function _reach(Scene scene_) internal {
        scene = scene_;
        if (scene_ == Scene.Empty) return;
        if (scene_ == Scene.EmptyWithGift) return asset.mint(address(vault), _units(3) + 1);
        if (scene_ == Scene.DearShares) {
            // A price far above one, of which the mark has recognised nothing.
            _deposit(alice, 1);
            return asset.mint(address(vault), 7 * (vault.totalSupply() + _virtualShares()));
        }
        _deposit(alice, _units(100));
        if (scene_ == Scene.OneHolder) return;
        _spread();
        if (scene_ == Scene.PriceAboveOne) {
            first.gain(_units(4));
            skip(5 days);
        } else if (scene_ == Scene.PriceBelowOne) {
            third.lose(_units(3));
            for (uint256 i = 0; i < 3; ++i) {
                vault.checkpoint();
                skip(1 hours);
            }
        } else if (scene_ == Scene.AfterLoss) {
            second.lose(_units(3));
        } else if (scene_ == Scene.UnrecognisedGain) {
            vault.checkpoint();
            first.gain(_units(20));
        } else if (scene_ == Scene.Illiquid) {
            first.setLiquidAssets(_units(5));
            second.setLiquidAssets(0);
        } else if (scene_ == Scene.Unreadable) {
            third.setReadFault(HostileStrategy.Fault.Revert);
        } else if (scene_ == Scene.ExitFees) {
            first.setExitFeeBps(50);
            second.setExitFeeBps(100);
        }
    }

    /// @notice A second holder, money in three strategies, and ten days that nobody has settled.
    function _spread() internal {
        _deposit(bob, _units(37) + 3);
        _invest(first, _units(40));
        _invest(second, _units(30));
        // Little enough that entries would stay open without it: a strategy that cannot be read closes them by itself.
        _invest(third, _units(5));
        skip(10 days);
    }

    /// @notice Amounts from several scales: dust, ordinary, huge.
    function _amounts() internal view returns (uint256[8] memory) {
        uint256 unit = _units(1);
        return [1, 2, 3, unit / 7 + 1, unit, 13 * unit + 1, 10 ** 27 + 7, 2 ** 110 + 1];
    }

    /// @notice Amounts of shares of the same scales.
    function _shareAmounts() internal view returns (uint256[8] memory amounts) {
        amounts = _amounts();
        for (uint256 i = 3; i < 8; ++i) {
            amounts[i] *= _virtualShares();
        }
    }

    function _virtualShares() internal view returns (uint256) {
        return 10 ** decimalsOffset;
    }

    /// @notice A stored price has 56 significant bits. Where fees dilute it, it is rounded up, so that of a gain that
    /// is not recognised this much may show: a unit, and 2^-54 of the assets.
    function _floatStep(uint256 assets) internal view returns (uint256) {
        return hasFees ? 1 + (assets >> 54) : 1;
    }

    /// @notice Shares in existence once the fees due now are minted, and virtual ones: measured, not asked.
    function _unitsNow() internal returns (uint256 units) {
        uint256 start = vm.snapshotState();
        vault.checkpoint();
        units = vault.totalSupply() + _virtualShares();
        vm.revertToStateAndDelete(start);
    }

    /// @notice Idle and what the strategies say their shares are worth, added up from outside. Broken ones count zero.
    function _liveFromOutside() internal view returns (uint256 live) {
        live = asset.balanceOf(address(vault));
        address[3] memory strategies = [address(first), address(second), address(third)];
        for (uint256 i = 0; i < 3; ++i) {
            (bool isRead, uint256 shares) = _ask(strategies[i], abi.encodeCall(IERC20.balanceOf, (address(vault))));
            if (!isRead || shares == 0) continue;
            (, uint256 assets) = _ask(strategies[i], abi.encodeCall(IERC4626.convertToAssets, (shares)));
            live += assets;
        }
    }

    function _ask(address target, bytes memory data) internal view returns (bool isRead, uint256 word) {
        bytes memory answer;
        (isRead, answer) = target.staticcall{gas: 1_000_000}(data);
        isRead = isRead && answer.length >= 32;
        if (isRead) word = abi.decode(answer, (uint256));
    }

    /// @notice Gives an account assets and lets the vault take them.
    function _fund(address account, uint256 assets) internal {
        asset.mint(account, assets);
        vm.prank(account);
        asset.approve(address(vault), assets);
    }

    /// @notice Calls the vault as an account; the test judges the answer.
    function _try(address caller, bytes memory data) internal returns (bool isDone, bytes memory answer) {
        vm.prank(caller);
        return address(vault).call(data);
    }

    function _tryDeposit(address caller, uint256 assets, address receiver)
        internal
        returns (bool isDone, bytes memory answer)
    {
        _fund(caller, assets);
        return _try(caller, abi.encodeCall(IERC4626.deposit, (assets, receiver)));
    }

    function _assertRefused(bool isDone, bytes memory answer, bytes4 selector, string memory what) internal pure {
        assertFalse(isDone, what);
        assertEq(_errorOf(answer), selector, what);
    }

    function _assertFloor(uint256 result, uint256 a, uint256 b, uint256 c, string memory what) internal pure {
        assertTrue(Wide.isFloor(result, a, b, c), what);
    }

    function _assertCeiling(uint256 result, uint256 a, uint256 b, uint256 c, string memory what) internal pure {
        assertTrue(Wide.isCeiling(result, a, b, c), what);
    }
}
