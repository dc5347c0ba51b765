// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @notice An ERC-1271 wallet that accepts what it is told to, and may call back while it is asked.
contract MockWallet is IERC1271 {
    bytes32 private _accepted;
    address private _target;
    bytes private _payload;
    bytes private _expected;

    function accept(bytes32 digest) external {
        _accepted = digest;
    }

    /// @notice From now on it accepts only if calling `target` fails with `expected`.
    function setCall(address target, bytes calldata payload, bytes calldata expected) external {
        (_target, _payload, _expected) = (target, payload, expected);
    }

    function isValidSignature(bytes32 hash, bytes calldata) external view returns (bytes4) {
        if (_target != address(0)) {
            (bool success, bytes memory answer) = _target.staticcall(_payload);
            if (success || keccak256(answer) != keccak256(_expected)) return 0xffffffff;
        }
        return hash == _accepted ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice Code for an account that delegates to it: accepts what the account's own key signed.
contract MockDelegate is IERC1271 {
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s, uint8 v) = abi.decode(signature, (bytes32, bytes32, uint8));
        return ecrecover(hash, v, r, s) == address(this) ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}
