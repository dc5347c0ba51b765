// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title A price that its owner sets
/// @notice The part of an aggregator that Aave's oracle reads: US dollars with 8 decimals.
contract PriceFeed {
    /// @notice The account that may set the price.
    address public immutable OWNER;
    /// @notice US dollars for one whole token, 8 decimals.
    int256 public latestAnswer;

    /// @notice The price moved.
    event PriceSet(int256 before, int256 answer);

    /// @notice Caller is not the owner.
    error NotOwner(address caller);

    constructor(int256 answer) {
        OWNER = msg.sender;
        latestAnswer = answer;
    }

    /// @notice Moves the price.
    function setAnswer(int256 answer) external {
        if (msg.sender != OWNER) revert NotOwner(msg.sender);
        emit PriceSet(latestAnswer, answer);
        latestAnswer = answer;
    }

    /// @notice Decimals of the answer.
    function decimals() external pure returns (uint8) {
        return 8;
    }
}
