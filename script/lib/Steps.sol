// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {Script} from "forge-std/Script.sol";
import {VmSafe} from "forge-std/Vm.sol";
import {console} from "forge-std/console.sol";

/// @notice One transaction of a script, or what it would have made and found in its place.
/// @param what In words.
/// @param made Contract that it makes, or calls where it makes none.
/// @param gas What it uses, by simulation; zero if it is not needed.
struct Step {
    string what;
    address made;
    uint256 gas;
}

/// @title Transactions that a script needs, told before they are sent, and left out where they were sent before
/// @dev Contracts are made by the deployer that stands at one address on all chains, so that theirs follow from their
/// code and arguments, whoever sends.
abstract contract Steps is Script {
    /// @notice Arachnid's deterministic deployment proxy.
    address internal constant DEPLOYER_OF_CONTRACTS = 0x4e59b44847b379578588920cA78FbF26c0B4956C;

    uint256 private constant TRANSACTION_GAS = 21_000;
    /// @dev EIP-7623: a zero byte is one token, any other four; a token costs 4 gas, or 10 if little else is done.
    uint256 private constant TOKEN_GAS = 4;
    uint256 private constant TOKEN_FLOOR_GAS = 10;

    /// @notice Input or chain do not allow what was asked.
    error Refusal(string sentence);

    Step[] private _steps;

    /// @notice Transactions of this run.
    function steps() public view returns (Step[] memory) {
        return _steps;
    }

    /// @notice How many of them have to be sent.
    function stepsToSend() public view returns (uint256 count) {
        for (uint256 i = 0; i < _steps.length; ++i) {
            if (_steps[i].gas != 0) ++count;
        }
    }

    /// @notice Where a contract is, or will be.
    function _predict(bytes32 salt, bytes memory initCode) internal pure returns (address) {
        return Create2.computeAddress(salt, keccak256(initCode), DEPLOYER_OF_CONTRACTS);
    }

    /// @notice Makes a contract unless it is there.
    function _make(string memory what, bytes32 salt, bytes memory initCode)
        internal
        returns (address made, bool isOld)
    {
        made = _predict(salt, initCode);
        isOld = made.code.length != 0;
        if (isOld) {
            _skip(what, made);
            return (made, isOld);
        }
        if (DEPLOYER_OF_CONTRACTS.code.length == 0) {
            revert Refusal(string.concat(
                    "This chain has no contract at ",
                    vm.toString(DEPLOYER_OF_CONTRACTS),
                    ", by which contracts get the same address on all chains; deploy it first, see script/README.md."
                ));
        }
        _send(what, made, DEPLOYER_OF_CONTRACTS, bytes.concat(salt, initCode));
        if (made.code.length == 0) {
            revert Refusal(string.concat("The ", what, " was not made; its constructor refuses."));
        }
    }

    /// @notice Notes that a transaction is not needed.
    function _skip(string memory what, address made) internal {
        _steps.push(Step({what: what, made: made, gas: 0}));
    }

    /// @notice Sends a transaction.
    function _send(string memory what, address made, address to, bytes memory data)
        internal
        returns (bytes memory result)
    {
        bool isSent;
        (isSent, result) = to.call(data);
        if (!isSent) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
        _steps.push(Step({what: what, made: made, gas: _gas(data, vm.lastCallGas().gasTotalUsed)}));
    }

    /// @notice Tells all of it as a table.
    function _tell(string memory title) internal view {
        console.log(title);
        console.log(string.concat("  ", _left("transaction", 34), _left("address", 44), _right("gas", 12)));
        uint256 sum = 0;
        for (uint256 i = 0; i < _steps.length; ++i) {
            Step memory step = _steps[i];
            string memory gas = step.gas == 0 ? "there" : vm.toString(step.gas);
            console.log(string.concat("  ", _left(step.what, 34), _left(vm.toString(step.made), 44), _right(gas, 12)));
            sum += step.gas;
        }
        uint256 count = stepsToSend();
        string memory all = count == 1 ? "1 transaction" : string.concat(vm.toString(count), " transactions");
        if (count == 0) all = "nothing to send";
        console.log(string.concat("  ", _left(all, 78), _right(vm.toString(sum), 12)));
        if (vm.isContext(VmSafe.ForgeContext.ScriptDryRun)) {
            console.log("  Dry run: nothing is sent and nothing written.");
        }
    }

    function _gas(bytes memory data, uint256 executionGas) private pure returns (uint256) {
        uint256 tokens = 0;
        for (uint256 i = 0; i < data.length; ++i) {
            tokens += data[i] == 0 ? 1 : 4;
        }
        uint256 usual = TRANSACTION_GAS + tokens * TOKEN_GAS + executionGas;
        uint256 least = TRANSACTION_GAS + tokens * TOKEN_FLOOR_GAS;
        return usual > least ? usual : least;
    }

    function _left(string memory text, uint256 width) private pure returns (string memory) {
        return string.concat(text, _blanks(text, width));
    }

    function _right(string memory text, uint256 width) private pure returns (string memory) {
        return string.concat(_blanks(text, width), text);
    }

    function _blanks(string memory text, uint256 width) private pure returns (string memory) {
        uint256 length = bytes(text).length;
        if (length >= width) return "";
        bytes memory blanks = new bytes(width - length);
        for (uint256 i = 0; i < blanks.length; ++i) {
            blanks[i] = " ";
        }
        return string(blanks);
    }
}
