// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Holder of the allowances to strategies
/// @notice Between transactions it holds none of the vault's money, so a strategy that pulls through its allowance
/// finds nothing. Callable by its vault only.
interface IConduit {
    /// @notice Caller is not the vault.
    error NotVault(address caller);
    /// @notice More was spent than the rebalance brought in.
    error Overspent(uint256 balance, uint256 expected);

    /// @notice The vault it serves.
    function vault() external view returns (address);

    /// @notice Deposits `assets` into `strategy`, shares to the vault. Raises the allowance if it does not suffice, and
    /// reverts as the strategy does.
    function deposit(address strategy, uint256 assets) external;

    /// @notice Returns to the vault what it holds above `balanceAtStart`; reverts `Overspent` below it.
    function settle(uint256 balanceAtStart) external;

    /// @notice Takes back the allowance of a strategy that left Active. A failure of the token is ignored.
    function clear(address strategy) external;
}
