// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IMorpho, Market, MarketParams as MorphoMarketParams} from "morpho-blue/interfaces/IMorpho.sol";
import {MorphoBlueStrategy} from "vagus/strategies/MorphoBlueStrategy.sol";
import {IMorphoBlue, IMorphoIrm, MarketParams} from "vagus/strategies/interfaces/IMorphoBlue.sol";
import {IMorphoBlueStrategy} from "vagus/strategies/interfaces/IMorphoBlueStrategy.sol";

import {MorphoMarket} from "../src/MorphoMarkets.sol";
import {MorphoConfig} from "../src/World.sol";
import {VenuesFixture} from "./VenuesFixture.sol";

/// @notice The strategy on the real Morpho Blue with the adaptive rate model.
contract MorphoBlueStrategyTest is VenuesFixture {
    address internal immutable ALICE = makeAddr("alice");
    address internal immutable BOB = makeAddr("bob");
    address internal immutable LENDER = makeAddr("lender");
    address internal immutable BORROWER = makeAddr("borrower");

    MorphoMarket internal market;
    MorphoBlueStrategy internal strategy;
    uint256 internal unit;

    function _decimals() internal pure virtual returns (uint8) {
        return 6;
    }

    function setUp() public {
        _deployTokens(_decimals());
        unit = 10 ** _decimals();
        _deployMorpho();
        market = _deployMorphoMarket(MorphoConfig({name: "Market", feeWad: 0.1e18, lltvWad: 0.86e18}));
        strategy = new MorphoBlueStrategy(address(morpho), _params(market), "Lending", "LEND");
        _lend(LENDER, 1_000_000 * unit);
        _borrow(900_000 * unit);
        address[3] memory users = [ALICE, BOB, address(this)];
        for (uint256 i; i < users.length; ++i) {
            vm.prank(users[i]);
            tokens.asset.approve(address(strategy), type(uint256).max);
        }
    }

    // What it is

    function test_Getters_NameTheMarket() public view {
        assertEq(strategy.morpho(), address(morpho));
        assertEq(strategy.marketId(), market.marketId);
        assertEq(abi.encode(strategy.marketParams()), abi.encode(market.params));
        assertEq(strategy.asset(), address(tokens.asset));
        assertEq(strategy.decimals(), _decimals() + 6);
        assertEq(strategy.name(), "Lending");
        assertEq(strategy.symbol(), "LEND");
    }

    function test_Deposit_FirstDepositorPaysOneForOne() public {
        uint256 shares = _deposit(ALICE, 7 * unit);
        assertApproxEqRel(shares, 7 * 10 ** strategy.decimals(), 1e12);
    }

    function test_RevertWhen_MarketIsUnknown() public {
        MarketParams memory params = _params(market);
        params.lltv = 0.5e18;
        bytes32 id = keccak256(abi.encode(params));
        vm.expectRevert(abi.encodeWithSelector(IMorphoBlueStrategy.MarketNotCreated.selector, id));
        new MorphoBlueStrategy(address(morpho), params, "", "");
    }

    function test_RevertWhen_MorphoIsZero() public {
        MarketParams memory params = _params(market);
        vm.expectRevert(IMorphoBlueStrategy.ZeroAddress.selector);
        new MorphoBlueStrategy(address(0), params, "", "");
    }

    // Entries and exits against previews, balances and Morpho's own books

    function testFuzz_Deposit_IsAsPreviewed(uint256 assets, uint256 elapsed) public {
        assets = bound(assets, 1, 1e12 * unit);
        _wait(elapsed);
        uint256 previewed = strategy.previewDeposit(assets);
        _fund(ALICE, assets);
        vm.expectEmit(address(strategy));
        emit IERC4626.Deposit(ALICE, BOB, assets, previewed);
        vm.prank(ALICE);
        assertEq(strategy.deposit(assets, BOB), previewed);
        assertEq(strategy.balanceOf(BOB), previewed, "shares");
        assertEq(_held(), previewed, "Morpho's shares");
        assertEq(tokens.asset.balanceOf(ALICE), 0, "paid");
        _assertHoldsNothing();
    }

    function testFuzz_Mint_IsAsPreviewed(uint256 shares, uint256 elapsed) public {
        shares = bound(shares, 1, 1e18 * unit);
        _wait(elapsed);
        uint256 previewed = strategy.previewMint(shares);
        _fund(ALICE, previewed);
        vm.prank(ALICE);
        assertEq(strategy.mint(shares, BOB), previewed);
        assertEq(strategy.balanceOf(BOB), shares, "shares");
        assertGe(_held(), shares, "Morpho's shares");
        assertEq(tokens.asset.balanceOf(ALICE), 0, "paid");
        _assertHoldsNothing();
    }

    function testFuzz_Withdraw_IsAsPreviewed(uint256 deposited, uint256 assets, uint256 elapsed) public {
        uint256 shares = _deposit(ALICE, bound(deposited, unit, 1e9 * unit));
        _wait(elapsed);
        assets = bound(assets, 1, strategy.maxWithdraw(ALICE));
        uint256 previewed = strategy.previewWithdraw(assets);
        vm.expectEmit(address(strategy));
        emit IERC4626.Withdraw(ALICE, BOB, ALICE, assets, previewed);
        vm.prank(ALICE);
        assertEq(strategy.withdraw(assets, BOB, ALICE), previewed);
        assertEq(strategy.balanceOf(ALICE), shares - previewed, "shares left");
        assertEq(_held(), shares - previewed, "Morpho's shares left");
        assertEq(tokens.asset.balanceOf(BOB), assets, "received");
        _assertHoldsNothing();
    }

    function testFuzz_Redeem_IsAsPreviewed(uint256 deposited, uint256 shares, uint256 elapsed) public {
        uint256 all = _deposit(ALICE, bound(deposited, unit, 1e9 * unit));
        _wait(elapsed);
        shares = bound(shares, 1, strategy.maxRedeem(ALICE));
        uint256 previewed = strategy.previewRedeem(shares);
        vm.prank(ALICE);
        assertEq(strategy.redeem(shares, BOB, ALICE), previewed);
        assertEq(strategy.balanceOf(ALICE), all - shares, "shares left");
        assertGe(_held(), all - shares, "Morpho's shares left");
        assertEq(tokens.asset.balanceOf(BOB), previewed, "received");
        _assertHoldsNothing();
    }

    /// @dev Pending interest and fee are in every view before Morpho itself has counted them.
    function testFuzz_Views_CountPendingInterestAsMorphoDoes(uint256 elapsed) public {
        uint256 shares = _deposit(ALICE, 500_000 * unit);
        _wait(elapsed);
        uint256 total = strategy.totalAssets();
        uint256 value = strategy.convertToAssets(shares);
        uint256 fewer = strategy.convertToShares(123_456_789);
        uint256 most = strategy.maxWithdraw(ALICE);
        morpho.accrueInterest(market.params);
        assertEq(strategy.totalAssets(), total, "total");
        assertEq(strategy.convertToAssets(shares), value, "value");
        assertEq(strategy.convertToShares(123_456_789), fewer, "shares");
        assertEq(strategy.maxWithdraw(ALICE), most, "most");
        // From outside: Morpho's own books, with its million virtual shares and one virtual unit.
        Market memory state = morpho.market(_id(market));
        uint256 expected = shares * (uint256(state.totalSupplyAssets) + 1) / (uint256(state.totalSupplyShares) + 1e6);
        assertEq(value, expected, "Morpho's books");
    }

    function test_TotalAssets_GrowsWithInterest() public {
        uint256 shares = _deposit(ALICE, 100_000 * unit);
        uint256 before = strategy.convertToAssets(shares);
        skip(30 days);
        assertGt(strategy.convertToAssets(shares), before);
        assertEq(strategy.totalAssets(), strategy.convertToAssets(shares));
    }

    function testFuzz_RoundTrip_NeverProfits(uint256 assets, uint256 elapsed, uint8 path) public {
        _deposit(BOB, 3 * unit);
        _wait(elapsed);
        assets = bound(assets, 1, 1e9 * unit);
        uint256 shares;
        uint256 paid = assets;
        if (path & 1 == 0) {
            shares = _deposit(ALICE, assets);
        } else {
            shares = strategy.previewDeposit(assets);
            paid = strategy.previewMint(shares);
            _fund(ALICE, paid);
            vm.prank(ALICE);
            strategy.mint(shares, ALICE);
        }
        vm.startPrank(ALICE);
        if (path & 2 == 0) strategy.redeem(shares, ALICE, ALICE);
        else if (strategy.maxWithdraw(ALICE) != 0) strategy.withdraw(strategy.maxWithdraw(ALICE), ALICE, ALICE);
        vm.stopPrank();
        assertLe(tokens.asset.balanceOf(ALICE), paid);
    }

    /// @dev (assets + 1) ÷ (shares + 10^6) of the market, by cross products.
    function testFuzz_Price_NeverFallsByEntryOrExit(uint256 first, uint256 second, uint256 elapsed, uint8 path) public {
        _deposit(BOB, bound(first, 1, 1e9 * unit));
        _wait(elapsed);
        morpho.accrueInterest(market.params);
        Market memory before = morpho.market(_id(market));
        uint256 amount = bound(second, 1, 1e9 * unit);
        if (path % 2 == 0) {
            _deposit(ALICE, amount);
        } else {
            uint256 most = strategy.maxWithdraw(BOB);
            if (most == 0) return;
            vm.prank(BOB);
            strategy.withdraw(bound(amount, 1, most), BOB, BOB);
        }
        Market memory state = morpho.market(_id(market));
        assertGe(
            (uint256(state.totalSupplyAssets) + 1) * (uint256(before.totalSupplyShares) + 1e6),
            (uint256(before.totalSupplyAssets) + 1) * (uint256(state.totalSupplyShares) + 1e6)
        );
    }

    function test_Redeem_AllLeavesNoHolderUnpaid() public {
        uint256 a = _deposit(ALICE, 1000 * unit + 1);
        uint256 b = _deposit(BOB, 333 * unit + 7);
        skip(10 days);
        vm.prank(ALICE);
        strategy.redeem(a, ALICE, ALICE);
        vm.prank(BOB);
        strategy.redeem(b, BOB, BOB);
        assertEq(strategy.totalSupply(), 0);
        assertEq(strategy.totalAssets(), 0);
        assertGt(tokens.asset.balanceOf(ALICE), 1000 * unit + 1);
        assertGt(tokens.asset.balanceOf(BOB), 333 * unit + 7);
        // What rounding left in the market is below one unit of the asset.
        assertLe(strategy.convertToAssets(_held()), 1);
    }

    function test_ZeroAmounts_DoNothing() public {
        vm.startPrank(ALICE);
        assertEq(strategy.deposit(0, ALICE), 0);
        assertEq(strategy.mint(0, ALICE), 0);
        assertEq(strategy.withdraw(0, ALICE, ALICE), 0);
        assertEq(strategy.redeem(0, ALICE, ALICE), 0);
        vm.stopPrank();
        assertEq(strategy.totalSupply(), 0);
        assertEq(_held(), 0);
    }

    function test_RevertWhen_DepositIsBelowOneShare() public {
        // A share that costs far more than a unit: only by bad books, so they are written.
        bytes32 slot = keccak256(abi.encode(market.marketId, uint256(3)));
        vm.store(address(morpho), slot, bytes32(uint256(1e30) | uint256(1) << 128));
        _fund(ALICE, 1);
        vm.expectRevert(abi.encodeWithSelector(IMorphoBlueStrategy.ZeroShares.selector, 1));
        vm.prank(ALICE);
        strategy.deposit(1, ALICE);
    }

    function test_RevertWhen_ReceiverIsZero() public {
        _deposit(ALICE, unit);
        _fund(ALICE, unit);
        vm.startPrank(ALICE);
        vm.expectRevert();
        strategy.deposit(unit, address(0));
        vm.expectRevert(IMorphoBlueStrategy.ZeroAddress.selector);
        strategy.withdraw(unit / 2, address(0), ALICE);
        vm.expectRevert(IMorphoBlueStrategy.ZeroAddress.selector);
        strategy.redeem(1, address(0), ALICE);
        vm.stopPrank();
    }

    function test_Withdraw_ByAnotherSpendsTheSharesBurned() public {
        _deposit(ALICE, 100 * unit);
        uint256 needed = strategy.previewWithdraw(40 * unit);
        vm.prank(ALICE);
        strategy.approve(BOB, needed - 1);
        vm.prank(BOB);
        vm.expectRevert();
        strategy.withdraw(40 * unit, BOB, ALICE);
        vm.prank(ALICE);
        strategy.approve(BOB, needed);
        vm.prank(BOB);
        strategy.withdraw(40 * unit, BOB, ALICE);
        assertEq(strategy.allowance(ALICE, BOB), 0);
        assertEq(tokens.asset.balanceOf(BOB), 40 * unit);
    }

    // Limits

    function test_MaxDeposit_IsUnlimited() public view {
        assertEq(strategy.maxDeposit(ALICE), type(uint256).max);
        assertEq(strategy.maxMint(ALICE), type(uint256).max);
    }

    function test_MaxWithdraw_IsThePositionWhenLiquid() public {
        uint256 shares = _deposit(ALICE, 1000 * unit);
        assertEq(strategy.maxWithdraw(ALICE), strategy.previewRedeem(shares));
        assertEq(strategy.maxRedeem(ALICE), shares);
    }

    function test_MaxWithdraw_IsWhatTheMarketCanPay() public {
        _deposit(ALICE, 500_000 * unit);
        _borrow(540_000 * unit);
        uint256 liquid = 60_000 * unit;
        assertEq(strategy.maxWithdraw(ALICE), liquid);
        assertLe(strategy.previewRedeem(strategy.maxRedeem(ALICE)), liquid);
        assertGe(strategy.previewRedeem(strategy.maxRedeem(ALICE)), liquid - 1);

        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxWithdraw.selector, ALICE, liquid + 1, liquid));
        strategy.withdraw(liquid + 1, ALICE, ALICE);
        strategy.withdraw(liquid, ALICE, ALICE);
        vm.stopPrank();
        assertEq(tokens.asset.balanceOf(ALICE), liquid);
        assertEq(strategy.maxWithdraw(ALICE), 0);
        assertEq(strategy.maxRedeem(ALICE), 0);
        // Previews ignore liquidity, and somebody else's supply makes it possible again.
        assertGt(strategy.previewRedeem(strategy.balanceOf(ALICE)), 400_000 * unit);
        _lend(LENDER, 10 * unit);
        assertEq(strategy.maxWithdraw(ALICE), 10 * unit);
    }

    function test_MaxRedeem_SucceedsWhenIlliquid() public {
        _deposit(ALICE, 500_000 * unit);
        _borrow(599_999 * unit);
        skip(3 days);
        uint256 shares = strategy.maxRedeem(ALICE);
        assertGt(shares, 0);
        assertLt(shares, strategy.balanceOf(ALICE));
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxRedeem.selector, ALICE, shares + 1, shares));
        strategy.redeem(shares + 1, ALICE, ALICE);
        strategy.redeem(shares, ALICE, ALICE);
        vm.stopPrank();
    }

    function test_MaxWithdraw_SeesThroughAFlashLoan() public {
        _deposit(ALICE, 1000 * unit);
        assertGt(strategy.maxWithdraw(ALICE), 0);
        uint256 all = tokens.asset.balanceOf(address(morpho));
        tokens.asset.approve(address(morpho), all);
        morpho.flashLoan(address(tokens.asset), all, "");
        assertEq(_seenInFlashLoan, 1, "nothing can be paid while all tokens are lent out");
    }

    uint256 private _seenInFlashLoan;

    function onMorphoFlashLoan(uint256, bytes calldata) external {
        _seenInFlashLoan = strategy.maxWithdraw(ALICE) == 0 && strategy.maxRedeem(ALICE) == 0 ? 1 : 2;
    }

    /// @dev A rate model that fails stops Morpho itself; the limits say so instead of reverting.
    function test_Max_IsZeroWhenTheRateModelFails() public {
        _deposit(ALICE, 1000 * unit);
        skip(1);
        vm.mockCallRevert(address(irm), abi.encodeWithSelector(IMorphoIrm.borrowRateView.selector), "broken");
        vm.mockCallRevert(address(irm), abi.encodeWithSelector(IMorphoIrm.borrowRate.selector), "broken");
        assertEq(strategy.maxDeposit(ALICE), 0);
        assertEq(strategy.maxMint(ALICE), 0);
        assertEq(strategy.maxWithdraw(ALICE), 0);
        assertEq(strategy.maxRedeem(ALICE), 0);
        vm.prank(ALICE);
        vm.expectRevert("broken");
        strategy.withdraw(1, ALICE, ALICE);
    }

    // Gifts, losses, attacks

    function testFuzz_Donation_OfTheAssetChangesNothing(uint256 gift) public {
        uint256 shares = _deposit(ALICE, 1000 * unit);
        uint256 value = strategy.convertToAssets(shares);
        gift = bound(gift, 1, 1e12 * unit);
        tokens.asset.mint(address(strategy), gift);
        assertEq(strategy.convertToAssets(shares), value);
        assertEq(strategy.totalAssets(), value);
        vm.prank(ALICE);
        strategy.redeem(shares, ALICE, ALICE);
        assertEq(tokens.asset.balanceOf(ALICE), value);
        assertEq(tokens.asset.balanceOf(address(strategy)), gift, "stays where it is");
    }

    function testFuzz_Donation_OfSupplyBelongsToNobody(uint256 gift) public {
        uint256 shares = _deposit(ALICE, 1000 * unit);
        uint256 value = strategy.convertToAssets(shares);
        gift = bound(gift, 1, 1e12 * unit);
        _lendFor(LENDER, gift, address(strategy));
        // The market rounds the giver's shares down; nothing else moves.
        assertGe(strategy.convertToAssets(shares), value);
        assertLe(strategy.convertToAssets(shares), value + 1);
        assertEq(strategy.totalAssets(), strategy.convertToAssets(shares));
        assertEq(strategy.maxRedeem(ALICE), shares);
    }

    /// @dev First in with one unit, then the largest gifts an attacker can make: the next one in loses nothing.
    function testFuzz_Inflation_DoesNotRobTheSecondDepositor(uint256 gift, uint256 assets) public {
        MorphoMarket memory empty = _deployMorphoMarket(MorphoConfig({name: "New", feeWad: 0, lltvWad: 0.86e18}));
        MorphoBlueStrategy fresh = new MorphoBlueStrategy(address(morpho), _params(empty), "", "");
        gift = bound(gift, 1, 1e12 * unit);
        assets = bound(assets, unit, 1e9 * unit);
        _fund(address(this), 1 + 2 * gift);
        tokens.asset.approve(address(fresh), 1);
        tokens.asset.approve(address(morpho), gift);
        fresh.deposit(1, address(this));
        morpho.supply(empty.params, gift, 0, address(fresh), "");
        assertTrue(tokens.asset.transfer(address(fresh), gift));

        _fund(BOB, assets);
        vm.startPrank(BOB);
        tokens.asset.approve(address(fresh), assets);
        uint256 shares = fresh.deposit(assets, BOB);
        assertGe(fresh.redeem(shares, BOB, BOB), assets - 1);
        vm.stopPrank();
    }

    /// @dev The collateral loses nearly all its value; liquidation leaves bad debt that all suppliers share at once.
    function test_BadDebt_IsSharedAndExitsGoOn() public {
        uint256 shares = _deposit(ALICE, 1_000_000 * unit);
        uint256 before = strategy.convertToAssets(shares);
        (uint256 lenderBefore, uint256 supplyBefore) = (_lenderValue(), _supplied());
        tokens.collateralFeed.setAnswer(100e8);
        (,, uint128 collateral) = _position(BORROWER);
        _fund(address(this), 2_000_000 * unit);
        tokens.asset.approve(address(morpho), type(uint256).max);
        morpho.liquidate(market.params, BORROWER, collateral, 0, "");

        uint256 value = strategy.convertToAssets(shares);
        assertLt(value, before);
        // The same part of each supplier's value is gone.
        assertApproxEqRel(value * lenderBefore, _lenderValue() * before, 1e12);
        assertLt(_supplied(), supplyBefore);
        vm.prank(ALICE);
        assertEq(strategy.redeem(shares, ALICE, ALICE), value);
        assertEq(tokens.asset.balanceOf(ALICE), value);
        // And the strategy is open to the next one, at the new price.
        uint256 later = _deposit(BOB, 1000 * unit);
        assertApproxEqAbs(strategy.convertToAssets(later), 1000 * unit, 1);
    }

    function test_RevertWhen_MorphoCountsOtherShares() public {
        uint256 shares = _deposit(ALICE, 1000 * unit);
        uint256 counted = strategy.previewDeposit(unit) - 1;
        _fund(ALICE, unit);
        vm.mockCall(address(morpho), abi.encodeWithSelector(IMorphoBlue.supply.selector), abi.encode(unit, counted));
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IMorphoBlueStrategy.SharesDiffer.selector, counted + 1, counted));
        strategy.deposit(unit, ALICE);
        vm.clearMockedCalls();

        uint256 previewed = strategy.previewWithdraw(unit);
        assertLt(previewed, shares);
        vm.mockCall(
            address(morpho), abi.encodeWithSelector(IMorphoBlue.withdraw.selector), abi.encode(unit, previewed + 1)
        );
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IMorphoBlueStrategy.SharesDiffer.selector, previewed, previewed + 1));
        strategy.withdraw(unit, ALICE, ALICE);
    }

    function test_MarketWithoutRateModel_Works() public {
        morpho.enableIrm(address(0));
        MorphoMarketParams memory params = market.params;
        params.irm = address(0);
        morpho.createMarket(params);
        MorphoBlueStrategy still =
            new MorphoBlueStrategy(address(morpho), abi.decode(abi.encode(params), (MarketParams)), "", "");
        _fund(ALICE, 50 * unit);
        vm.startPrank(ALICE);
        tokens.asset.approve(address(still), type(uint256).max);
        uint256 shares = still.deposit(50 * unit, ALICE);
        skip(365 days);
        assertEq(still.convertToAssets(shares), 50 * unit);
        assertEq(still.redeem(shares, ALICE, ALICE), 50 * unit);
        vm.stopPrank();
    }

    // Helpers

    function _deposit(address account, uint256 assets) internal returns (uint256) {
        _fund(account, assets);
        vm.prank(account);
        return strategy.deposit(assets, account);
    }

    function _fund(address account, uint256 assets) internal {
        tokens.asset.mint(account, assets);
    }

    function _wait(uint256 elapsed) internal {
        skip(bound(elapsed, 0, 2 * 365 days));
    }

    function _lend(address account, uint256 assets) internal {
        _lendFor(account, assets, account);
    }

    function _lendFor(address account, uint256 assets, address onBehalf) internal {
        _fund(account, assets);
        vm.startPrank(account);
        tokens.asset.approve(address(morpho), assets);
        morpho.supply(market.params, assets, 0, onBehalf, "");
        vm.stopPrank();
    }

    /// @dev With collateral worth one and a quarter of the loan.
    function _borrow(uint256 assets) internal {
        uint256 collateral = assets * 1e18 / unit * 5 / 4 / 3000;
        tokens.collateral.mint(BORROWER, collateral);
        vm.startPrank(BORROWER);
        tokens.collateral.approve(address(morpho), collateral);
        morpho.supplyCollateral(market.params, collateral, BORROWER, "");
        morpho.borrow(market.params, assets, 0, BORROWER, BORROWER);
        vm.stopPrank();
    }

    function _held() internal view returns (uint256) {
        return morpho.position(_id(market), address(strategy)).supplyShares;
    }

    function _position(address account) internal view returns (uint256, uint128, uint128) {
        return (
            morpho.position(_id(market), account).supplyShares,
            morpho.position(_id(market), account).borrowShares,
            morpho.position(_id(market), account).collateral
        );
    }

    function _lenderValue() internal view returns (uint256) {
        (uint256 shares,,) = _position(LENDER);
        return strategy.convertToAssets(shares);
    }

    function _supplied() internal view returns (uint256) {
        return morpho.market(_id(market)).totalSupplyAssets;
    }

    function _assertHoldsNothing() internal view {
        assertEq(tokens.asset.balanceOf(address(strategy)), 0, "the strategy holds no assets between calls");
    }
}

/// @notice The same with an asset of 18 decimals.
contract MorphoBlueStrategy18Test is MorphoBlueStrategyTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
