// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {ExitEntry, NavParameters, NavState} from "../types/Nav.sol";
import {Leg, Receipt} from "../types/Rebalance.sol";

/// @title The money
/// @notice An ERC-4626 vault over one asset that holds shares of other ERC-4626 vaults, its strategies. Its only
/// privileged caller is its guard. Nothing the guard can call stops an exit.
///
/// Fees are minted as shares to the policy's recipient; with no recipient there are none. With S shares, V virtual
/// ones, price p of NAV and high-water mark H a share:
/// - management: S grows to ⌊S × (1 − bps/10,000/31,536,000)^(−seconds)⌋, so that holders keep the inverse,
/// however the
///   time is split. Every function that changes the supply takes it first;
/// - performance: where p > H, S + V grows by (p/H)^f, so that holders keep H^f × p^(1−f), and H becomes the price
/// after. Taken by every function that refreshes, never by `redeemInKind`, `adopt`, or while a strategy cannot be read;
/// - H never falls while shares exist; at supply zero it starts at the live price. Without a fee it follows p too;
/// - shares exist in at most 2^144 − 1 units; where fewer are left, fewer are minted.
/// What is due counts in every view of price as if it were minted. `balanceOf` and `max*` of the recipient hold what is
/// minted: an exit may take more than they say by what it mints itself.
///
/// `maxWithdraw` is at most one unit below what goes, `maxRedeem` at most what one unit buys, as long as strategies
/// preview what they do. Over one that contradicts itself either may answer 0.
///
/// The asset has at most 27 decimals, others are refused; one that does not tell its decimals in a byte counts as
/// having 18, which concerns display alone.
interface ITreasuryVault is IERC4626, IERC20Permit {
    /// @notice The live value moved the mark. Prices are (assets + 1) × 2^128 ÷ (shares + virtual shares).
    event Checkpointed(uint256 liveAssets, uint256 markPrice, uint256 observationPrice);
    /// @notice The guard handed down the exit list and pricing parameters of a policy.
    event Adopted(NavParameters parameters, ExitEntry[] exitList);
    /// @notice An exit in kind: `assets` of idle, and shares of each strategy by ERC-20 transfer.
    event RedeemedInKind(
        address indexed sender, address indexed receiver, address indexed owner, uint256 shares, uint256 idleAssets
    );
    /// @notice A leg of an exit failed or took more than it previewed; it was rolled back and the next one tried.
    event ExitLegSkipped(address indexed strategy);
    /// @notice The guard took `received` out of a strategy and left it idle.
    event Pulled(address indexed strategy, uint256 shares, uint256 received);

    /// @notice A policy took a strategy off the list while `shares` of it were held; the largest number if the balance
    /// could not be read.
    event StrategyDropped(address indexed strategy, uint256 shares);

    /// @notice Fee shares were minted. They are `Transfer`s from address zero too, but no `Deposit`.
    event FeesAccrued(address indexed recipient, uint256 managementShares, uint256 performanceShares);

    /// @notice An entry or exit came out worse than its caller allows: `result` is past `bound`.
    error SlippageExceeded(uint256 result, uint256 bound);
    /// @notice Caller is not the guard.
    error NotGuard(address caller);
    /// @notice A call arrived while another one was under way.
    error Locked();
    /// @notice The asset delivered another amount than was transferred; such assets are refused.
    error UnexpectedTransfer(uint256 expected, uint256 received);
    /// @notice Entries are closed: the live value is too far below the mark, or a strategy cannot be read.
    error EntriesClosed();
    /// @notice The operation would mint no shares or pay nothing for a non-zero amount.
    error ZeroResult(uint256 amount);
    /// @notice The shares' assets cannot be paid from idle and strategies now; an exit in kind is always possible.
    error Illiquid(uint256 wanted, uint256 available);
    /// @notice A pull returned less than the guardian allowed.
    error PulledTooLittle(uint256 received, uint256 minAssets);
    /// @notice A failure of a strategy is not believed because the caller gave too little gas.
    error GasTooLow(uint256 needed, uint256 given);
    /// @notice A strategy of the list has another asset, or is the vault, the conduit, the guard, or listed twice.
    error UnfitStrategy(address strategy);
    /// @notice The exit list is longer than the design allows.
    error TooManyStrategies(uint256 given, uint256 limit);
    /// @notice The entry would take the vault past its deposit cap or its largest supply.
    error DepositCapExceeded(uint256 assets, uint256 maxAssets);
    /// @notice More shares would exist than the vault can count.
    error SupplyExceeded(uint256 supply, uint256 limit);
    /// @notice Virtual shares would be too many.
    error DecimalsOffsetTooLarge(uint8 offset, uint8 limit);
    /// @notice The asset has more decimals than amounts have room for.
    error AssetDecimalsTooLarge(uint8 assetDecimals, uint8 limit);
    /// @notice Zero address where an account was expected.
    error ZeroAddress();

