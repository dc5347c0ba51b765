// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {MorphoMarketMath} from "./MorphoMarketMath.sol";
import {MorphoMarketReads} from "./MorphoMarketReads.sol";
import {IMorphoBlue, Market, MarketParams} from "./interfaces/IMorphoBlue.sol";
import {IMorphoBlueMarketsStrategy, MarketCap} from "./interfaces/IMorphoBlueMarketsStrategy.sol";

/// @title Lending positions in several Morpho Blue markets of one loan token, as an ERC-4626
/// @dev Invariants: in each market the strategy's supply shares are never fewer than `_held` says, and no entry or exit
/// lowers the price of a share. Entries and exits accrue all markets for real first, so that every later step of the
/// call counts with what Morpho stored.
contract MorphoBlueMarketsStrategy is ERC4626, ReentrancyGuardTransient, IMorphoBlueMarketsStrategy {
    using MorphoMarketMath for Market;
    using SafeERC20 for IERC20;

    /// @dev Every view looks at every market, and a vault gives a view a million gas.
    uint256 private constant MOST_MARKETS = 8;
    /// @dev The price of the first share is that of Morpho's.
    uint8 private constant DECIMALS_OFFSET = 6;

    /// @inheritdoc IMorphoBlueMarketsStrategy
    address public immutable morpho;

    MarketCap[] private _markets;
    /// @dev Supply shares that the strategy entered, by place.
    uint256[] private _held;

    /// @dev A market with what the strategy has in it.
    struct Slot {
        Market market;
        uint256 held;
        uint256 cap;
        uint256 value;
        uint256 dust;
    }

    /// @param morpho_ The Morpho Blue that knows the markets.
    /// @param markets The markets, in the order in which deposits fill them; the loan token of the first becomes the
    /// asset.
    constructor(address morpho_, MarketCap[] memory markets, string memory name_, string memory symbol_)
        ERC4626(IERC20(_loanToken(markets)))
        ERC20(name_, symbol_)
    {
        if (morpho_ == address(0)) revert ZeroAddress();
        morpho = morpho_;
        for (uint256 i; i < markets.length; ++i) {
            MarketCap memory entry = markets[i];
            bytes32 id = _id(entry.params);
            if (entry.params.loanToken != asset()) revert OtherLoanToken(id, entry.params.loanToken, asset());
            if (entry.cap == 0) revert ZeroCap(id);
            // At most eight.
            // slither-disable-next-line calls-loop
            if (IMorphoBlue(morpho_).market(id).lastUpdate == 0) revert MarketNotCreated(id);
            for (uint256 j; j < i; ++j) {
                if (_id(markets[j].params) == id) revert MarketTwice(id);
            }
            _markets.push(entry);
            _held.push(0);
        }
        // Morpho takes only what the strategy's own call to `supply` names, and nothing is held between calls.
        IERC20(asset()).forceApprove(morpho_, type(uint256).max);
    }

    /// @inheritdoc IMorphoBlueMarketsStrategy
    function marketCount() external view returns (uint256) {
        return _markets.length;
    }

    /// @inheritdoc IMorphoBlueMarketsStrategy
    function marketAt(uint256 place) external view returns (MarketParams memory, uint256, uint256) {
        MarketCap memory entry = _markets[place];
        return (entry.params, entry.cap, _held[place]);
    }

    // Entries and exits

    /// @inheritdoc IERC4626
    function deposit(uint256 assets, address receiver)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256)
    {
        _accrue();
        return super.deposit(assets, receiver);
    }

    /// @inheritdoc IERC4626
    function mint(uint256 shares, address receiver) public override(ERC4626, IERC4626) nonReentrant returns (uint256) {
        _accrue();
        return super.mint(shares, receiver);
    }

    /// @inheritdoc IERC4626
    function withdraw(uint256 assets, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256)
    {
        _accrue();
        return super.withdraw(assets, receiver, owner);
    }

    /// @inheritdoc IERC4626
    function redeem(uint256 shares, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256)
    {
        _accrue();
        return super.redeem(shares, receiver, owner);
    }

    // Views

    /// @inheritdoc IERC4626
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        return _total(_slots());
    }

    /// @inheritdoc IERC4626
    /// @dev What the shares are priced by is what the positions gain, which Morpho rounds down in each market.
    function previewDeposit(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        Slot[] memory slots = _slots();
        uint256[] memory amounts = _inward(slots, assets);
        uint256 gained;
        for (uint256 i; i < slots.length; ++i) {
            if (amounts[i] == 0) continue;
            Market memory market = slots[i].market;
            uint256 entered = market.toShares(amounts[i], Math.Rounding.Floor);
            gained += _valueAfter(slots[i], amounts[i], entered) - slots[i].value;
        }
        return _shares(gained, _total(slots), Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    /// @dev Enough for the shares wherever the assets go.
    function previewMint(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256 assets) {
        // slither-disable-next-line incorrect-equality
        if (shares == 0) return 0;
        Slot[] memory slots = _slots();
        assets = _assets(shares, _total(slots), Math.Rounding.Ceil);
        for (uint256 i; i < slots.length; ++i) {
            assets += slots[i].dust;
        }
    }

    /// @inheritdoc IERC4626
    function previewWithdraw(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        Slot[] memory slots = _slots();
        (uint256[] memory amounts,) = _outward(slots, assets, false);
        uint256 lost = assets;
        for (uint256 i; i < slots.length; ++i) {
            if (amounts[i] != 0) lost += slots[i].dust;
        }
        return _shares(lost, _total(slots), Math.Rounding.Ceil);
    }

    /// @inheritdoc IERC4626
    function previewRedeem(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        Slot[] memory slots = _slots();
        return _paid(slots, _assets(shares, _total(slots), Math.Rounding.Floor));
    }

    /// @inheritdoc IERC4626
    /// @dev Zero, not a revert, when the rate model of a market fails: nothing can be withdrawn then.
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        (bool isOk, Slot[] memory slots) = _trySlots();
        if (!isOk) return 0;
        uint256 worth = _assets(balanceOf(owner), _total(slots), Math.Rounding.Floor);
        (, uint256 left) = _outward(slots, worth, true);
        return _paid(slots, worth - left);
    }

    /// @inheritdoc IERC4626
    /// @dev See `maxWithdraw`.
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        (bool isOk, Slot[] memory slots) = _trySlots();
        if (!isOk) return 0;
        uint256 shares = balanceOf(owner);
        uint256 total = _total(slots);
        uint256 worth = _assets(shares, total, Math.Rounding.Floor);
        (, uint256 left) = _outward(slots, worth, true);
        // slither-disable-next-line incorrect-equality
        if (left == 0) return shares;
        return _shares(worth - left, total, Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    /// @dev Zero when the rate model of a market fails.
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256 room) {
        (bool isOk, Slot[] memory slots) = _trySlots();
        if (!isOk) return 0;
        for (uint256 i; i < slots.length; ++i) {
            room += _room(slots[i]);
        }
    }

    /// @inheritdoc IERC4626
    function maxMint(address receiver) public view override(ERC4626, IERC4626) returns (uint256) {
        uint256 room = maxDeposit(receiver);
        // slither-disable-next-line incorrect-equality
        if (room == 0) return 0;
        Slot[] memory slots = _slots();
        uint256 dust;
        for (uint256 i; i < slots.length; ++i) {
            dust += slots[i].dust;
        }
        return _shares(Math.saturatingSub(room, dust), _total(slots), Math.Rounding.Floor);
    }

    // Internal

    // Overrides what OpenZeppelin's ERC-4626 calls.
    // slither-disable-next-line dead-code
    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        // slither-disable-next-line incorrect-equality
        if (shares == 0 && assets != 0) revert ZeroShares(assets);
        super._deposit(caller, receiver, assets, shares);
        Slot[] memory slots = _slots();
        uint256[] memory amounts = _inward(slots, assets);
        for (uint256 i; i < slots.length; ++i) {
            if (amounts[i] == 0) continue;
            if (amounts[i] > _room(slots[i])) revert AssetsLeft(amounts[i] - _room(slots[i]));
            MarketParams memory params = _markets[i].params;
            // Only part of the answer is wanted here. Supply calls nobody but the asset, in the strategy's own name,
            // and entries and exits are locked.
            // slither-disable-next-line unused-return,reentrancy-no-eth
            (, uint256 entered) = IMorphoBlue(morpho).supply(params, amounts[i], 0, address(this), "");
            _held[i] += entered;
        }
    }

    // Overrides what OpenZeppelin's ERC-4626 calls.
    // slither-disable-next-line dead-code
    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
    {
        super._withdraw(caller, receiver, owner, assets, shares);
        Slot[] memory slots = _slots();
        (uint256[] memory amounts, uint256 left) = _outward(slots, assets, false);
        if (left != 0) revert AssetsLeft(left);
        // Before anything is paid, so that whoever is paid finds the price that it will be.
        uint256[] memory burned = new uint256[](slots.length);
        for (uint256 i; i < slots.length; ++i) {
            burned[i] = slots[i].market.toShares(amounts[i], Math.Rounding.Ceil);
            _held[i] -= burned[i];
        }
        for (uint256 i; i < slots.length; ++i) {
            if (amounts[i] != 0) _pay(_markets[i].params, amounts[i], burned[i], receiver);
        }
    }

    // Part of the one before.
    // slither-disable-next-line dead-code
    function _pay(MarketParams memory params, uint256 assets, uint256 burned, address receiver) private {
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return,calls-loop
        (, uint256 counted) = IMorphoBlue(morpho).withdraw(params, assets, 0, address(this), receiver);
        if (counted != burned) revert SharesDiffer(burned, counted);
    }

    /// @dev Morpho pays the receiver itself.
    // Overrides what OpenZeppelin's ERC-4626 calls.
    // slither-disable-next-line dead-code
    function _transferOut(address to, uint256) internal pure override {
        if (to == address(0)) revert ZeroAddress();
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return DECIMALS_OFFSET;
    }

    // Where assets go and come from

    /// @dev Assets for each market: from the first on, as far as its cap goes; what is beyond all caps to the last.
    function _inward(Slot[] memory slots, uint256 assets) private pure returns (uint256[] memory amounts) {
        amounts = new uint256[](slots.length);
        for (uint256 i; i < slots.length; ++i) {
            amounts[i] = i + 1 == slots.length ? assets : Math.min(assets, _room(slots[i]));
            assets -= amounts[i];
        }
    }

    /// @dev Assets from each market: from the last on, as far as it can pay; and what none can pay. A position worth no
    /// more than its rounding pays nothing; who gives up what shares are worth gives it up with the rest.
    function _outward(Slot[] memory slots, uint256 assets, bool isWorth)
        private
        view
        returns (uint256[] memory amounts, uint256 left)
    {
        amounts = new uint256[](slots.length);
        // Morpho holds all markets' tokens together, and lends them out for the length of a call.
        uint256 present = IERC20(asset()).balanceOf(morpho);
        left = assets;
        for (uint256 i = slots.length; i != 0; --i) {
            Slot memory slot = slots[i - 1];
            uint256 available = Math.min(Math.min(slot.value, slot.market.liquidity()), present);
            uint256 amount = Math.min(left, available);
            if (available <= slot.dust) {
                if (isWorth) left -= amount;
                continue;
            }
            amounts[i - 1] = amount;
            left -= amount;
            present -= amount;
        }
    }

    /// @dev What leaves when positions worth `worth` are given up: in each market less the most that rounding takes.
    function _paid(Slot[] memory slots, uint256 worth) private view returns (uint256 paid) {
        (uint256[] memory amounts, uint256 left) = _outward(slots, worth, true);
        paid = left;
        for (uint256 i; i < slots.length; ++i) {
            paid += Math.saturatingSub(amounts[i], slots[i].dust);
        }
    }

    function _room(Slot memory slot) private pure returns (uint256) {
        return Math.saturatingSub(slot.cap, slot.value);
    }

    // Prices

    function _shares(uint256 assets, uint256 total, Math.Rounding rounding) private view returns (uint256) {
        return Math.mulDiv(assets, totalSupply() + 10 ** DECIMALS_OFFSET, total + 1, rounding);
    }

    function _assets(uint256 shares, uint256 total, Math.Rounding rounding) private view returns (uint256) {
        return Math.mulDiv(shares, total + 1, totalSupply() + 10 ** DECIMALS_OFFSET, rounding);
    }

    function _total(Slot[] memory slots) private pure returns (uint256 total) {
        for (uint256 i; i < slots.length; ++i) {
            total += slots[i].value;
        }
    }

    /// @dev Value of a position after an entry.
    function _valueAfter(Slot memory slot, uint256 assets, uint256 entered) private pure returns (uint256) {
        Market memory market = slot.market;
        return MorphoMarketMath.assetsDown(
            slot.held + entered, uint256(market.totalSupplyAssets) + assets, uint256(market.totalSupplyShares) + entered
        );
    }

    // Reading

    function _accrue() private {
        for (uint256 i; i < _markets.length; ++i) {
            // At most eight.
            // slither-disable-next-line calls-loop
            IMorphoBlue(morpho).accrueInterest(_markets[i].params);
        }
    }

    function _slots() private view returns (Slot[] memory slots) {
        slots = new Slot[](_markets.length);
        for (uint256 i; i < slots.length; ++i) {
            MarketParams memory params = _markets[i].params;
            slots[i] = _slot(i, MorphoMarketReads.accrued(morpho, _id(params), params));
        }
    }

    function _trySlots() private view returns (bool isOk, Slot[] memory slots) {
        slots = new Slot[](_markets.length);
        for (uint256 i; i < slots.length; ++i) {
            MarketParams memory params = _markets[i].params;
            Market memory market;
            (isOk, market) = MorphoMarketReads.tryAccrued(morpho, _id(params), params);
            if (!isOk) return (false, slots);
            slots[i] = _slot(i, market);
        }
    }

    /// @dev An entry or exit in a market loses at most one share, rounded, and what a value is cut off by.
    function _slot(uint256 place, Market memory market) private view returns (Slot memory slot) {
        slot.market = market;
        slot.held = _held[place];
        slot.cap = _markets[place].cap;
        slot.value = market.toAssets(slot.held, Math.Rounding.Floor);
        slot.dust = market.toAssets(1, Math.Rounding.Ceil) + 1;
    }

    function _loanToken(MarketCap[] memory markets) private pure returns (address) {
        if (markets.length == 0 || markets.length > MOST_MARKETS) {
            revert MarketCountOutOfRange(markets.length, MOST_MARKETS);
        }
        return markets[0].params.loanToken;
    }

    function _id(MarketParams memory params) private pure returns (bytes32) {
        return keccak256(abi.encode(params));
    }
}
