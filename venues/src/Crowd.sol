// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IPool} from "aave-v3/contracts/interfaces/IPool.sol";
import {IIrm} from "morpho-blue/interfaces/IIrm.sol";
import {IMorpho, Id, Market, MarketParams as MorphoMarketParams} from "morpho-blue/interfaces/IMorpho.sol";
import {MorphoBlueStrategy} from "vagus/strategies/MorphoBlueStrategy.sol";
import {MarketParams} from "vagus/strategies/interfaces/IMorphoBlue.sol";

import {AaveMarkets, AaveShared} from "./AaveMarkets.sol";
import {AdaptiveCurveIrm} from "./AdaptiveCurveIrm.sol";
import {MorphoMarket, MorphoMarkets} from "./MorphoMarkets.sol";
import {PriceFeed} from "./PriceFeed.sol";
import {AaveConfig, AaveMarket, MorphoConfig, Tokens} from "./World.sol";
import {WorldToken} from "./WorldToken.sol";

/// @title Everybody else in some lending markets
/// @notice Opens markets of Aave V3.6 and Morpho Blue and is all of their lenders and borrowers but one. Lenders hold
/// what they are told to hold, as far as they get out. Borrowers look at the rate: below the one that they find fair
/// they take more than they asked for, above it less, and nothing at twice as much.
/// @dev Far above the code size limit, because it carries the creation code of the venues: for an EVM in process alone.
contract Crowd {
    /// @notice What the crowd is told about one market.
    /// @param market Its place in the order of opening.
    /// @param lent What lenders want to have lent, with interest, smallest unit.
    /// @param wanted What borrowers want to owe at the fair rate, smallest unit.
    /// @param fairRateWad Yearly, 1e18 = 100 %, above zero.
    /// @param part Part of the way to what they want that borrowers go now, of a thousand.
    struct Visit {
        uint256 market;
        uint256 lent;
        uint256 wanted;
        uint256 fairRateWad;
        uint256 part;
    }

    /// @dev `pool` for Aave's, `morpho` and `params` for Morpho's.
    struct Place {
        IPool pool;
        IERC20 aToken;
        IERC20 debtToken;
        MorphoMarketParams params;
    }

    uint256 private constant _YEAR = 365 days;
    int256 private constant _ASSET_PRICE = 1e8;
    int256 private constant _COLLATERAL_PRICE = 3000e8;
    /// @dev Worth of the collateral, as a multiple of what is lent at the beginning: nobody is ever liquidated.
    uint256 private constant _COLLATERAL_MULTIPLE = 30;
    uint256 private constant _LLTV_WAD = 0.86e18;

    Tokens private _tokens;
    AaveShared private _shared;
    IMorpho private _morpho;
    AdaptiveCurveIrm private _irm;
    Place[] private _places;
    /// @notice The ERC-4626 of each market.
    address[] public strategies;

    constructor() {
        _tokens = Tokens({
            asset: new WorldToken("World Dollar", "USDW", 6),
            collateral: new WorldToken("World Ether", "WETHW", 18),
            assetFeed: new PriceFeed(_ASSET_PRICE),
            collateralFeed: new PriceFeed(_COLLATERAL_PRICE)
        });
        _shared = AaveMarkets.deployShared(address(this));
    }

    /// @notice The asset of all markets.
    function asset() external view returns (address) {
        return address(_tokens.asset);
    }

    /// @notice Makes assets for somebody.
    function give(address account, uint256 assets) external {
        _tokens.asset.mint(account, assets);
    }

    /// @notice Takes a Morpho Blue that this contract owns.
    function adopt(IMorpho morpho) external {
        _morpho = morpho;
        _irm = new AdaptiveCurveIrm(address(morpho));
        morpho.enableIrm(address(_irm));
        _tokens.asset.approve(address(morpho), type(uint256).max);
        _tokens.collateral.approve(address(morpho), type(uint256).max);
    }

    /// @notice Opens a market of Aave and lends to it.
    function openAave(AaveConfig calldata config, uint256 lent) external {
        AaveMarket memory market = AaveMarkets.deploy(_shared, _tokens, config, address(this));
        Place storage place = _places.push();
        place.pool = IPool(market.pool);
        place.aToken = IERC20(market.aToken);
        place.debtToken = IERC20(market.debtToken);
        strategies.push(market.stataToken);
        (WorldToken token, WorldToken collateral) = (_tokens.asset, _tokens.collateral);
        token.approve(market.pool, type(uint256).max);
        collateral.approve(market.pool, type(uint256).max);
        uint256 pledged = _pledge(lent);
        place.pool.supply(address(collateral), pledged, address(this), 0);
        token.mint(address(this), lent);
        place.pool.supply(address(token), lent, address(this), 0);
    }

    /// @notice Opens a market of Morpho and lends to it.
    function openMorpho(MorphoConfig calldata config, uint256 lent) external {
        MorphoMarket memory market = MorphoMarkets.deploy(_morpho, _irm, _tokens, config);
        _places.push().params = market.params;
        MorphoMarketParams memory params = market.params;
        strategies.push(
            address(
                new MorphoBlueStrategy(
                    address(_morpho),
                    MarketParams(params.loanToken, params.collateralToken, params.oracle, params.irm, params.lltv),
                    config.name,
                    config.name
                )
            )
        );
        _morpho.supplyCollateral(params, _pledge(lent), address(this), "");
        _tokens.asset.mint(address(this), lent);
        _morpho.supply(params, lent, 0, address(this), "");
    }

    /// @notice Lets the crowd act at some markets.
    function visit(Visit[] calldata visits) external {
        for (uint256 i; i < visits.length; ++i) {
            Visit calldata told = visits[i];
            Place storage place = _places[told.market];
            if (address(place.pool) == address(0)) _visitMorpho(place.params, told);
            else _visitAave(place, told);
        }
    }

    function _visitAave(Place storage place, Visit calldata told) private {
        IPool pool = place.pool;
        address token = address(_tokens.asset);
        uint256 lent = place.aToken.balanceOf(address(this));
        if (lent < told.lent) {
            _tokens.asset.mint(address(this), told.lent - lent);
            pool.supply(token, told.lent - lent, address(this), 0);
        } else {
            uint256 out = _least(lent - told.lent, pool.getVirtualUnderlyingBalance(token));
            if (out != 0) pool.withdraw(token, out, address(this));
        }
        uint256 owed = place.debtToken.balanceOf(address(this));
        // The pool counts in rays, the crowd in wads.
        uint256 aim = _aim(told, owed, pool.getReserveData(token).currentVariableBorrowRate / 1e9);
        if (aim > owed) {
            uint256 more = _least(aim - owed, pool.getVirtualUnderlyingBalance(token));
            if (more != 0) pool.borrow(token, more, 2, 0, address(this));
        } else if (aim < owed) {
            _tokens.asset.mint(address(this), owed - aim);
            pool.repay(token, owed - aim, 2, address(this));
        }
    }

    function _visitMorpho(MorphoMarketParams memory params, Visit calldata told) private {
        IMorpho morpho = _morpho;
        Id id = Id.wrap(keccak256(abi.encode(params)));
        morpho.accrueInterest(params);
        Market memory market = morpho.market(id);
        uint256 lent =
            morpho.position(id, address(this)).supplyShares * market.totalSupplyAssets / market.totalSupplyShares;
        if (lent < told.lent) {
            _tokens.asset.mint(address(this), told.lent - lent);
            morpho.supply(params, told.lent - lent, 0, address(this), "");
        } else {
            uint256 out = _least(lent - told.lent, market.totalSupplyAssets - market.totalBorrowAssets);
            if (out != 0) morpho.withdraw(params, out, 0, address(this), address(this));
        }
        market = morpho.market(id);
        // The crowd is the only borrower. Without interest pending the average rate is the present one, by the second.
        uint256 owed = market.totalBorrowAssets;
        uint256 aim = _aim(told, owed, IIrm(params.irm).borrowRateView(params, market) * _YEAR);
        if (aim > owed) {
            uint256 more = _least(aim - owed, market.totalSupplyAssets - owed);
            if (more != 0) morpho.borrow(params, more, 0, address(this), address(this));
        } else if (aim < owed) {
            _tokens.asset.mint(address(this), owed - aim);
            morpho.repay(params, owed - aim, 0, address(this), "");
        }
    }

    /// @dev What borrowers want to owe after this visit, who see this yearly rate.
    function _aim(Visit calldata told, uint256 owed, uint256 rateWad) private pure returns (uint256) {
        uint256 most = 2 * told.fairRateWad;
        uint256 wanted = rateWad < most ? told.wanted * (most - rateWad) / told.fairRateWad : 0;
        return wanted > owed ? owed + (wanted - owed) * told.part / 1000 : owed - (owed - wanted) * told.part / 1000;
    }

    /// @dev Makes collateral for a market of this size.
    function _pledge(uint256 lent) private returns (uint256 amount) {
        // forge-lint: disable-next-line(unsafe-typecast) Prices are positive. Six decimals against eighteen.
        amount = lent * _COLLATERAL_MULTIPLE * 1e12 * uint256(_ASSET_PRICE) / uint256(_COLLATERAL_PRICE);
        _tokens.collateral.mint(address(this), amount);
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
