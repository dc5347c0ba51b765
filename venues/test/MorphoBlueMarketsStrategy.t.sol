// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {Market} from "morpho-blue/interfaces/IMorpho.sol";
import {MorphoBlueMarketsStrategy} from "vagus/strategies/MorphoBlueMarketsStrategy.sol";
import {IMorphoIrm, MarketParams} from "vagus/strategies/interfaces/IMorphoBlue.sol";
import {IMorphoBlueMarketsStrategy, MarketCap} from "vagus/strategies/interfaces/IMorphoBlueMarketsStrategy.sol";

import {MorphoMarket} from "../src/MorphoMarkets.sol";
import {MorphoConfig} from "../src/World.sol";
import {WorldToken} from "../src/WorldToken.sol";
import {VenuesFixture} from "./VenuesFixture.sol";

interface IPaid {
    function wasPaid() external;
}

/// @notice Calls whomever one account pays.
contract HookedToken is WorldToken {
    address private immutable _PAYER;

    constructor(string memory name_, string memory symbol_, uint8 decimals_, address payer)
        WorldToken(name_, symbol_, decimals_)
    {
        _PAYER = payer;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from == _PAYER && to.code.length != 0) IPaid(to).wasPaid();
    }
}

/// @notice The strategy over several markets on the real Morpho Blue with the adaptive rate model.
contract MorphoBlueMarketsStrategyTest is VenuesFixture {
    uint256 internal constant COUNT = 3;

    address internal immutable ALICE = makeAddr("alice");
    address internal immutable BOB = makeAddr("bob");
    address internal immutable LENDER = makeAddr("lender");
    address internal immutable BORROWER = makeAddr("borrower");

    MorphoMarket[] internal markets;
    MorphoBlueMarketsStrategy internal strategy;
    uint256 internal unit;
    uint256[] internal seen;

    function _decimals() internal pure virtual returns (uint8) {
        return 6;
    }

    function setUp() public {
        _deployTokens(_decimals());
        unit = 10 ** _decimals();
        _deployMorpho();
        uint64[COUNT] memory lltvs = [uint64(0.86e18), 0.77e18, 0.945e18];
        uint64[COUNT] memory fees = [uint64(0.1e18), 0, 0.25e18];
        for (uint256 i; i < COUNT; ++i) {
            markets.push(_deployMorphoMarket(MorphoConfig({name: "Market", feeWad: fees[i], lltvWad: lltvs[i]})));
            _lend(i, LENDER, 1_000_000 * unit);
            _borrow(i, (500_000 + 200_000 * i) * unit);
        }
        strategy = new MorphoBlueMarketsStrategy(address(morpho), _list(), "Lending", "LEND");
        address[3] memory users = [ALICE, BOB, address(this)];
        for (uint256 i; i < users.length; ++i) {
            vm.prank(users[i]);
            tokens.asset.approve(address(strategy), type(uint256).max);
        }
    }

    /// @dev Caps of 100,000, 200,000 and 300,000.
    function _list() internal view returns (MarketCap[] memory list) {
        list = new MarketCap[](COUNT);
        for (uint256 i; i < COUNT; ++i) {
            list[i] = MarketCap({params: _params(markets[i]), cap: uint96(_cap(i))});
        }
    }

    function _cap(uint256 place) internal view returns (uint256) {
        return (place + 1) * 100_000 * unit;
    }

    // What it is

    function test_Getters_NameTheMarkets() public view {
        assertEq(strategy.morpho(), address(morpho));
        assertEq(strategy.marketCount(), COUNT);
        assertEq(strategy.asset(), address(tokens.asset));
        assertEq(strategy.decimals(), _decimals() + 6);
        for (uint256 i; i < COUNT; ++i) {
            (MarketParams memory params, uint256 cap, uint256 held) = strategy.marketAt(i);
            assertEq(abi.encode(params), abi.encode(markets[i].params));
            assertEq(cap, _cap(i));
            assertEq(held, 0);
        }
        assertEq(strategy.maxDeposit(ALICE), 600_000 * unit);
    }

    function test_RevertWhen_MorphoIsZero() public {
        MarketCap[] memory list = _list();
        vm.expectRevert(IMorphoBlueMarketsStrategy.ZeroAddress.selector);
        new MorphoBlueMarketsStrategy(address(0), list, "", "");
    }

    function test_RevertWhen_CountIsOutOfRange() public {
        bytes4 selector = IMorphoBlueMarketsStrategy.MarketCountOutOfRange.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, 0, 8));
        new MorphoBlueMarketsStrategy(address(morpho), new MarketCap[](0), "", "");
        vm.expectRevert(abi.encodeWithSelector(selector, 9, 8));
        new MorphoBlueMarketsStrategy(address(morpho), new MarketCap[](9), "", "");
    }

    function test_Constructor_TakesEightMarkets() public {
        MarketCap[] memory list = new MarketCap[](8);
        for (uint256 i; i < 8; ++i) {
            uint64 lltv = uint64(0.5e18 + i * 0.01e18);
            MorphoMarket memory market = _deployMorphoMarket(MorphoConfig({name: "Market", feeWad: 0, lltvWad: lltv}));
            list[i] = MarketCap({params: _params(market), cap: uint96(unit)});
        }
        MorphoBlueMarketsStrategy eight = new MorphoBlueMarketsStrategy(address(morpho), list, "", "");
        _fund(ALICE, 8 * unit);
        vm.startPrank(ALICE);
        tokens.asset.approve(address(eight), 8 * unit);
        uint256 shares = eight.deposit(8 * unit, ALICE);
        skip(1 days);
        // A vault gives a read a million gas, and an exit three.
        uint256 left = gasleft();
        eight.convertToAssets(shares);
        assertLt(left - gasleft(), 1_000_000, "read");
        left = gasleft();
        eight.redeem(shares, ALICE, ALICE);
        assertLt(left - gasleft(), 3_000_000, "exit");
        vm.stopPrank();
    }

    function test_RevertWhen_AMarketIsUnknownTwiceOrOfAnotherToken() public {
        MarketCap[] memory list = _list();
        list[1].params.lltv = 0.5e18;
        bytes32 id = keccak256(abi.encode(list[1].params));
        vm.expectRevert(abi.encodeWithSelector(IMorphoBlueMarketsStrategy.MarketNotCreated.selector, id));
        new MorphoBlueMarketsStrategy(address(morpho), list, "", "");

        list[1] = list[0];
        id = markets[0].marketId;
        vm.expectRevert(abi.encodeWithSelector(IMorphoBlueMarketsStrategy.MarketTwice.selector, id));
        new MorphoBlueMarketsStrategy(address(morpho), list, "", "");

        list = _list();
        list[2].params.loanToken = address(tokens.collateral);
        id = keccak256(abi.encode(list[2].params));
        vm.expectRevert(
            abi.encodeWithSelector(
                IMorphoBlueMarketsStrategy.OtherLoanToken.selector,
                id,
                address(tokens.collateral),
                address(tokens.asset)
            )
        );
        new MorphoBlueMarketsStrategy(address(morpho), list, "", "");

        list = _list();
        list[2].cap = 0;
        id = markets[2].marketId;
        vm.expectRevert(abi.encodeWithSelector(IMorphoBlueMarketsStrategy.ZeroCap.selector, id));
        new MorphoBlueMarketsStrategy(address(morpho), list, "", "");
    }

    // Where assets go and come from

    function test_Deposits_FillFromTheFirstAndWithdrawalsEmptyFromTheLast() public {
        uint256 shares = _deposit(ALICE, 250_000 * unit);
        assertApproxEqAbs(_value(0), 100_000 * unit, 2);
        assertApproxEqAbs(_value(1), 150_000 * unit, 2);
        assertEq(_value(2), 0);
        vm.startPrank(ALICE);
        strategy.withdraw(200_000 * unit, ALICE, ALICE);
        assertApproxEqAbs(_value(0), 50_000 * unit, 4);
        assertLe(_value(1), 4);
        assertEq(tokens.asset.balanceOf(ALICE), 200_000 * unit);
        assertLt(strategy.balanceOf(ALICE), shares);
        vm.stopPrank();
    }

    function test_Withdrawals_PassOverAMarketThatCannotPay() public {
        _deposit(ALICE, 600_000 * unit);
        // The last market pays nothing more, the one before all.
        _borrow(2, _liquidity(2));
        vm.prank(ALICE);
        strategy.withdraw(100_000 * unit, ALICE, ALICE);
        assertApproxEqAbs(_value(2), 300_000 * unit, 4);
        assertApproxEqAbs(_value(1), 100_000 * unit, 4);
    }

    function test_MaxDeposit_IsTheRoomUnderTheCaps() public {
        _deposit(ALICE, 600_000 * unit - 5);
        assertApproxEqAbs(strategy.maxDeposit(ALICE), 5, 6);
        uint256 most = strategy.maxDeposit(ALICE);
        _fund(ALICE, most + 1);
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxDeposit.selector, ALICE, most + 1, most));
        strategy.deposit(most + 1, ALICE);
        vm.stopPrank();
        // Interest fills caps too.
        skip(365 days);
        assertEq(strategy.maxDeposit(ALICE), 0);
        assertEq(strategy.maxMint(ALICE), 0);
    }

    // Entries and exits against previews, balances and Morpho's own books

    function testFuzz_Deposit_IsAsPreviewed(uint256 first, uint256 assets, uint256 elapsed) public {
        _deposit(BOB, bound(first, unit, 500_000 * unit));
        _wait(elapsed);
        uint256 most = strategy.maxDeposit(ALICE);
        if (most < 100) return;
        assets = bound(assets, 100, most);
        uint256 previewed = strategy.previewDeposit(assets);
        uint256 before = strategy.totalAssets();
        _fund(ALICE, assets);
        vm.expectEmit(address(strategy));
        emit IERC4626.Deposit(ALICE, BOB, assets, previewed);
        vm.prank(ALICE);
        assertEq(strategy.deposit(assets, BOB), previewed);
        assertEq(tokens.asset.balanceOf(ALICE), 0, "paid");
        assertApproxEqAbs(strategy.totalAssets(), before + assets, 2 * COUNT, "gained");
        _assertBooks();
    }

    function testFuzz_Mint_IsAsPreviewed(uint256 first, uint256 shares, uint256 elapsed) public {
        _deposit(BOB, bound(first, unit, 500_000 * unit));
        _wait(elapsed);
        uint256 most = strategy.maxMint(ALICE);
        if (most == 0) return;
        shares = bound(shares, 1, most);
        uint256 previewed = strategy.previewMint(shares);
        (uint256 total, uint256 supply) = (strategy.totalAssets(), strategy.totalSupply());
        _fund(ALICE, previewed);
        vm.prank(ALICE);
        assertEq(strategy.mint(shares, ALICE), previewed);
        assertEq(strategy.balanceOf(ALICE), shares);
        assertEq(tokens.asset.balanceOf(ALICE), 0, "paid");
        _assertPriceHeld(total, supply);
        _assertBooks();
    }

    function testFuzz_Withdraw_IsAsPreviewed(uint256 first, uint256 assets, uint256 elapsed, uint256 drained) public {
        uint256 shares = _deposit(ALICE, bound(first, unit, 600_000 * unit));
        _drain(drained);
        _wait(elapsed);
        uint256 most = strategy.maxWithdraw(ALICE);
        if (most == 0) return;
        assets = bound(assets, 1, most);
        uint256 previewed = strategy.previewWithdraw(assets);
        (uint256 total, uint256 supply) = (strategy.totalAssets(), strategy.totalSupply());
        vm.expectEmit(address(strategy));
        emit IERC4626.Withdraw(ALICE, BOB, ALICE, assets, previewed);
        vm.prank(ALICE);
        assertEq(strategy.withdraw(assets, BOB, ALICE), previewed);
        assertEq(strategy.balanceOf(ALICE), shares - previewed, "shares left");
        assertEq(tokens.asset.balanceOf(BOB), assets, "received");
        _assertPriceHeld(total, supply);
        _assertBooks();
    }

    function testFuzz_Redeem_IsAsPreviewed(uint256 first, uint256 shares, uint256 elapsed, uint256 drained) public {
        _deposit(BOB, 1000 * unit);
        _deposit(ALICE, bound(first, unit, 590_000 * unit));
        _drain(drained);
        _wait(elapsed);
        uint256 most = strategy.maxRedeem(ALICE);
        if (most == 0) return;
        shares = bound(shares, 1, most);
        uint256 previewed = strategy.previewRedeem(shares);
        (uint256 total, uint256 supply) = (strategy.totalAssets(), strategy.totalSupply());
        uint256 worth = strategy.convertToAssets(shares);
        vm.prank(ALICE);
        assertEq(strategy.redeem(shares, ALICE, ALICE), previewed);
        assertEq(tokens.asset.balanceOf(ALICE), previewed, "received");
        assertApproxEqAbs(previewed, worth, 3 * COUNT, "worth");
        assertLe(previewed, worth, "against who leaves");
        _assertPriceHeld(total, supply);
        _assertBooks();
    }

    function testFuzz_Max_SucceedsAndNotOneMore(uint256 first, uint256 elapsed, uint256 drained, bool byShares) public {
        _deposit(BOB, 50_000 * unit);
        _deposit(ALICE, bound(first, unit, 540_000 * unit));
        _drain(drained);
        _wait(elapsed);
        vm.startPrank(ALICE);
        if (byShares) {
            uint256 most = strategy.maxRedeem(ALICE);
            vm.expectRevert();
            strategy.redeem(most + 1, ALICE, ALICE);
            strategy.redeem(most, ALICE, ALICE);
        } else {
            uint256 most = strategy.maxWithdraw(ALICE);
            vm.expectRevert();
            strategy.withdraw(most + 1, ALICE, ALICE);
            strategy.withdraw(most, ALICE, ALICE);
            assertEq(tokens.asset.balanceOf(ALICE), most);
        }
        vm.stopPrank();
    }

    function testFuzz_Views_CountPendingInterestAsMorphoDoes(uint256 elapsed) public {
        uint256 shares = _deposit(ALICE, 550_000 * unit);
        _wait(elapsed);
        (uint256 total, uint256 value) = (strategy.totalAssets(), strategy.convertToAssets(shares));
        (uint256 most, uint256 room) = (strategy.maxWithdraw(ALICE), strategy.maxDeposit(ALICE));
        for (uint256 i; i < COUNT; ++i) {
            morpho.accrueInterest(markets[i].params);
        }
        assertEq(strategy.totalAssets(), total, "total");
        assertEq(strategy.convertToAssets(shares), value, "value");
        assertEq(strategy.maxWithdraw(ALICE), most, "most");
        assertEq(strategy.maxDeposit(ALICE), room, "room");
        assertEq(total, _value(0) + _value(1) + _value(2), "Morpho's books");
    }

    function testFuzz_RoundTrip_NeverProfits(uint256 assets, uint256 elapsed, uint8 path) public {
        _deposit(BOB, 3 * unit);
        _wait(elapsed);
        assets = bound(assets, 1000, 500_000 * unit);
        if (assets > strategy.maxDeposit(ALICE)) return;
        uint256 shares = strategy.previewDeposit(assets);
        uint256 paid = path & 1 == 0 ? assets : strategy.previewMint(shares);
        if (paid > strategy.maxDeposit(ALICE) || shares > strategy.maxMint(ALICE)) return;
        _fund(ALICE, paid);
        vm.startPrank(ALICE);
        if (path & 1 == 0) strategy.deposit(assets, ALICE);
        else strategy.mint(shares, ALICE);
        if (path & 2 == 0) strategy.redeem(strategy.maxRedeem(ALICE), ALICE, ALICE);
        else strategy.withdraw(strategy.maxWithdraw(ALICE), ALICE, ALICE);
        vm.stopPrank();
        assertLe(tokens.asset.balanceOf(ALICE), paid);
    }

    /// @dev Random entries, exits, loans and waits; in the end everybody leaves, and the books still agree.
    function testFuzz_Walk_EndsWithEverybodyPaid(uint256 seed) public {
        for (uint256 i; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            address account = seed & 1 == 0 ? ALICE : BOB;
            uint256 what = (seed >> 8) % 4;
            (uint256 total, uint256 supply) = (strategy.totalAssets(), strategy.totalSupply());
            if (what == 0 && strategy.maxDeposit(account) >= unit) {
                _deposit(account, bound(seed >> 16, unit, strategy.maxDeposit(account)));
            } else if (what == 1 && strategy.maxWithdraw(account) != 0) {
                uint256 assets = bound(seed >> 16, 1, strategy.maxWithdraw(account));
                vm.prank(account);
                strategy.withdraw(assets, account, account);
            } else if (what == 2 && strategy.maxRedeem(account) != 0) {
                uint256 shares = bound(seed >> 16, 1, strategy.maxRedeem(account));
                vm.prank(account);
                strategy.redeem(shares, account, account);
            } else {
                skip(1 + (seed >> 16) % 30 days);
                (total, supply) = (strategy.totalAssets(), strategy.totalSupply());
            }
            _assertPriceHeld(total, supply);
            _assertBooks();
        }
        for (uint256 i; i < COUNT; ++i) {
            _lend(i, LENDER, 10_000_000 * unit);
        }
        address[2] memory users = [ALICE, BOB];
        for (uint256 i; i < users.length; ++i) {
            uint256 shares = strategy.balanceOf(users[i]);
            assertEq(strategy.maxRedeem(users[i]), shares, "all can leave");
            vm.prank(users[i]);
            strategy.redeem(shares, users[i], users[i]);
        }
        assertEq(strategy.totalSupply(), 0);
        assertLe(strategy.totalAssets(), 200, "what rounding left");
    }

    /// @dev What whoever is paid sees of the price of all shares that are left.
    function wasPaid() external {
        seen.push(strategy.convertToAssets(strategy.totalSupply()));
    }

    function test_Withdrawals_ShowWhoeverIsPaidThePriceThatItWillBe() public {
        _fund(address(this), 600_000 * unit);
        uint256 shares = strategy.deposit(600_000 * unit, address(this));
        // The same token, but that it tells whom it is paid to by Morpho.
        string memory symbol = tokens.asset.symbol();
        HookedToken hooked = new HookedToken(tokens.asset.name(), symbol, _decimals(), address(morpho));
        vm.etch(address(tokens.asset), address(hooked).code);
        strategy.redeem(shares * 3 / 4, address(this), address(this));
        uint256 left = strategy.convertToAssets(strategy.totalSupply());
        assertEq(seen.length, 2, "markets that paid");
        for (uint256 i; i < seen.length; ++i) {
            assertApproxEqAbs(seen[i], left, 4 * COUNT, "price");
        }
    }

    function test_ZeroAmounts_DoNothing() public {
        _deposit(BOB, 10 * unit);
        vm.startPrank(ALICE);
        assertEq(strategy.deposit(0, ALICE), 0);
        assertEq(strategy.mint(0, ALICE), 0);
        assertEq(strategy.withdraw(0, ALICE, ALICE), 0);
        assertEq(strategy.redeem(0, ALICE, ALICE), 0);
        vm.stopPrank();
        assertEq(strategy.balanceOf(ALICE), 0);
    }

    function test_Withdraw_ByAnotherSpendsTheSharesBurned() public {
        uint256 shares = _deposit(ALICE, 10 * unit);
        vm.prank(ALICE);
        strategy.approve(BOB, shares / 2);
        uint256 burned = strategy.previewWithdraw(unit);
        vm.prank(BOB);
        strategy.withdraw(unit, BOB, ALICE);
        assertEq(strategy.allowance(ALICE, BOB), shares / 2 - burned);
        vm.prank(BOB);
        vm.expectRevert();
        strategy.withdraw(9 * unit, BOB, ALICE);
    }

    // Trouble

    function test_Max_IsZeroWhenARateModelFails() public {
        _deposit(ALICE, 150_000 * unit);
        skip(1);
        vm.mockCallRevert(address(irm), abi.encodeWithSelector(IMorphoIrm.borrowRateView.selector), "");
        assertEq(strategy.maxDeposit(ALICE), 0);
        assertEq(strategy.maxMint(ALICE), 0);
        assertEq(strategy.maxWithdraw(ALICE), 0);
        assertEq(strategy.maxRedeem(ALICE), 0);
    }

    function testFuzz_Donation_ChangesNothing(uint256 gift, uint256 place) public {
        uint256 shares = _deposit(ALICE, 123_456 * unit);
        gift = bound(gift, 1, 1e9 * unit);
        place = bound(place, 0, COUNT - 1);
        uint256 value = strategy.convertToAssets(shares);
        _fund(address(strategy), gift);
        // Given in a market it lowers nobody's price there, and is not the strategy's.
        _lend(place, address(strategy), gift);
        assertApproxEqAbs(strategy.convertToAssets(shares), value, 1);
        assertGe(strategy.convertToAssets(shares), value);
        uint256 again = _deposit(BOB, 1000 * unit);
        assertApproxEqRel(strategy.convertToAssets(again), 1000 * unit, 1e12);
        uint256 all = strategy.maxRedeem(ALICE);
        assertEq(all, shares);
        vm.prank(ALICE);
        strategy.redeem(all, ALICE, ALICE);
        assertEq(tokens.asset.balanceOf(address(strategy)), gift, "the gift stays");
    }

    function testFuzz_Inflation_DoesNotRobTheSecondDepositor(uint256 gift, uint256 assets) public {
        _deposit(BOB, 10);
        gift = bound(gift, 1, 1e6 * unit);
        _fund(address(strategy), gift);
        _lend(0, address(strategy), gift);
        assets = bound(assets, unit, 100_000 * unit);
        uint256 shares = _deposit(ALICE, assets);
        assertApproxEqAbs(strategy.convertToAssets(shares), assets, 4 * COUNT + assets / 1e5);
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
        skip(bound(elapsed, 0, 60 days));
    }

    /// @dev Borrows part of what each market can pay.
    function _drain(uint256 seed) internal {
        for (uint256 i; i < COUNT; ++i) {
            uint256 assets = _liquidity(i) * ((seed >> (8 * i)) % 256) / 255;
            if (assets != 0) _borrow(i, assets);
        }
    }

    function _lend(uint256 place, address onBehalf, uint256 assets) internal {
        _fund(address(this), assets);
        tokens.asset.approve(address(morpho), assets);
        morpho.supply(markets[place].params, assets, 0, onBehalf, "");
    }

    /// @dev With collateral worth twice the loan.
    function _borrow(uint256 place, uint256 assets) internal {
        uint256 collateral = assets * 1e18 / unit * 2 / 3000 + 1e18;
        tokens.collateral.mint(BORROWER, collateral);
        vm.startPrank(BORROWER);
        tokens.collateral.approve(address(morpho), collateral);
        morpho.supplyCollateral(markets[place].params, collateral, BORROWER, "");
        morpho.borrow(markets[place].params, assets, 0, BORROWER, BORROWER);
        vm.stopPrank();
    }

    function _liquidity(uint256 place) internal view returns (uint256) {
        Market memory state = morpho.market(_id(markets[place]));
        return state.totalSupplyAssets - state.totalBorrowAssets;
    }

    /// @dev From Morpho's own books, as stored: accrue first.
    function _value(uint256 place) internal view returns (uint256) {
        (,, uint256 held) = strategy.marketAt(place);
        Market memory state = morpho.market(_id(markets[place]));
        return held * (uint256(state.totalSupplyAssets) + 1) / (uint256(state.totalSupplyShares) + 1e6);
    }

    /// @dev A share is worth no less than before, by cross products.
    function _assertPriceHeld(uint256 total, uint256 supply) internal view {
        assertGe((strategy.totalAssets() + 1) * (supply + 1e6), (total + 1) * (strategy.totalSupply() + 1e6), "price");
    }

    function _assertBooks() internal view {
        for (uint256 i; i < COUNT; ++i) {
            (,, uint256 held) = strategy.marketAt(i);
            assertEq(morpho.position(_id(markets[i]), address(strategy)).supplyShares, held, "held");
        }
        assertEq(tokens.asset.balanceOf(address(strategy)), 0, "the strategy holds no assets between calls");
    }
}

/// @notice The same with an asset of 18 decimals.
contract MorphoBlueMarketsStrategy18Test is MorphoBlueMarketsStrategyTest {
    function _decimals() internal pure override returns (uint8) {
        return 18;
    }
}
