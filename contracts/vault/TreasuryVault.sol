// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
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
import {NavSettings} from "./NavSettings.sol";
import {Price} from "./Price.sol";
import {RebalanceLegs} from "./RebalanceLegs.sol";
import {SafeStrategyCall} from "./SafeStrategyCall.sol";
import {VaultBase, VaultSetting} from "./VaultBase.sol";
import {VaultPeriphery} from "./VaultPeriphery.sol";

/// @title The money
/// @dev One transient lock spans everything that moves shares or money. While it is held, `max*` answer zero and every
/// view that others price by reverts with `Locked`, so nobody reads a half-done state. Approvals stay possible: they
/// move nothing.
///
/// A preview of zero for an amount above zero says that the operation would be refused (`ZeroResult`).
contract TreasuryVault is ITreasuryVault, VaultBase, ERC20Permit {
    using NavAccounting for NavStorage;
    using SafeERC20 for IERC20;

    uint8 private constant MAX_DECIMALS_OFFSET = 18;
    uint8 private constant MAX_ASSET_DECIMALS = 27;
    /// @dev Of an asset that does not tell.
    uint8 private constant DEFAULT_DECIMALS = 18;

    /// @notice The half of this vault's code that no entry, exit or rebalance runs through; run by delegatecall.
    address public immutable periphery;

    uint8 private immutable _DECIMALS;

    constructor()
        ERC20(_parameters().name, _parameters().symbol)
        ERC20Permit(_parameters().name)
        VaultBase(_setting())
    {
        uint8 decimalsOffset = _parameters().decimalsOffset;
        if (decimalsOffset > MAX_DECIMALS_OFFSET) revert DecimalsOffsetTooLarge(decimalsOffset, MAX_DECIMALS_OFFSET);
        if (_GUARD == address(0)) revert ZeroAddress();
        (bool hasDecimals, uint8 assetDecimals) = SafeERC20.tryGetDecimals(_ASSET);
        if (!hasDecimals) assetDecimals = DEFAULT_DECIMALS;
        if (assetDecimals > MAX_ASSET_DECIMALS) revert AssetDecimalsTooLarge(assetDecimals, MAX_ASSET_DECIMALS);
        _DECIMALS = assetDecimals + decimalsOffset;
        periphery = address(new VaultPeriphery(VaultSetting(_ASSET, _VIRTUAL_SHARES, _GUARD, _CONDUIT)));
    }

    // Entries

    /// @inheritdoc IERC4626
    function deposit(uint256 assets, address receiver) external returns (uint256) {
        return deposit(assets, receiver, 0);
    }

    /// @inheritdoc ITreasuryVault
    function deposit(uint256 assets, address receiver, uint256 minShares) public locks returns (uint256 shares) {
        Observation memory seen = _refresh();
        _requireEntry(seen, assets, receiver);
        shares = _toEntrySharesDown(seen, assets);
        if (shares == 0 && assets != 0) revert ZeroResult(assets);
        _requireAtLeast(shares, minShares);
        _enter(seen, assets, shares, receiver);
    }

    /// @inheritdoc IERC4626
    function mint(uint256 shares, address receiver) external returns (uint256) {
        return mint(shares, receiver, type(uint256).max);
    }

    /// @inheritdoc ITreasuryVault
    function mint(uint256 shares, address receiver, uint256 maxAssets) public locks returns (uint256 assets) {
        Observation memory seen = _refresh();
        assets = _toEntryAssetsUp(seen, shares);
        _requireEntry(seen, assets, receiver);
        _requireAtMost(assets, maxAssets);
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
        _delegateView();
    }

    /// @inheritdoc IERC4626
    function maxMint(address) external view returns (uint256) {
        _delegateView();
    }

    // Exits

    /// @inheritdoc IERC4626
    function withdraw(uint256 assets, address receiver, address owner) external returns (uint256) {
        return withdraw(assets, receiver, owner, type(uint256).max);
    }

    /// @inheritdoc ITreasuryVault
    function withdraw(uint256 assets, address receiver, address owner, uint256 maxShares)
        public
        locks
        returns (uint256 shares)
    {
        _requireAccounts(receiver, owner);
        Observation memory seen = _refresh();
        uint256 cost = _walk(seen, assets, true);
        shares = _toSharesUp(seen, assets + cost);
        _requireAtMost(shares, maxShares);
        _burnFrom(owner, shares);
        _pay(receiver, owner, assets, shares);
    }

    /// @inheritdoc IERC4626
    function redeem(uint256 shares, address receiver, address owner) external returns (uint256) {
        return redeem(shares, receiver, owner, 0);
    }

    /// @inheritdoc ITreasuryVault
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets)
        public
        locks
        returns (uint256 assets)
    {
        _requireAccounts(receiver, owner);
        Observation memory seen = _refresh();
        _burnFrom(owner, shares);
        uint256 target = _toAssetsDown(seen, shares);
        assets = Math.saturatingSub(target, _walk(seen, target, false));
        if (assets == 0 && shares != 0) revert ZeroResult(shares);
        _requireAtLeast(assets, minAssets);
        _pay(receiver, owner, assets, shares);
    }

    /// @inheritdoc IERC4626
    function previewWithdraw(uint256) external view returns (uint256) {
        _delegateView();
    }

    /// @inheritdoc IERC4626
    function previewRedeem(uint256) external view returns (uint256) {
        _delegateView();
    }

    /// @inheritdoc IERC4626
    function maxWithdraw(address) external view returns (uint256) {
        _delegateView();
    }

    /// @inheritdoc IERC4626
    function maxRedeem(address) external view returns (uint256) {
        _delegateView();
    }

    /// @inheritdoc ITreasuryVault
    function redeemInKind(uint256 shares, address receiver, address owner, address[] calldata skip)
        external
        locks
        returns (uint256 idleAssets, address[] memory strategies, uint256[] memory amounts)
    {
        _requireAccounts(receiver, owner);
        uint256[] memory settings = NavSettings.read(_nav.settings);
        uint256 units = _takeManagement(settings);
        _burnFrom(owner, shares);
        idleAssets = _payInKind(address(_ASSET), shares, units, receiver, skip);
        strategies = ExitList.held(settings);
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
    /// @dev Ends the call with the encoded receipt as it was written, so it unlocks by itself.
    function execute(Leg[] calldata legs, uint256 maxNavAgeSeconds, uint256 seasoningSeconds)
        external
        onlyGuard
        returns (Receipt memory)
    {
        _acquire();
        (bool isFresh, uint256 navAssets, uint256 baseAssets) =
            _nav.checkpointed(_VIRTUAL_SHARES, maxNavAgeSeconds, seasoningSeconds);
        if (!isFresh) {
            Observation memory seen = _observe();
            (navAssets, baseAssets) = (seen.nav, _nav.baseOf(seen));
            _commit(seen);
        }
        // Under the lock; what is written afterwards ends it or was settled before.
        // slither-disable-next-line reentrancy-no-eth
        (uint256 answer, uint256 size) = RebalanceLegs.execute(legs, _ASSET, IConduit(_CONDUIT), navAssets, baseAssets);
        _lock = 0;
        assembly ("memory-safe") {
            return(answer, size)
        }
    }

    /// @inheritdoc ITreasuryVault
    /// @dev Never refreshes: an emergency exit must not depend on any other strategy.
    function pull(address strategy, uint128 assets, uint256 minAssets)
        external
        onlyGuard
        locks
        returns (Receipt memory receipt)
    {
        if (!ExitList.contains(NavSettings.read(_nav.settings), strategy)) revert UnfitStrategy(strategy);
        (receipt.nav, receipt.base) = _checkpointed();
        receipt.idleBefore = Balance.held(_ASSET);
        receipt.legs = new LegReceipt[](1);
        RebalanceLegs.withdraw(strategy, assets, address(this), receipt.legs[0]);
        receipt.idleAfter = Balance.held(_ASSET);

        uint256 received = Math.saturatingSub(receipt.idleAfter, receipt.idleBefore);
        if (received < minAssets) revert PulledTooLittle(received, minAssets);
        emit Pulled(strategy, Math.saturatingSub(receipt.legs[0].sharesBefore, receipt.legs[0].sharesAfter), received);
    }

    /// @inheritdoc ITreasuryVault
    function adopt(NavParameters calldata, ExitEntry[] calldata) external {
        _delegate();
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

    /// @inheritdoc IERC20
    function totalSupply() public view override(ERC20, IERC20, VaultBase) returns (uint256) {
        return VaultBase.totalSupply();
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) public view override(ERC20, IERC20, VaultBase) returns (uint256) {
        return VaultBase.balanceOf(account);
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return super.nonces(owner);
    }

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
    function guard() external view returns (address) {
        return _GUARD;
    }

    /// @inheritdoc ITreasuryVault
    function conduit() external view returns (address) {
        return _CONDUIT;
    }

    /// @inheritdoc ITreasuryVault
    function navState() external view returns (NavState memory) {
        _delegateView();
    }

    /// @inheritdoc ITreasuryVault
    function checkpointState() external view returns (uint256, uint256, bool) {
        _delegateView();
    }

    /// @inheritdoc ITreasuryVault
    function exitList() external view returns (ExitEntry[] memory) {
        _delegateView();
    }

    /// @inheritdoc ITreasuryVault
    function navParameters() external view returns (NavParameters memory) {
        _delegateView();
    }

    // Inside

    function _update(address from, address to, uint256 value) internal override(ERC20, VaultBase) {
        VaultBase._update(from, to, value);
    }

    function _requireEntry(Observation memory seen, uint256 assets, address receiver) private pure {
        if (receiver == address(0)) revert ZeroAddress();
        if (!seen.isOpen) revert EntriesClosed();
        uint256 most = _largestEntry(seen);
        if (assets > most) revert DepositCapExceeded(assets, most);
    }

    function _enter(Observation memory seen, uint256 assets, uint256 shares, address receiver) private {
        // Nothing has moved since idle was read: strategies were only asked.
        _ASSET.safeTransferFrom(msg.sender, address(this), assets);
        uint256 received = Balance.held(_ASSET) - seen.idle;
        if (received != assets) revert UnexpectedTransfer(assets, received);
        _mint(receiver, shares);
        _nav.carryEntry(seen.units, seen.units + shares, assets);
        emit Deposit(msg.sender, receiver, assets, shares);
    }

    /// @dev Brings `target` together from idle and strategies; reverts `Illiquid` if they do not suffice.
    function _walk(Observation memory seen, uint256 target, bool isExact) private returns (uint256 cost) {
        if (target <= seen.idle) return 0;
        uint256 missing = target - seen.idle;
        uint256 start = 0;
        bool isDone;
        while (!isDone) {
            (ExitLeg[] memory legs, uint256 unmet) = ExitWalk.plan(seen, start, missing, isExact);
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

    function _requireAccounts(address receiver, address owner) private pure {
        if (receiver == address(0) || owner == address(0)) revert ZeroAddress();
    }

    function _requireAtLeast(uint256 result, uint256 bound) private pure {
        if (result < bound) revert SlippageExceeded(result, bound);
    }

    function _requireAtMost(uint256 result, uint256 bound) private pure {
        if (result > bound) revert SlippageExceeded(result, bound);
    }

    /// @dev The other half is code that this vault deployed itself, with the same layout; nobody can change it.
    function _delegate() private {
        address target = periphery;
        // Safe: memory is overwritten freely because nothing of this call uses it afterwards; both ways out end the
        // call.
        assembly {
            calldatacopy(0, 0, calldatasize())
            let isDone := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(isDone) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }

    /// @dev `_delegate` for functions that the other half declares `view`: what the compiler cannot see from here, it
    /// has checked over there.
    function _delegateView() private view {
        function() delegate = _delegate;
        function() view delegateView;
        assembly ("memory-safe") {
            delegateView := delegate
        }
        delegateView();
        // Never reached: `_delegate` ends the call. It tells the compiler so.
        revert();
    }

    function _setting() private returns (VaultSetting memory) {
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (TreasuryParameters memory parameters,, address guard_) = ITreasuryFactory(msg.sender).deployment();
        IERC20 asset_ = IERC20(parameters.asset);
        return VaultSetting(asset_, 10 ** uint256(parameters.decimalsOffset), guard_, address(new Conduit(asset_)));
    }

    function _parameters() private view returns (TreasuryParameters memory parameters) {
        // Only part of the answer is wanted here.
        // slither-disable-next-line unused-return
        (parameters,,) = ITreasuryFactory(msg.sender).deployment();
    }
}
