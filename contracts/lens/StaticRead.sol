// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITreasuryLens} from "../interfaces/ITreasuryLens.sol";

/// @title Reading contracts that may be broken or hostile
/// @notice Every call has a gas allowance and copies a bounded part of the answer: a callee can neither use up the
/// reader's gas nor fill its memory. A failure is believed only if the full allowance was given.
library StaticRead {
    /// @dev Gas for the call itself (a cold account and the operands), above the callee's allowance.
    uint256 private constant CALL_OVERHEAD = 10_000;
    /// @dev Two words of header and two of text.
    uint256 private constant TEXT_BYTES = 128;

    /// @notice The first `count` words of the answer.
    /// @return isOk False if the call reverted or answered less.
    /// @return answer Exactly `count` words; meaningless unless `isOk`.
    function words(address target, uint256 gasAllowance, bytes memory callData, uint256 count)
        internal
        view
        returns (bool isOk, bytes memory answer)
    {
        answer = new bytes(count * 32);
        uint256 size = _call(target, gasAllowance, callData, answer);
        isOk = size >= answer.length;
    }

    /// @notice The first word of the answer.
    function word(address target, uint256 gasAllowance, bytes memory callData)
        internal
        view
        returns (bool isOk, uint256 value)
    {
        bytes memory answer;
        (isOk, answer) = words(target, gasAllowance, callData, 1);
        if (isOk) value = _wordAt(answer, 0);
    }

    /// @notice The answer as an address; not ok if it is none, or zero.
    function account(address target, uint256 gasAllowance, bytes memory callData)
        internal
        view
        returns (bool isOk, address value)
    {
        uint256 raw;
        (isOk, raw) = word(target, gasAllowance, callData);
        value = toAccount(raw);
        isOk = isOk && value != address(0);
    }

    /// @notice A word as an address, zero if it is none. Calls to zero fail, so nothing else has to be checked.
    function toAccount(uint256 raw) internal pure returns (address) {
        // The comparison makes the cast exact.
        // forge-lint: disable-next-line(unsafe-typecast)
        return raw > type(uint160).max ? address(0) : address(uint160(raw));
    }

    /// @notice The answer as text for people: at most 64 bytes of a string, or an old token's bytes32; empty on
    /// failure.
    function text(address target, uint256 gasAllowance, bytes memory callData) internal view returns (string memory) {
        bytes memory answer = new bytes(TEXT_BYTES);
        uint256 size = _call(target, gasAllowance, callData, answer);
        if (size == 32) return _shorten(answer, 0, 32, true);
        if (size < 64 || _wordAt(answer, 0) != 32) return "";
        uint256 available = (size < TEXT_BYTES ? size : TEXT_BYTES) - 64;
        uint256 length = _wordAt(answer, 32);
        return _shorten(answer, 64, length < available ? length : available, false);
    }

    /// @dev Fills `answer` with the beginning of what the target returns.
    /// @return size Bytes returned, zero if the call reverted.
    function _call(address target, uint256 gasAllowance, bytes memory callData, bytes memory answer)
        private
        view
        returns (uint256 size)
    {
        uint256 given = gasleft();
        bool isSuccess;
        // Safe: writes at most `answer.length` bytes, all inside `answer`.
        assembly ("memory-safe") {
            isSuccess := staticcall(
                gasAllowance,
                target,
                add(callData, 0x20),
                mload(callData),
                add(answer, 0x20),
                mload(answer)
            )
            size := returndatasize()
        }
        if (isSuccess && size != 0) return size;
        // An account may spend all but a 64th of its gas on a call.
        uint256 needed = gasAllowance + gasAllowance / 63 + CALL_OVERHEAD;
        if (given < needed) revert ITreasuryLens.GasTooLow(needed, given);
        return 0;
    }

    function _wordAt(bytes memory data, uint256 offset) private pure returns (uint256 value) {
        // Safe: reads memory only; callers pass offsets inside `data`.
        assembly ("memory-safe") {
            value := mload(add(add(data, 0x20), offset))
        }
    }

    /// @dev `length` bytes from `offset`, up to the first zero byte if `isZeroEnded`.
    function _shorten(bytes memory data, uint256 offset, uint256 length, bool isZeroEnded)
        private
        pure
        returns (string memory)
    {
        uint256 end = 0;
        while (end < length && !(isZeroEnded && data[offset + end] == 0)) ++end;
        bytes memory part = new bytes(end);
        for (uint256 i = 0; i < end; ++i) {
            part[i] = data[offset + i];
        }
        return string(part);
    }
}
