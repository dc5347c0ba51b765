// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDefaultInterestRateStrategyV2} from "aave-v3/contracts/interfaces/IDefaultInterestRateStrategyV2.sol";
import {IPool} from "aave-v3/contracts/interfaces/IPool.sol";
import {IReserveInterestRateStrategy} from "aave-v3/contracts/interfaces/IReserveInterestRateStrategy.sol";
import {IVariableDebtToken} from "aave-v3/contracts/interfaces/IVariableDebtToken.sol";
import {DataTypes} from "aave-v3/contracts/protocol/libraries/types/DataTypes.sol";
import {StdStorage, stdStorage} from "forge-std/Test.sol";

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {AaveConfig, AaveMarket} from "../src/World.sol";
import {VectorFile} from "./VectorFile.sol";

/// @notice Writes aave.jsonl; the fields are described in ../VECTORS.md.
contract AaveRateVectors is VectorFile {
    using stdStorage for StdStorage;

    uint256 private constant RAY = 1e27;
    uint256 private constant UNIT = 1e6;
    /// @dev Slots of the contracts' storage, as the compiler lays them out; every state is read back through getters.
    uint256 private constant POOL_RESERVES = 52;
    uint256 private constant TOKEN_USER_STATE = 52;
    uint256 private constant STRATEGY_RATE_DATA = 0;
    uint256 private constant STATA_ERC20 = 0x52c63247e1f47db19d5ce0460030c497f067ca4cebf71ba98eeadabe20bace00;
    uint256 private constant RESERVE_FACTOR_BIT = 64;
    uint256 private constant SUPPLY_CAP_BIT = 116;

    enum Case {
        Mixed,
        BelowKink,
        AboveKink,
        AtKink,
        NoBorrows,
        FullUtilisation,
        Empty,
        ReserveFactor0,
        ReserveFactor100,
        CapReached,
        CapNear,
        Deficit,
        SameBlock,
        LongIdle,
        WholePosition,
        SoleSupplier
    }

    /// @dev A reserve to be set. Amounts are asset units, rates and indexes ray.
    struct State {
        Case corner;
        uint256 supplied;
        uint256 debt;
        uint256 liquidityIndex;
        uint256 borrowIndex;
        uint256 liquidityRate;
        uint256 borrowRate;
        uint256 deficit;
        uint256 lastUpdateAt;
        uint256 accruedToTreasury;
        uint256 ourShares;
        uint256 reserveFactorBps;
        uint256 supplyCap;
    }

    error Accepted();

    AaveMarket private _market;
    IPool private _pool;
    IERC4626 private _stata;
    uint256 private _configuration;
    uint256 private _aTokenSupplySlot;
    uint256 private _debtSupplySlot;
    uint256[16] private _written;

    function setUp() public {
        _deployTokens(6);
        _market = _deployAave(
            AaveConfig({
                name: "Main",
                optimalUsageBps: 9000,
                baseRateBps: 0,
                slope1Bps: 450,
                slope2Bps: 6000,
                reserveFactorBps: 0,
                supplyCap: 0,
                borrowCap: 0
            })
        );
        _pool = IPool(_market.pool);
        _stata = IERC4626(_market.stataToken);
        _configuration = _pool.getConfiguration(address(tokens.asset)).data;
        _aTokenSupplySlot = stdstore.target(_market.aToken).sig("scaledTotalSupply()").find();
        _debtSupplySlot = stdstore.target(_market.debtToken).sig("scaledTotalSupply()").find();
        vm.prank(US);
        tokens.asset.approve(address(_stata), type(uint256).max);
    }

    function test_Write_AaveVectors() public {
        _generate("aave", 1, this.step);
        // Every corner was written, unless the file was asked to be shorter than one round.
        if (_written[0] == 0) return;
        for (uint256 i; i < _written.length; ++i) {
            if (_written[uint256(type(Case).max)] != 0) assertGt(_written[i], 0, "a case is missing");
        }
    }

    function step(uint256 id) external {
        State memory state = _draw(Case(id % (uint256(type(Case).max) + 1)));
        _set(state);
        (bool isDeposit, uint256 assets) = _action(state);
        string memory line = _add("", "id", id);
        line = _addText(line, "case", _caseName(state.corner));
        line = _add(line, "timestamp", block.timestamp);
        line = _addObject(line, "curve", _curveJson());
        line = string.concat(line, _strategyJson());
        line = _add(line, "liquidityRateRay", _reserve().currentLiquidityRate);
        _act(isDeposit, assets);
        line = _addText(line, "action", isDeposit ? "deposit" : "withdraw");
        line = _add(line, "assets", assets);
        vm.writeLine(path, _object(_addObject(line, "after", _afterJson())));
        ++_written[uint256(state.corner)];
    }

    // Drawing a state

    function _draw(Case corner) private returns (State memory state) {
        vm.warp(_between(1_700_000_000, 2_000_000_000));
        state.corner = corner;
        bool isSameBlock = corner == Case.SameBlock || corner == Case.CapNear && _oneIn(3);
        state.lastUpdateAt = block.timestamp - _elapsed(isSameBlock, corner == Case.LongIdle);
        uint256 optimalBps = _drawCurve();
        state.supplied = corner == Case.Empty ? 0 : _magnitude(1e17);
        // What needs room to have a corner gets it.
        if (corner == Case.CapReached || corner == Case.CapNear || corner == Case.AtKink) {
            state.supplied = _between(1000 * UNIT, 1e17);
        }
        state.debt = state.supplied * _usageWad(corner, optimalBps) / 1e18;
        state.liquidityIndex = RAY + (_oneIn(8) ? 0 : _magnitude(RAY));
        state.borrowIndex = state.liquidityIndex + (_oneIn(8) ? 0 : _magnitude(RAY));
        state.reserveFactorBps = corner == Case.ReserveFactor0
            ? 0
            : corner == Case.ReserveFactor100 ? 10_000 : _oneIn(4) ? _between(0, 10_000) : _between(5, 35) * 100;
        if (corner == Case.Deficit) state.deficit = _magnitude(state.supplied + 1);
        if (_oneIn(2)) state.accruedToTreasury = _magnitude(state.supplied / 100 + 1);
        state.supplyCap = _cap(state);
        state.ourShares = _shares(state);
        (state.liquidityRate, state.borrowRate) = _storedRates(state);
    }

    /// @dev Sets a rate curve within the limits that Aave's setter enforces, and returns its kink.
    function _drawCurve() private returns (uint256 optimalBps) {
        optimalBps = _oneIn(6) ? (_oneIn(2) ? 100 : 9900) : _between(100, 9900);
        uint256 base = _oneIn(3) ? 0 : _between(0, 2000);
        uint256 slope1 = _between(0, 3000);
        uint256 slope2 = _oneIn(4) ? slope1 : _between(slope1, 90_000);
        bytes32 slot = keccak256(abi.encode(address(tokens.asset), STRATEGY_RATE_DATA));
        vm.store(_market.rateStrategy, slot, bytes32(optimalBps | base << 16 | slope1 << 48 | slope2 << 80));
    }

    function _usageWad(Case corner, uint256 optimalBps) private returns (uint256) {
        uint256 kink = optimalBps * 1e14;
        if (corner == Case.NoBorrows) return 0;
        if (corner == Case.FullUtilisation) return 1e18;
        if (corner == Case.BelowKink) return _between(0, kink);
        if (corner == Case.AboveKink) return _between(kink, 1e18);
        if (corner == Case.AtKink) return kink;
        return _between(0, 1e18);
    }

    /// @dev In whole tokens; zero means none.
    function _cap(State memory state) private returns (uint256) {
        uint256 whole = state.supplied / UNIT;
        if (state.corner == Case.CapReached) return _between(1, whole);
        // Interest may have used up the rest of it meanwhile; then it is reached as well.
        if (state.corner == Case.CapNear) return whole * 12 / 10 + _between(1, 1000);
        return _oneIn(2) ? 0 : whole * _between(2, 100) + 1_000_000;
    }

    /// @dev Our static tokens, one of which is one scaled aToken.
    function _shares(State memory state) private returns (uint256) {
        uint256 scaled = state.supplied * RAY / state.liquidityIndex;
        if (state.corner == Case.SoleSupplier || state.corner == Case.WholePosition && _oneIn(2)) return scaled;
        if (_oneIn(5) && state.corner != Case.WholePosition) return 0;
        return scaled == 0 ? 0 : _magnitude(scaled);
    }

    /// @dev Mostly what Aave's curve gives for this state; sometimes what another curve would have given.
    function _storedRates(State memory state) private returns (uint256, uint256) {
        if (_oneIn(4)) return (_between(0, RAY / 5), _between(0, RAY / 2));
        return IReserveInterestRateStrategy(_market.rateStrategy)
            .calculateInterestRates(
                DataTypes.CalculateInterestRatesParams({
                unbacked: state.deficit,
                liquidityAdded: 0,
                liquidityTaken: 0,
                totalDebt: state.debt,
                reserveFactor: state.reserveFactorBps,
                reserve: address(tokens.asset),
                usingVirtualBalance: true,
                virtualUnderlyingBalance: state.supplied - state.debt
            })
            );
    }

    // Setting it in the real contracts' storage

    function _set(State memory state) private {
        uint256 slot = uint256(keccak256(abi.encode(address(tokens.asset), POOL_RESERVES)));
        uint256 virtualBalance = state.supplied - state.debt;
        _storePool(
            slot,
            bytes32(_configuration | state.reserveFactorBps << RESERVE_FACTOR_BIT | state.supplyCap << SUPPLY_CAP_BIT)
        );
        _storePool(slot + 1, _pack(state.liquidityIndex, state.liquidityRate));
        _storePool(slot + 2, _pack(state.borrowIndex, state.borrowRate));
        _storePool(slot + 3, _pack(state.deficit, state.lastUpdateAt));
        _storePool(slot + 8, _pack(state.accruedToTreasury, virtualBalance));

        uint256 scaledSupply = state.supplied * RAY / state.liquidityIndex;
        uint256 scaledDebt = (state.debt * RAY + state.borrowIndex - 1) / state.borrowIndex;
        vm.store(_market.aToken, bytes32(_aTokenSupplySlot), bytes32(scaledSupply));
        vm.store(_market.debtToken, bytes32(_debtSupplySlot), bytes32(scaledDebt));
        bytes32 stataState = keccak256(abi.encode(address(_stata), TOKEN_USER_STATE));
        // The index at which a balance last changed is only for events.
        vm.store(_market.aToken, stataState, bytes32(state.ourShares | RAY << 128));
        vm.store(address(_stata), keccak256(abi.encode(US, STATA_ERC20)), bytes32(state.ourShares));
        vm.store(address(_stata), bytes32(STATA_ERC20 + 2), bytes32(state.ourShares));
        deal(address(tokens.asset), _market.aToken, virtualBalance);

        _checkReadBack(state, virtualBalance, scaledDebt);
    }

    function _storePool(uint256 slot, bytes32 value) private {
        vm.store(_market.pool, bytes32(slot), value);
    }

    function _checkReadBack(State memory state, uint256 virtualBalance, uint256 scaledDebt) private view {
        DataTypes.ReserveDataLegacy memory data = _reserve();
        assertEq(data.liquidityIndex, state.liquidityIndex, "liquidityIndex");
        assertEq(data.currentLiquidityRate, state.liquidityRate, "currentLiquidityRate");
        assertEq(data.variableBorrowIndex, state.borrowIndex, "variableBorrowIndex");
        assertEq(data.currentVariableBorrowRate, state.borrowRate, "currentVariableBorrowRate");
        assertEq(data.lastUpdateTimestamp, state.lastUpdateAt, "lastUpdateTimestamp");
        assertEq(data.accruedToTreasury, state.accruedToTreasury, "accruedToTreasury");
        assertEq(_pool.getReserveDeficit(address(tokens.asset)), state.deficit, "deficit");
        assertEq(_pool.getVirtualUnderlyingBalance(address(tokens.asset)), virtualBalance, "virtual balance");
        assertEq(IVariableDebtToken(_market.debtToken).scaledTotalSupply(), scaledDebt, "scaled debt");
        assertEq(_stata.balanceOf(US), state.ourShares, "our shares");
    }

    // Acting

    function _action(State memory state) private returns (bool isDeposit, uint256 assets) {
        uint256 maxWithdraw = _stata.maxWithdraw(US);
        if (state.corner == Case.WholePosition && maxWithdraw != 0) return (false, maxWithdraw);
        if (state.corner == Case.CapNear || maxWithdraw == 0 || _oneIn(2)) {
            assets = _depositable(_depositWish(state));
            if (assets != 0) return (true, assets);
        }
        if (maxWithdraw != 0) return (false, _oneIn(8) ? maxWithdraw : _magnitude(maxWithdraw));
        // Nothing is possible: lift the cap.
        state.supplyCap = 0;
        _set(state);
        return (true, _depositWish(state));
    }

    function _depositWish(State memory state) private returns (uint256 assets) {
        uint256 maxDeposit = _stata.maxDeposit(US);
        if (state.corner == Case.CapNear && state.supplyCap != 0) return maxDeposit;
        // Two smallest units above the price of a share is the least that the static token and the pool mint one for.
        assets = _stata.previewMint(1) + 1 + _magnitude(state.supplied * 10 + 1e6);
        return assets > maxDeposit ? maxDeposit : assets;
    }

    /// @dev The largest deposit up to `assets` that Aave accepts, or zero. The static token's `maxDeposit` leaves out
    /// what Aave's treasury earned since the last update, which counts against the cap, so a deposit of it may be
    /// refused.
    function _depositable(uint256 assets) private returns (uint256 lowest) {
        if (_stata.maxDeposit(US) == type(uint256).max || _accepts(assets)) return assets;
        uint256 highest = assets == 0 ? 0 : assets - 1;
        while (lowest < highest) {
            uint256 middle = (lowest + highest + 1) / 2;
            if (_accepts(middle)) lowest = middle;
            else highest = middle - 1;
        }
        if (!_accepts(lowest)) return 0;
    }

    /// @dev Makes the deposit in a call that always reverts, which undoes it.
    function _accepts(uint256 assets) private returns (bool) {
        try this.probe(assets) {
            return false;
        } catch (bytes memory reason) {
            return keccak256(reason) == keccak256(abi.encodeWithSelector(Accepted.selector));
        }
    }

    function probe(uint256 assets) external {
        _act(true, assets);
        revert Accepted();
    }

    function _act(bool isDeposit, uint256 assets) private {
        if (isDeposit) deal(address(tokens.asset), US, assets);
        vm.prank(US);
        if (isDeposit) _stata.deposit(assets, US);
        else _stata.withdraw(assets, US, US);
    }

    // Writing

    function _curveJson() private view returns (string memory) {
        IDefaultInterestRateStrategyV2.InterestRateDataRay memory rates =
            IDefaultInterestRateStrategyV2(_market.rateStrategy).getInterestRateData(address(tokens.asset));
        DataTypes.ReserveDataLegacy memory data = _reserve();
        string memory json = _add("", "configuration", data.configuration.data);
        json = _add(json, "optimalUsageRay", rates.optimalUsageRatio);
        json = _add(json, "baseRateRay", rates.baseVariableBorrowRate);
        json = _add(json, "slope1Ray", rates.variableRateSlope1);
        json = _add(json, "slope2Ray", rates.variableRateSlope2);
        json = _add(json, "variableBorrowIndexRay", data.variableBorrowIndex);
        json = _add(json, "variableBorrowRateRay", data.currentVariableBorrowRate);
        json = _add(json, "scaledDebt", IVariableDebtToken(_market.debtToken).scaledTotalSupply());
        json = _add(json, "virtualBalance", _pool.getVirtualUnderlyingBalance(address(tokens.asset)));
        json = _add(json, "deficit", _pool.getReserveDeficit(address(tokens.asset)));
        json = _add(json, "lastUpdateAt", data.lastUpdateTimestamp);
        json = _add(json, "totalATokenSupply", IERC20(_market.aToken).totalSupply());
        json = _add(json, "accruedToTreasury", data.accruedToTreasury);
        json = _add(json, "liquidityIndexRay", data.liquidityIndex);
        return _object(json);
    }

    function _strategyJson() private view returns (string memory) {
        uint256 shares = _stata.balanceOf(US);
        string memory json = _add("", "positionShares", shares);
        json = _add(json, "positionAssets", _stata.convertToAssets(shares));
        json = _add(json, "redeemAssets", _stata.previewRedeem(shares));
        json = _add(json, "maxDeposit", _stata.maxDeposit(US));
        json = _add(json, "maxWithdraw", _stata.maxWithdraw(US));
        return json;
    }

    function _afterJson() private view returns (string memory) {
        DataTypes.ReserveDataLegacy memory data = _reserve();
        uint256 shares = _stata.balanceOf(US);
        string memory json = _add("", "liquidityRateRay", data.currentLiquidityRate);
        json = _add(json, "variableBorrowRateRay", data.currentVariableBorrowRate);
        json = _add(json, "liquidityIndexRay", data.liquidityIndex);
        json = _add(json, "variableBorrowIndexRay", data.variableBorrowIndex);
        json = _add(json, "accruedToTreasury", data.accruedToTreasury);
        json = _add(json, "virtualBalance", _pool.getVirtualUnderlyingBalance(address(tokens.asset)));
        json = _add(json, "scaledDebt", IVariableDebtToken(_market.debtToken).scaledTotalSupply());
        json = _add(json, "totalATokenSupply", IERC20(_market.aToken).totalSupply());
        json = _add(json, "positionShares", shares);
        json = _add(json, "positionAssets", _stata.convertToAssets(shares));
        return _object(json);
    }

    function _reserve() private view returns (DataTypes.ReserveDataLegacy memory) {
        return _pool.getReserveData(address(tokens.asset));
    }

    function _caseName(Case corner) private pure returns (string memory) {
        if (corner == Case.BelowKink) return "belowKink";
        if (corner == Case.AboveKink) return "aboveKink";
        if (corner == Case.AtKink) return "atKink";
        if (corner == Case.NoBorrows) return "noBorrows";
        if (corner == Case.FullUtilisation) return "fullUtilisation";
        if (corner == Case.Empty) return "empty";
        if (corner == Case.ReserveFactor0) return "reserveFactor0";
        if (corner == Case.ReserveFactor100) return "reserveFactor100";
        if (corner == Case.CapReached) return "capReached";
        if (corner == Case.CapNear) return "capNear";
        if (corner == Case.Deficit) return "deficit";
        if (corner == Case.SameBlock) return "sameBlock";
        if (corner == Case.LongIdle) return "longIdle";
        if (corner == Case.WholePosition) return "wholePosition";
        if (corner == Case.SoleSupplier) return "soleSupplier";
        return "mixed";
    }
}