    /// @notice `deposit` that reverts `SlippageExceeded` if it mints fewer than `minShares` (ERC-5143).
    function deposit(uint256 assets, address receiver, uint256 minShares) external returns (uint256 shares);

    /// @notice `mint` that reverts `SlippageExceeded` if it costs more than `maxAssets` (ERC-5143).
    function mint(uint256 shares, address receiver, uint256 maxAssets) external returns (uint256 assets);

    /// @notice `withdraw` that reverts `SlippageExceeded` if it burns more than `maxShares` (ERC-5143).
    function withdraw(uint256 assets, address receiver, address owner, uint256 maxShares)
        external
        returns (uint256 shares);

    /// @notice `redeem` that reverts `SlippageExceeded` if it pays less than `minAssets` (ERC-5143).
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets)
        external
        returns (uint256 assets);

    /// @notice The only caller of `execute`, `pull` and `adopt`.
    function guard() external view returns (address);

    /// @notice Holder of the allowances to strategies.
    function conduit() external view returns (address);

    /// @notice Carries out a rebalance: withdraw legs first, then deposit legs, through the conduit.
    /// @dev Guard only. Refreshes the checkpoint first if it is older than `maxNavAgeSeconds`. A failing leg reverts
    /// all. @param legs Withdrawals before deposits, each strategy at most once.
    /// @param maxNavAgeSeconds, seasoningSeconds As last adopted: the guard, which adopts, has just read them, and the
    /// vault is saved the slot.
    /// @return receipt What happened, measured; the guard settles its rules against it.
    function execute(Leg[] calldata legs, uint256 maxNavAgeSeconds, uint256 seasoningSeconds)
        external
        returns (Receipt memory receipt);

    /// @notice Brings one strategy back to idle, without the conduit. Guard only.
    /// @param strategy A strategy of the exit list.
    /// @param assets Amount, or the largest uint128 for all shares.
    /// @param minAssets Least amount by which idle must grow, else `PulledTooLittle`.
    /// @return receipt As of `execute`, with one leg.
    function pull(address strategy, uint128 assets, uint256 minAssets) external returns (Receipt memory receipt);

    /// @notice Takes over the vault's part of an adopted policy. Guard only; reads no strategy's value.
    // The name says what it is on either side.
    // slither-disable-next-line shadowing-local
    function adopt(NavParameters calldata parameters, ExitEntry[] calldata exitList) external;

    /// @notice Refreshes mark and observation from the live value. Anyone may call. With an unreadable strategy it
    /// moves nothing stored.
    function checkpoint() external;

    /// @notice Pays `shares ÷ (supply + virtual shares)` of idle and of every strategy's shares. Asks no permission,
    /// reads no strategy; works in every state of vault and guard.
    /// @param shares Shares to burn.
    /// @param receiver Account that receives all parts.
    /// @param owner Account whose shares are burned; needs the caller's allowance if it is not the caller.
    /// @param skip Tokens that the caller leaves behind because they cannot be transferred; the asset means idle.
    /// @return idleAssets Amount of the asset paid.
    /// @return strategies Strategies whose shares were paid, in exit order.
    /// @return amounts Their share amounts; zero where skipped.
    function redeemInKind(uint256 shares, address receiver, address owner, address[] calldata skip)
        external
        returns (uint256 idleAssets, address[] memory strategies, uint256[] memory amounts);

    /// @notice How the vault stands now, as if refreshed in this block. Never reverts because of a strategy.
    function navState() external view returns (NavState memory);

    /// @notice NAV and base by the stored checkpoint, at the present time, as a rebalance with a fresh one uses them.
    /// @return navAssets NAV. @return baseAssets Base. @return isFresh Whether a rebalance now would use the
    /// checkpoint unrefreshed; if not, `navState` tells what it would use.
    function checkpointState() external view returns (uint256 navAssets, uint256 baseAssets, bool isFresh);

    /// @notice Strategies in the order in which exits draw on them.
    function exitList() external view returns (ExitEntry[] memory);

    /// @notice Parameters in force.
    function navParameters() external view returns (NavParameters memory);
}
