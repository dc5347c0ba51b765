// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestToken} from "./TestToken.sol";

/// @notice Called around every transfer of an `UnusualToken` that has a hook.
interface ITransferHook {
    function onTransfer(address from, address to, uint256 amount) external;
}

/// @notice A token that may charge for transfers, call a hook, or block accounts.
contract UnusualToken is TestToken {
    uint256 public feeBps;
    address public hook;
    mapping(address account => bool) public isBlocked;

    error Blocked(address account);

    constructor(uint8 decimals_) TestToken("ODD", decimals_) {}

    function setFeeBps(uint256 feeBps_) external {
        feeBps = feeBps_;
    }

    function setHook(address hook_) external {
        hook = hook_;
    }

    function setBlocked(address account, bool isBlocked_) external {
        isBlocked[account] = isBlocked_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (isBlocked[from]) revert Blocked(from);
        if (isBlocked[to]) revert Blocked(to);
        bool isTransfer = from != address(0) && to != address(0);
        if (isTransfer && hook != address(0)) ITransferHook(hook).onTransfer(from, to, amount);
        uint256 fee = isTransfer ? amount * feeBps / 10_000 : 0;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(0), fee);
        if (isTransfer && hook != address(0)) ITransferHook(hook).onTransfer(from, to, amount);
    }
}
