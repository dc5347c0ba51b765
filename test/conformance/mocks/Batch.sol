// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice An account that makes calls, one by one or many in one transaction.
contract Batch {
    error Failed(uint256 index, bytes answer);

    function one(address target, bytes calldata data) external {
        _call(0, target, data);
    }

    function many(address[] calldata targets, bytes[] calldata data) external {
        for (uint256 i = 0; i < targets.length; ++i) {
            _call(i, targets[i], data[i]);
        }
    }

    function _call(uint256 index, address target, bytes calldata data) private {
        (bool isDone, bytes memory answer) = target.call(data);
        if (!isDone) revert Failed(index, answer);
    }
}
