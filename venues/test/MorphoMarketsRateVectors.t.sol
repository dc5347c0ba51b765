// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Market as MorphoMarketState} from "morpho-blue/interfaces/IMorpho.sol";
import {CurveSource, MorphoBlueCurve, MorphoBlueMarketsCurve} from "vagus/interfaces/ITreasuryLens.sol";
import {CurveReader} from "vagus/lens/CurveReader.sol";
import {MorphoBlueMarketsStrategy} from "vagus/strategies/MorphoBlueMarketsStrategy.sol";
import {MarketCap} from "vagus/strategies/interfaces/IMorphoBlueMarketsStrategy.sol";

import {MorphoMarket} from "../src/MorphoMarkets.sol";
import {MorphoConfig} from "../src/World.sol";
import {VectorFile} from "./VectorFile.sol";

/// @notice Writes markets.jsonl: strategies over several markets, read by the lens's own code; the fields are described
/// in ../VECTORS.md.
contract MorphoMarketsRateVectors is VectorFile {
    /// @dev Slots of Morpho's and the rate model's storage.
    uint256 private constant MORPHO_MARKET = 3;
    uint256 private constant IRM_RATE_AT_TARGET = 0;
    uint256 private constant MOST_MARKETS = 8;

    address private immutable _OTHER = makeAddr("another holder");

    MorphoMarket[] private _markets;
    MorphoBlueMarketsStrategy private _strategy;
    uint256 private _count;

    function setUp() public {
        _deployTokens(6);
        _deployMorpho();
        for (uint256 i; i < MOST_MARKETS; ++i) {
            _markets.push(_deployMorphoMarket(MorphoConfig({name: "Market", feeWad: 0, lltvWad: 0.86e18})));
        }
    }

    function test_Write_MarketsVectors() public {
        _generate("markets", 5, this.step);
    }

    function step(uint256 id) external {
        vm.warp(_between(1_700_000_000, 2_000_000_000));
        _count = 1 + id % MOST_MARKETS;
        _setMarkets();
        _deployStrategy();
        _enter(US);
        if (!_oneIn(3)) _enter(_OTHER);
        _drain();
        vm.warp(block.timestamp + (_oneIn(6) ? 0 : _between(1, _oneIn(3) ? 90 days : 1 days)));

        (bool isDeposit, uint256 assets) = _action();
        string memory line = _add("", "id", id);
        line = _add(line, "timestamp", block.timestamp);
        line = _addObject(line, "curve", _curveJson());
        line = string.concat(line, _holderJson());
        line = _add(line, "redeemAssets", _strategy.previewRedeem(_strategy.balanceOf(US)));
        line = _add(line, "maxDeposit", _strategy.maxDeposit(US));
        line = _add(line, "maxWithdraw", _strategy.maxWithdraw(US));
        if (assets != 0) _act(US, isDeposit, assets);
        // An action accrues every market; where none is possible, somebody else may do so.
        else _accrue();
        line = _addText(line, "action", isDeposit ? "deposit" : "withdraw");
        line = _add(line, "assets", assets);
        line = _addObject(line, "after", _object(_placesJson()));
        vm.writeLine(path, _object(_addObject(line, "untouched", _untouchedJson(id))));
    }

    // Making a state

    function _setMarkets() private {
        uint256 present;
        for (uint256 i; i < _count; ++i) {
            uint256 supplied = 1e6 + _magnitude(1e16);
            uint256 borrowed = _borrowed(supplied);
            uint256 fee = _oneIn(2) ? 0 : _between(0, 0.25e18);
            // Never zero: Morpho asks the model when a market is created.
            bytes32 rate = bytes32(uint256(irm.MIN_RATE_AT_TARGET()) + _magnitude(3e10));
            _store(i, supplied, supplied * 1e6 * _between(5000, 15_000) / 10_000, borrowed, fee);
            vm.store(address(irm), keccak256(abi.encode(_markets[i].marketId, IRM_RATE_AT_TARGET)), rate);
            present += supplied - borrowed;
        }
        deal(address(tokens.asset), address(morpho), present);
    }

    function _borrowed(uint256 supplied) private returns (uint256) {
        if (_oneIn(10)) return 0;
        if (_oneIn(10)) return supplied;
        return _oneIn(2) ? _between(0, supplied) : _between(supplied * 8 / 10, supplied);
    }

    function _store(uint256 place, uint256 supplied, uint256 shares, uint256 borrowed, uint256 fee) private {
        uint256 slot = uint256(keccak256(abi.encode(_markets[place].marketId, MORPHO_MARKET)));
        vm.store(address(morpho), bytes32(slot), _pack(supplied, shares));
        vm.store(address(morpho), bytes32(slot + 1), _pack(borrowed, borrowed * 9e5));
        vm.store(address(morpho), bytes32(slot + 2), _pack(block.timestamp - _elapsed(_oneIn(4), _oneIn(20)), fee));
    }

    function _deployStrategy() private {
        MarketCap[] memory list = new MarketCap[](_count);
        for (uint256 i; i < _count; ++i) {
            list[i] = MarketCap({params: _params(_markets[i]), cap: uint96(1e4 + _magnitude(1e15))});
        }
        _strategy = new MorphoBlueMarketsStrategy(address(morpho), list, "Strategy", "S");
        address[2] memory holders = [US, _OTHER];
        for (uint256 i; i < holders.length; ++i) {
            vm.prank(holders[i]);
            tokens.asset.approve(address(_strategy), type(uint256).max);
        }
    }

    /// @dev Somebody comes in with a part of what there is room for.
    function _enter(address holder) private {
        uint256 most = _strategy.maxDeposit(holder);
        if (most > 1000) _act(holder, true, _oneIn(4) ? most : _between(100, most));
    }

    /// @dev In some markets others borrow what was free.
    function _drain() private {
        for (uint256 i; i < _count; ++i) {
            if (!_oneIn(3)) continue;
            MorphoMarketState memory market = morpho.market(_id(_markets[i]));
            uint256 free = market.totalSupplyAssets - market.totalBorrowAssets;
            uint256 taken = _oneIn(2) ? free : _between(0, free);
            uint256 slot = uint256(keccak256(abi.encode(_markets[i].marketId, MORPHO_MARKET)));
            uint256 borrowed = market.totalBorrowAssets + taken;
            vm.store(address(morpho), bytes32(slot + 1), _pack(borrowed, borrowed * 9e5));
            deal(address(tokens.asset), address(morpho), tokens.asset.balanceOf(address(morpho)) - taken);
        }
    }

    // Acting

    function _action() private returns (bool isDeposit, uint256 assets) {
        uint256 room = _strategy.maxDeposit(US);
        uint256 most = _strategy.maxWithdraw(US);
        isDeposit = room > 1000 && (most == 0 || _oneIn(2));
        if (isDeposit) return (true, _oneIn(8) ? room : _oneIn(2) ? _between(100, room) : 99 + _magnitude(room - 99));
        if (most == 0) return (false, 0);
        return (false, _oneIn(8) ? most : _oneIn(2) ? _between(1, most) : _magnitude(most));
    }

    function _act(address holder, bool isDeposit, uint256 assets) private {
        if (isDeposit) deal(address(tokens.asset), holder, assets);
        vm.prank(holder);
        if (isDeposit) _strategy.deposit(assets, holder);
        else _strategy.withdraw(assets, holder, holder);
    }

    function _accrue() private {
        for (uint256 i; i < _count; ++i) {
            morpho.accrueInterest(_markets[i].params);
        }
    }

    // Writing

    function _curveJson() private view returns (string memory list) {
        (CurveSource source, bytes memory encoding) = CurveReader.read(address(_strategy), address(tokens.asset));
        assertEq(uint8(source), uint8(CurveSource.MorphoBlueMarkets));
        MorphoBlueMarketsCurve memory curve = abi.decode(encoding, (MorphoBlueMarketsCurve));
        assertEq(curve.markets.length, _count);
        for (uint256 i; i < _count; ++i) {
            assertEq(curve.markets[i].marketId, _markets[i].marketId);
            string memory json = _addText("", "marketId", vm.toString(curve.markets[i].marketId));
            json = _add(json, "cap", curve.markets[i].cap);
            json = _add(json, "supplyShares", curve.markets[i].supplyShares);
            json = _object(_addObject(json, "curve", _marketJson(curve.markets[i].curve)));
            list = string.concat(list, i == 0 ? "" : ",", json);
        }
        return string.concat("[", list, "]");
    }

    function _marketJson(MorphoBlueCurve memory curve) private pure returns (string memory json) {
        json = _add("", "totalSupplyAssets", curve.totalSupplyAssets);
        json = _add(json, "totalSupplyShares", curve.totalSupplyShares);
        json = _add(json, "totalBorrowAssets", curve.totalBorrowAssets);
        json = _add(json, "totalBorrowShares", curve.totalBorrowShares);
        json = _add(json, "lastUpdateAt", curve.lastUpdateAt);
        json = _add(json, "feeWad", curve.feeWad);
        json = _object(_addText(json, "rateAtTargetWad", vm.toString(curve.rateAtTargetWad)));
    }

    function _holderJson() private view returns (string memory json) {
        uint256 shares = _strategy.balanceOf(US);
        json = _add("", "positionShares", shares);
        json = _add(json, "positionAssets", _strategy.convertToAssets(shares));
        json = _add(json, "totalAssets", _strategy.totalAssets());
        json = _add(json, "strategySupply", _strategy.totalSupply());
    }

    /// @dev What Morpho and the strategy say of each market after the action.
    function _placesJson() private view returns (string memory) {
        string memory list;
        for (uint256 i; i < _count; ++i) {
            (,, uint256 held) = _strategy.marketAt(i);
            string memory json = _add("", "supplyShares", held);
            json = _object(_add(json, "totalSupplyAssets", morpho.market(_id(_markets[i])).totalSupplyAssets));
            list = string.concat(list, i == 0 ? "" : ",", json);
        }
        return _addObject(_holderJson(), "markets", string.concat("[", list, "]"));
    }

    /// @dev A time in which nobody acts, from a second to two years, and what our shares are worth at its end.
    function _untouchedJson(uint256 id) private returns (string memory) {
        uint256 secondsUntouched =
            1 + uint256(keccak256(abi.encode("untouched", id))) % (uint256(3 days) << (id / 8 % 9));
        vm.warp(block.timestamp + secondsUntouched);
        string memory json = _add("", "seconds", secondsUntouched);
        json = _add(json, "totalAssets", _strategy.totalAssets());
        return _object(_add(json, "positionAssets", _strategy.convertToAssets(_strategy.balanceOf(US))));
    }
}
