// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IIrm} from "morpho-blue/interfaces/IIrm.sol";
import {Id as MorphoId, Market as MorphoMarketState} from "morpho-blue/interfaces/IMorpho.sol";
import {MorphoBlueStrategy} from "vagus/strategies/MorphoBlueStrategy.sol";

import {MorphoMarket} from "../src/MorphoMarkets.sol";
import {MorphoConfig} from "../src/World.sol";
import {VectorFile} from "./VectorFile.sol";

/// @notice Writes morpho.jsonl; the fields are described in ../VECTORS.md.
contract MorphoRateVectors is VectorFile {
    /// @dev Slots of Morpho's, the rate model's and the strategy's storage; every state is read back through getters.
    uint256 private constant MORPHO_POSITION = 2;
    uint256 private constant MORPHO_MARKET = 3;
    uint256 private constant IRM_RATE_AT_TARGET = 0;
    uint256 private constant ERC20_BALANCES = 0;
    uint256 private constant ERC20_TOTAL_SUPPLY = 2;

    enum Case {
        Mixed,
        BelowTarget,
        AboveTarget,
        AtTarget,
        NoBorrows,
        FullUtilisation,
        Empty,
        Fee0,
        Fee25,
        SameBlock,
        LongIdle,
        FirstUse,
        RateFloor,
        RateCeiling,
        WholePosition,
        SoleSupplier
    }

    /// @dev A market to be set.
    struct State {
        Case corner;
        uint256 supplyAssets;
        uint256 supplyShares;
        uint256 borrowAssets;
        uint256 borrowShares;
        uint256 lastUpdateAt;
        uint256 feeWad;
        uint256 rateAtTarget;
        uint256 ourShares;
        uint256 strandedShares;
    }

    MorphoMarket private _market;
    MorphoBlueStrategy private _strategy;
    uint256[16] private _written;

    function setUp() public {
        _deployTokens(6);
        _deployMorpho();
        _market = _deployMorphoMarket(MorphoConfig({name: "Market", feeWad: 0, lltvWad: 0.86e18}));
        _strategy = new MorphoBlueStrategy(address(morpho), _params(_market), "Strategy", "S");
        vm.prank(US);
        tokens.asset.approve(address(_strategy), type(uint256).max);
    }

    function test_Write_MorphoVectors() public {
        _generate("morpho", 1, this.step);
        // Every corner was written, unless the file was asked to be shorter than one round.
        if (_written[uint256(type(Case).max)] == 0) return;
        for (uint256 i; i < _written.length; ++i) {
            assertGt(_written[i], 0, "a case is missing");
        }
    }

    function step(uint256 id) external {
        State memory state = _draw(Case(id % (uint256(type(Case).max) + 1)));
        _set(state);
        (bool isDeposit, uint256 assets) = _action(state);
        string memory line = _add("", "id", id);
        line = _addText(line, "case", _caseName(state.corner));
        line = _add(line, "timestamp", block.timestamp);
        line = _addObject(line, "curve", _object(_marketJson()));
        line = string.concat(line, _strategyJson());
        _act(isDeposit, assets);
        line = _addText(line, "action", isDeposit ? "deposit" : "withdraw");
        line = _add(line, "assets", assets);
        line = _addObject(line, "after", _afterJson());
        vm.writeLine(path, _object(_addObject(line, "untouched", _untouchedJson(id))));
        ++_written[uint256(state.corner)];
    }

    // Drawing a state

    function _draw(Case corner) private returns (State memory state) {
        vm.warp(_between(1_700_000_000, 2_000_000_000));
        state.corner = corner;
        state.lastUpdateAt = block.timestamp - _elapsed(corner == Case.SameBlock, corner == Case.LongIdle);
        state.supplyAssets = corner == Case.Empty ? 0 : _magnitude(1e17);
        // Ninety per cent must be a whole number of units to be the target exactly.
        if (corner == Case.AtTarget) state.supplyAssets = (state.supplyAssets / 10 + 1) * 10;
        state.borrowAssets = _borrowed(corner, state.supplyAssets);
        // A share costs a millionth of a unit at first; interest makes it dearer, bad debt cheaper.
        state.supplyShares = state.supplyAssets * 1e6 * _between(5000, 15_000) / 10_000;
        state.borrowShares = state.borrowAssets * 1e6 * _between(5000, 10_000) / 10_000;
        if (corner == Case.Fee25) state.feeWad = 0.25e18;
        else if (corner != Case.Fee0 && !_oneIn(3)) state.feeWad = _oneIn(2) ? 0.1e18 : _between(1, 0.25e18);
        state.rateAtTarget = _rateAtTarget(corner);
        if (corner == Case.SoleSupplier || corner == Case.WholePosition && _oneIn(2)) {
            state.ourShares = state.supplyShares;
        } else if (state.supplyShares != 0 && (corner == Case.WholePosition || !_oneIn(5))) {
            state.ourShares = _magnitude(state.supplyShares);
            if (_oneIn(4)) state.strandedShares = _between(0, state.supplyShares - state.ourShares) / 1000;
        }
    }

    function _borrowed(Case corner, uint256 supplied) private returns (uint256) {
        if (corner == Case.NoBorrows) return 0;
        if (corner == Case.FullUtilisation) return supplied;
        if (corner == Case.BelowTarget) return _between(0, supplied * 9 / 10);
        if (corner == Case.AboveTarget) return _between(supplied * 9 / 10, supplied);
        if (corner == Case.AtTarget) return supplied * 9 / 10;
        return _between(0, supplied);
    }

    function _rateAtTarget(Case corner) private returns (uint256) {
        // forge-lint: disable-start(unsafe-typecast) Both limits are positive.
        uint256 lowest = uint256(irm.MIN_RATE_AT_TARGET());
        uint256 highest = uint256(irm.MAX_RATE_AT_TARGET());
        // forge-lint: disable-end(unsafe-typecast)
        if (corner == Case.FirstUse) return 0;
        if (corner == Case.RateFloor) return lowest;
        if (corner == Case.RateCeiling) return highest;
        return lowest + _magnitude(highest - lowest) % (highest - lowest);
    }

    // Setting it in the real contracts' storage

    function _set(State memory state) private {
        uint256 slot = uint256(keccak256(abi.encode(_market.marketId, MORPHO_MARKET)));
        vm.store(address(morpho), bytes32(slot), _pack(state.supplyAssets, state.supplyShares));
        vm.store(address(morpho), bytes32(slot + 1), _pack(state.borrowAssets, state.borrowShares));
        vm.store(address(morpho), bytes32(slot + 2), _pack(state.lastUpdateAt, state.feeWad));
        bytes32 positions = keccak256(abi.encode(_market.marketId, MORPHO_POSITION));
        uint256 held = state.ourShares + state.strandedShares;
        vm.store(address(morpho), keccak256(abi.encode(address(_strategy), positions)), bytes32(held));
        bytes32 rateSlot = keccak256(abi.encode(_market.marketId, IRM_RATE_AT_TARGET));
        vm.store(address(irm), rateSlot, bytes32(state.rateAtTarget));
        vm.store(address(_strategy), keccak256(abi.encode(US, ERC20_BALANCES)), bytes32(state.ourShares));
        vm.store(address(_strategy), bytes32(ERC20_TOTAL_SUPPLY), bytes32(state.ourShares));
        deal(address(tokens.asset), address(morpho), state.supplyAssets - state.borrowAssets);
        _checkReadBack(state);
    }

    function _checkReadBack(State memory state) private view {
        MorphoMarketState memory market = morpho.market(_id(_market));
        assertEq(market.totalSupplyAssets, state.supplyAssets, "supply assets");
        assertEq(market.totalSupplyShares, state.supplyShares, "supply shares");
        assertEq(market.totalBorrowAssets, state.borrowAssets, "borrow assets");
        assertEq(market.totalBorrowShares, state.borrowShares, "borrow shares");
        assertEq(market.lastUpdate, state.lastUpdateAt, "last update");
        assertEq(market.fee, state.feeWad, "fee");
        assertEq(irm.rateAtTarget(_market.marketId), int256(state.rateAtTarget), "rate at target");
        assertEq(_morphoShares(), state.ourShares + state.strandedShares, "position");
        assertEq(_strategy.balanceOf(US), state.ourShares, "our shares");
        assertEq(_strategy.totalSupply(), state.ourShares, "supply of the strategy");
    }

    // Acting

    function _action(State memory state) private returns (bool isDeposit, uint256 assets) {
        uint256 maxWithdraw = _strategy.maxWithdraw(US);
        if (maxWithdraw != 0) {
            if (state.corner == Case.WholePosition) return (false, maxWithdraw);
            if (_oneIn(2)) return (false, _oneIn(8) ? maxWithdraw : _magnitude(maxWithdraw));
        }
        // Two smallest units above the price of a share is enough to be given one.
        return (true, _strategy.previewMint(1) + 1 + _magnitude(state.supplyAssets * 10 + 1e6));
    }

    function _act(bool isDeposit, uint256 assets) private {
        if (isDeposit) deal(address(tokens.asset), US, assets);
        vm.prank(US);
        if (isDeposit) _strategy.deposit(assets, US);
        else _strategy.withdraw(assets, US, US);
    }

    // Writing

    function _marketJson() private view returns (string memory json) {
        MorphoMarketState memory market = morpho.market(_id(_market));
        json = _add("", "totalSupplyAssets", market.totalSupplyAssets);
        json = _add(json, "totalSupplyShares", market.totalSupplyShares);
        json = _add(json, "totalBorrowAssets", market.totalBorrowAssets);
        json = _add(json, "totalBorrowShares", market.totalBorrowShares);
        json = _add(json, "lastUpdateAt", market.lastUpdate);
        json = _add(json, "feeWad", market.fee);
        json = _addText(json, "rateAtTargetWad", vm.toString(irm.rateAtTarget(_market.marketId)));
    }

    function _strategyJson() private view returns (string memory json) {
        uint256 shares = _strategy.balanceOf(US);
        json = _add("", "positionShares", shares);
        json = _add(json, "positionAssets", _strategy.convertToAssets(shares));
        json = _add(json, "redeemAssets", _strategy.previewRedeem(shares));
        json = _add(json, "maxDeposit", _strategy.maxDeposit(US));
        json = _add(json, "maxWithdraw", _strategy.maxWithdraw(US));
        json = _add(json, "morphoShares", _morphoShares());
        json = _add(json, "strategySupply", _strategy.totalSupply());
    }

    function _afterJson() private view returns (string memory) {
        uint256 shares = _strategy.balanceOf(US);
        string memory json = _marketJson();
        json =
            _add(json, "borrowRateWad", IIrm(address(irm)).borrowRateView(_market.params, morpho.market(_id(_market))));
        json = _add(json, "positionShares", shares);
        json = _add(json, "positionAssets", _strategy.convertToAssets(shares));
        json = _add(json, "morphoShares", _morphoShares());
        json = _add(json, "strategySupply", _strategy.totalSupply());
        return _object(json);
    }

    /// @dev A time in which nobody acts, from a second to two years, and what the market makes of it at its end.
    function _untouchedJson(uint256 id) private returns (string memory) {
        uint256 secondsUntouched = 1 + uint256(keccak256(abi.encode("untouched", id))) % (uint256(3 days) << (id % 9));
        vm.warp(block.timestamp + secondsUntouched);
        string memory json = _add("", "seconds", secondsUntouched);
        json = _add(
            json, "meanBorrowRateWad", IIrm(address(irm)).borrowRateView(_market.params, morpho.market(_id(_market)))
        );
        morpho.accrueInterest(_market.params);
        MorphoMarketState memory market = morpho.market(_id(_market));
        json = _add(json, "totalSupplyAssets", market.totalSupplyAssets);
        json = _add(json, "totalSupplyShares", market.totalSupplyShares);
        json = _add(json, "totalBorrowAssets", market.totalBorrowAssets);
        json = _addText(json, "rateAtTargetWad", vm.toString(irm.rateAtTarget(_market.marketId)));
        return _object(json);
    }

    function _morphoShares() private view returns (uint256) {
        return morpho.position(_id(_market), address(_strategy)).supplyShares;
    }

    function _caseName(Case corner) private pure returns (string memory) {
        if (corner == Case.BelowTarget) return "belowTarget";
        if (corner == Case.AboveTarget) return "aboveTarget";
        if (corner == Case.AtTarget) return "atTarget";
        if (corner == Case.NoBorrows) return "noBorrows";
        if (corner == Case.FullUtilisation) return "fullUtilisation";
        if (corner == Case.Empty) return "empty";
        if (corner == Case.Fee0) return "fee0";
        if (corner == Case.Fee25) return "fee25";
        if (corner == Case.SameBlock) return "sameBlock";
        if (corner == Case.LongIdle) return "longIdle";
        if (corner == Case.FirstUse) return "firstUse";
        if (corner == Case.RateFloor) return "rateFloor";
        if (corner == Case.RateCeiling) return "rateCeiling";
        if (corner == Case.WholePosition) return "wholePosition";
        if (corner == Case.SoleSupplier) return "soleSupplier";
        return "mixed";
    }
}
