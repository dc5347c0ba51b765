// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token of a local world
/// @notice A plain ERC-20 whose deployer hands out the supply.
contract WorldToken is ERC20 {
    /// @notice The account that may mint.
    address public immutable MINTER;
    uint8 private immutable _DECIMALS;

    /// @notice Caller is not the minter.
    error NotMinter(address caller);

    constructor(string memory name_, string memory symbol_, uint8 decimals_) ERC20(name_, symbol_) {
        MINTER = msg.sender;
        _DECIMALS = decimals_;
    }

    /// @notice Creates `amount` for `account`.
    function mint(address account, uint256 amount) external {
        if (msg.sender != MINTER) revert NotMinter(msg.sender);
        _mint(account, amount);
    }

    /// @inheritdoc ERC20
    function decimals() public view override returns (uint8) {
        return _DECIMALS;
    }
}
