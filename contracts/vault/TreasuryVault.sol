// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IConduit} from "../interfaces/IConduit.sol";
import {ITreasuryFactory, TreasuryParameters} from "../interfaces/ITreasuryFactory.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {ExitEntry, NavParameters, NavState} from "../types/Nav.sol";
import {Leg, LegReceipt, Receipt} from "../types/Rebalance.sol";
import {Balance} from "./Balance.sol";
import {Conduit} from "./Conduit.sol";
import {ExitList} from "./ExitList.sol";
import {ExitLeg, ExitWalk} from "./ExitWalk.sol";
import {NavAccounting, NavStorage, Observation} from "./NavAccounting.sol";
import {Price} from "./Price.sol";
import {RebalanceLegs} from "./RebalanceLegs.sol";
import {SafeStrategyCall} from "./SafeStrategyCall.sol";

/// @title The money
/// @dev One transient lock spans everything that moves shares or money. While it is held, `max*` answer zero and every
/// view that others price by reverts with `Locked`, so nobody reads a half-done state. Approvals stay possible: they
/// move nothing.
///
/// A preview of zero for an amount above zero says that the operation would be refused (`ZeroResult`).
contract TreasuryVault is ITreasuryVault, ERC20 {
    using NavAccounting for NavStorage;
    using SafeERC20 for IERC20;

    uint8 private constant MAX_DECIMALS_OFFSET = 18;
    /// @dev Supply stays below this, so that products with prices keep inside their words.
    uint256 private constant MAX_SUPPLY = (1 << 144) - 1;
    /// @dev How often a `max*` view corrects itself before it gives up and answers zero.
    uint256 private constant MAX_TRIES = 4;

    /// @inheritdoc ITreasuryVault
    address public immutable guard;
    /// @inheritdoc ITreasuryVault
    address public immutable conduit;

    IERC20 private immutable _ASSET;
    uint8 private immutable _DECIMALS;
    uint256 private immutable _VIRTUAL_SHARES;

    NavStorage private _nav;

    bool private transient _isLocked;

    modifier onlyGuard() {
        _requireGuard();
        _;
    }

    modifier locks() {
        _requireUnlocked();
        _isLocked = true;
        _;
        _isLocked = false;
    }

    modifier whenUnlocked() {
        _requireUnlocked();
        _;
    }

    constructor() ERC20(_parameters().name, _parameters().symbol) {
        (TreasuryParameters memory parameters,, address guard_) = ITreasuryFactory(msg.sender).deployment();
        if (parameters.decimalsOffset > MAX_DECIMALS_OFFSET) {
            revert DecimalsOffsetTooLarge(parameters.decimalsOffset, MAX_DECIMALS_OFFSET);
        }
        if (guard_ == address(0)) revert ZeroAddress();
        _ASSET = IERC20(parameters.asset);
        (bool hasDecimals, uint8 assetDecimals) = SafeERC20.tryGetDecimals(_ASSET);
        _DECIMALS = (hasDecimals ? assetDecimals : 18) + parameters.decimalsOffset;
        _VIRTUAL_SHARES = 10 ** parameters.decimalsOffset;
        guard = guard_;
        conduit = address(new Conduit(_ASSET));
    }

    // Entries

    /// @inheritdoc IERC4626
    function deposit(uint256 assets, address receiver) external locks returns (uint256 shares) {
        Observation memory seen = _refresh();
        _requireEntry(seen, assets, receiver);
        shares = _toEntrySharesDown(seen, assets);
        if (shares == 0 && assets != 0) revert ZeroResult(assets);
        _enter(seen, assets, shares, receiver);
    }

    /// @inheritdoc IERC4626
    function mint(uint256 shares, address receiver) external locks returns (uint256 assets) {
        Observation memory seen = _refresh();
        assets = _toEntryAssetsUp(seen, shares);
        _requireEntry(seen, assets, receiver);
        _enter(seen, assets, shares, receiver);
    }

    /// @inheritdoc IERC4626
    function previewDeposit(uint256 assets) external view whenUnlocked returns (uint256) {
        return _toEntrySharesDown(_observe(), assets);
    }

    /// @inheritdoc IERC4626
    function previewMint(uint256 shares) external view whenUnlocked returns (uint256) {
        return _toEntryAssetsUp(_observe(), shares);
    }

    /// @inheritdoc IERC4626
    function maxDeposit(address) external view returns (uint256) {
        if (_isLocked) return 0;
        Observation memory seen = _observe();
        return seen.isOpen ? _largestEntry(seen) : 0;
    }

    /// @inheritdoc IERC4626
    function maxMint(address) external view returns (uint256) {
        if (_isLocked) return 0;
        Observation memory seen = _observe();
        return seen.isOpen ? _toEntrySharesDown(seen, _largestEntry(seen)) : 0;
    }

    // Exits

    /// @inheritdoc IERC4626
    function withdraw(uint256 assets, address receiver, address owner) external locks returns (uint256 shares) {
        _requireAccounts(receiver, owner);
        Observation memory seen = _refresh();
        uint256 cost = _walk(seen, assets, true);
        shares = _toSharesUp(seen, assets + cost);
        _burnFrom(owner, shares);
        _pay(receiver, owner, assets, shares);
    }

    /// @inheritdoc IERC4626
    function redeem(uint256 shares, address receiver, address owner) external locks returns (uint256 assets) {
        _requireAccounts(receiver, owner);
        Observation memory seen = _refresh();
        _burnFrom(owner, shares);
        uint256 target = _toAssetsDown(seen, shares);
        assets = Math.saturatingSub(target, _walk(seen, target, false));
        if (assets == 0 && shares != 0) revert ZeroResult(shares);
        _pay(receiver, owner, assets, shares);
    }

    /// @inheritdoc IERC4626
    function previewWithdraw(uint256 assets) external view whenUnlocked returns (uint256) {
        Observation memory seen = _observe();
        (uint256 cost,) = ExitWalk.preview(seen.positions, seen.idle, assets, true);
        return _toSharesUp(seen, assets + cost);
    }

    /// @inheritdoc IERC4626
    function previewRedeem(uint256 shares) external view whenUnlocked returns (uint256 assets) {
        Observation memory seen = _observe();
        uint256 target = _toAssetsDown(seen, shares);
        (uint256 cost,) = ExitWalk.preview(seen.positions, seen.idle, target, false);
        return Math.saturatingSub(target, cost);
    }

    /// @inheritdoc IERC4626
    function maxWithdraw(address owner) external view returns (uint256 assets) {
        if (_isLocked) return 0;
        Observation memory seen = _observe();
        uint256 most;
        (most, assets) = _largestExit(seen, balanceOf(owner));
        for (uint256 i = 0; i < MAX_TRIES && assets != 0; ++i) {
            (uint256 cost, uint256 missing) = ExitWalk.preview(seen.positions, seen.idle, assets, true);
            uint256 shares = _toSharesUp(seen, assets + cost);
            if (missing == 0 && shares <= most) return assets;
            uint256 excess = shares > most ? _toAssetsDown(seen, shares - most) : 0;
            assets = Math.saturatingSub(assets, Math.max(1, Math.max(missing, excess)));
        }
        return 0;
    }

    /// @inheritdoc IERC4626
    function maxRedeem(address owner) external view returns (uint256 shares) {
        if (_isLocked) return 0;
        (shares,) = _largestExit(_observe(), balanceOf(owner));
    }

    /// @inheritdoc ITreasuryVault
    function redeemInKind(uint256 shares, address receiver, address owner, address[] calldata skip)
        external
        locks
        returns (uint256 idleAssets, address[] memory strategies, uint256[] memory amounts)
    {
        _requireAccounts(receiver, owner);
        uint256 units = totalSupply() + _VIRTUAL_SHARES;
        _burnFrom(owner, shares);
        idleAssets = _payInKind(address(_ASSET), shares, units, receiver, skip);
        strategies = ExitList.held(_nav.exitList);
        amounts = new uint256[](strategies.length);
        for (uint256 i = 0; i < strategies.length; ++i) {
            amounts[i] = _payInKind(strategies[i], shares, units, receiver, skip);
        }
        emit RedeemedInKind(msg.sender, receiver, owner, shares, idleAssets);
    }

    /// @notice One leg of an exit, in a frame of its own so that it can be rolled back. The vault itself only.
    /// @param held Shares held before. @param shares Shares to give. @param least Assets that must arrive.
    function exitLeg(address strategy, uint256 held, uint256 shares, uint256 least) external {
        if (msg.sender != address(this)) revert NotGuard(msg.sender);
        ExitWalk.redeem(_ASSET, ExitLeg(0, strategy, held, shares, 0, least, 0));
    }

    // The guard

    /// @inheritdoc ITreasuryVault
    function execute(Leg[] calldata legs) external onlyGuard locks returns (Receipt memory receipt) {
        if (_nav.isFresh()) {
            (receipt.nav, receipt.base) = _checkpointed();
        } else {
            Observation memory seen = _refresh();
            (receipt.nav, receipt.base) = (seen.nav, _nav.baseOf(seen.nav, seen.supply));
        }
        RebalanceLegs.execute(legs, _ASSET, IConduit(conduit), receipt);
    }

    /// @inheritdoc ITreasuryVault
    /// @dev Never refreshes: an emergency exit must not depend on any other strategy.
    function pull(address strategy, uint128 assets, uint256 minAssets)
        external
        onlyGuard
        locks
        returns (Receipt memory receipt)
    {
        if (!ExitList.contains(_nav.exitList, strategy)) revert UnfitStrategy(strategy);
        (receipt.nav, receipt.base) = _checkpointed();
        receipt.idleBefore = Balance.held(_ASSET);
        receipt.legs = new LegReceipt[](1);
        receipt.legs[0] = RebalanceLegs.withdraw(strategy, assets, address(this));
        receipt.idleAfter = Balance.held(_ASSET);

        uint256 received = Math.saturatingSub(receipt.idleAfter, receipt.idleBefore);
        if (received < minAssets) revert PulledTooLittle(received, minAssets);
        emit Pulled(strategy, Math.saturatingSub(receipt.legs[0].sharesBefore, receipt.legs[0].sharesAfter), received);
    }

    /// @inheritdoc ITreasuryVault
    function adopt(NavParameters memory parameters, ExitEntry[] memory exitList_) public onlyGuard locks {
        // Seasoning up to now counts by the parameters that were in force.
        _nav.accrue(totalSupply(), totalSupply());
        _nav.parameters = parameters;
        _nav.isOutdated = true;
        ExitList.replace(_nav.exitList, exitList_, address(_ASSET), guard, IConduit(conduit));
        emit Adopted(parameters, exitList_);
    }

    // Anyone

    /// @inheritdoc ITreasuryVault
    function checkpoint() external locks {
        _refresh();
    }

    /// @inheritdoc IERC20
    function transfer(address to, uint256 value) public override(ERC20, IERC20) whenUnlocked returns (bool) {
        return super.transfer(to, value);
    }

    /// @inheritdoc IERC20
    function transferFrom(address from, address to, uint256 value)
        public
        override(ERC20, IERC20)
        whenUnlocked
        returns (bool)
    {
        return super.transferFrom(from, to, value);
    }

    // Views

    /// @inheritdoc IERC4626
    function asset() external view returns (address) {
        return address(_ASSET);
    }

    /// @inheritdoc IERC20Metadata
    function decimals() public view override(ERC20, IERC20Metadata) returns (uint8) {
        return _DECIMALS;
    }

    /// @inheritdoc IERC4626
    function totalAssets() external view whenUnlocked returns (uint256) {
        return _observe().nav;
    }

    /// @inheritdoc IERC4626
    function convertToShares(uint256 assets) external view whenUnlocked returns (uint256) {
        Observation memory seen = _observe();
        return Math.mulDiv(assets, seen.units, seen.nav + 1);
    }

    /// @inheritdoc IERC4626
    function convertToAssets(uint256 shares) external view whenUnlocked returns (uint256) {
        return _toAssetsDown(_observe(), shares);
    }

    /// @inheritdoc ITreasuryVault
    function navState() external view whenUnlocked returns (NavState memory) {
        return _nav.stateOf(_observe());
    }

    /// @inheritdoc ITreasuryVault
    function checkpointState()
        external
        view
        whenUnlocked
        returns (uint256 navAssets, uint256 baseAssets, bool isFresh)
    {
        (navAssets, baseAssets) = _checkpointed();
        isFresh = _nav.isFresh();
    }

    /// @inheritdoc ITreasuryVault
    function exitList() external view returns (ExitEntry[] memory) {
        return _nav.exitList;
    }

    /// @inheritdoc ITreasuryVault
    function navParameters() external view returns (NavParameters memory) {
        return _nav.parameters;
    }

    // Inside

    /// @dev Every change of supply passes here, and carries the seasoned part over.
    function _update(address from, address to, uint256 value) internal override {
        uint256 supplyBefore = totalSupply();
        super._update(from, to, value);
        if (from == address(0) || to == address(0)) _nav.accrue(supplyBefore, totalSupply());
    }

    function _observe() private view returns (Observation memory) {
        return _nav.observe(_ASSET, totalSupply(), _VIRTUAL_SHARES);
    }

    function _refresh() private returns (Observation memory seen) {
        seen = _observe();
        if (_nav.commit(seen)) {
            emit Checkpointed(seen.live, Price.unpack(seen.mark), Price.unpack(seen.observation));
        }
    }

    function _checkpointed() private view returns (uint256 navAssets, uint256 baseAssets) {
        uint256 supply = totalSupply();
        navAssets = _nav.checkpointNav(supply + _VIRTUAL_SHARES);
        baseAssets = _nav.baseOf(navAssets, supply);
    }

    function _requireEntry(Observation memory seen, uint256 assets, address receiver) private view {
        if (receiver == address(0)) revert ZeroAddress();
        if (!seen.isOpen) revert EntriesClosed();
        uint256 most = _largestEntry(seen);
        if (assets > most) revert DepositCapExceeded(assets, most);
    }

    function _enter(Observation memory seen, uint256 assets, uint256 shares, address receiver) private {
        uint256 before = Balance.held(_ASSET);
        _ASSET.safeTransferFrom(msg.sender, address(this), assets);
        uint256 received = Balance.held(_ASSET) - before;
        if (received != assets) revert UnexpectedTransfer(assets, received);
        _mint(receiver, shares);
        _nav.carryEntry(seen.units, seen.units + shares, assets);
        emit Deposit(msg.sender, receiver, assets, shares);
    }

    /// @dev Zero if what the cap leaves would mint nothing.
    function _largestEntry(Observation memory seen) private view returns (uint256 assets) {
        uint256 room = MAX_SUPPLY - Math.min(seen.supply, MAX_SUPPLY);
        assets = Math.min(
            Math.saturatingSub(_nav.parameters.depositCap, seen.nav),
            Price.mulDivSaturating(room, seen.entry + 1, seen.units)
        );
        if (_toEntrySharesDown(seen, assets) == 0) return 0;
    }

    /// @dev The most shares up to `balance` that can be redeemed now, and what they pay; zero if that is nothing.
    function _largestExit(Observation memory seen, uint256 balance)
        private
        view
        returns (uint256 shares, uint256 assets)
    {
        shares = balance;
        for (uint256 i = 0; i < MAX_TRIES && shares != 0; ++i) {
            uint256 target = _toAssetsDown(seen, shares);
            (uint256 cost, uint256 missing) = ExitWalk.preview(seen.positions, seen.idle, target, false);
            if (missing == 0) return target > cost ? (shares, target - cost) : (0, 0);
            shares = Math.mulDiv(target - missing, seen.units, seen.nav + 1);
        }
        return (0, 0);
    }

    /// @dev Brings `target` together from idle and strategies; reverts `Illiquid` if they do not suffice.
    function _walk(Observation memory seen, uint256 target, bool isExact) private returns (uint256 cost) {
        uint256 missing = Math.saturatingSub(target, seen.idle);
        uint256 start = 0;
        bool isDone;
        while (!isDone) {
            (ExitLeg[] memory legs, uint256 unmet) = ExitWalk.plan(seen.positions, start, missing, isExact);
            isDone = true;
            for (uint256 i = 0; i < legs.length && isDone; ++i) {
                if (_tryLeg(legs[i])) {
                    missing = Math.saturatingSub(missing, legs[i].gain);
                    cost += legs[i].cost;
                } else {
                    // What follows was sized without this gap: plan anew behind the failed leg.
                    emit ExitLegSkipped(legs[i].strategy);
                    start = legs[i].index + 1;
                    isDone = false;
                }
            }
            if (isDone && unmet != 0) revert Illiquid(target, target - unmet);
        }
    }

    function _tryLeg(ExitLeg memory leg) private returns (bool) {
        return SafeStrategyCall.tryCall(
            address(this),
            abi.encodeCall(this.exitLeg, (leg.strategy, leg.held, leg.shares, leg.received)),
            SafeStrategyCall.LEG_GAS
        );
    }

    function _burnFrom(address owner, uint256 shares) private {
        if (msg.sender != owner) _spendAllowance(owner, msg.sender, shares);
        _burn(owner, shares);
    }

    function _pay(address receiver, address owner, uint256 assets, uint256 shares) private {
        _ASSET.safeTransfer(receiver, assets);
        emit Withdraw(msg.sender, receiver, owner, assets, shares);
    }

    function _payInKind(address token, uint256 shares, uint256 units, address receiver, address[] calldata skip)
        private
        returns (uint256 amount)
    {
        for (uint256 i = 0; i < skip.length; ++i) {
            if (skip[i] == token) return 0;
        }
        amount = Math.mulDiv(Balance.held(IERC20(token)), shares, units);
        if (amount != 0) IERC20(token).safeTransfer(receiver, amount);
    }

    function _toAssetsDown(Observation memory seen, uint256 shares) private pure returns (uint256) {
        return Math.mulDiv(shares, seen.nav + 1, seen.units);
    }

    function _toSharesUp(Observation memory seen, uint256 assets) private pure returns (uint256) {
        return Math.mulDiv(assets, seen.units, seen.nav + 1, Math.Rounding.Ceil);
    }

    function _toEntrySharesDown(Observation memory seen, uint256 assets) private pure returns (uint256) {
        return Math.mulDiv(assets, seen.units, seen.entry + 1);
    }

    function _toEntryAssetsUp(Observation memory seen, uint256 shares) private pure returns (uint256) {
        return Math.mulDiv(shares, seen.entry + 1, seen.units, Math.Rounding.Ceil);
    }

    function _requireAccounts(address receiver, address owner) private pure {
        if (receiver == address(0) || owner == address(0)) revert ZeroAddress();
    }

    function _requireGuard() private view {
        if (msg.sender != guard) revert NotGuard(msg.sender);
    }

    function _requireUnlocked() private view {
        if (_isLocked) revert Locked();
    }

    function _parameters() private view returns (TreasuryParameters memory parameters) {
        (parameters,,) = ITreasuryFactory(msg.sender).deployment();
    }
}
