// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vm} from "forge-std/Vm.sol";

/// @notice A JSON document and its file's name, for error sentences.
struct JsonFile {
    string name;
    string content;
}

/// @title Reading JSON that a person wrote
/// @notice Every refusal is one sentence that names the file, the key, and what is expected there.
library StrictJson {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @notice What is wrong, where, and what is expected.
    error BadInput(string sentence);

    /// @notice Reads a file whole.
    function open(string memory path) internal view returns (JsonFile memory file) {
        try VM.readFile(path) returns (string memory content) {
            file = JsonFile({name: path, content: content});
        } catch {
            revert BadInput(string.concat(path, " cannot be read; expected a JSON file inside the project."));
        }
    }

    /// @notice Requires the object at `at` to have these keys (comma-separated) and no others. A `_comment` is allowed.
    function requireKeys(JsonFile memory file, string memory at, string memory commaSeparated) internal view {
        string[] memory expected = VM.split(commaSeparated, ",");
        string[] memory present = _keys(file, at);
        for (uint256 i = 0; i < expected.length; ++i) {
            if (!_contains(present, expected[i])) refuse(file, string.concat(at, ".", expected[i]), "is missing");
        }
        for (uint256 i = 0; i < present.length; ++i) {
            if (_same(present[i], "_comment") || _contains(expected, present[i])) continue;
            refuse(
                file, string.concat(at, ".", present[i]), string.concat("is unknown; expected one of ", commaSeparated)
            );
        }
    }

    /// @notice Whether something stands at `at`.
    function has(JsonFile memory file, string memory at) internal view returns (bool) {
        return VM.keyExistsJson(file.content, at);
    }

    /// @notice Number of entries of the list at `at`.
    function count(JsonFile memory file, string memory at) internal view returns (uint256 entries) {
        while (VM.keyExistsJson(file.content, entry(at, entries))) ++entries;
    }

    /// @notice Path of an entry of a list.
    function entry(string memory at, uint256 index) internal pure returns (string memory) {
        return string.concat(at, "[", VM.toString(index), "]");
    }

    /// @notice Text that is not empty.
    function text(JsonFile memory file, string memory at) internal pure returns (string memory value) {
        try VM.parseJsonString(file.content, at) returns (string memory parsed) {
            value = parsed;
        } catch {}
        if (bytes(value).length == 0) refuse(file, at, "must be a text that is not empty");
    }

    /// @notice A whole number from `least` to `most`, as a JSON number or a decimal string.
    function number(JsonFile memory file, string memory at, uint256 least, uint256 most)
        internal
        pure
        returns (uint256 value)
    {
        bool isRead;
        try VM.parseJsonUint(file.content, at) returns (uint256 parsed) {
            (value, isRead) = (parsed, true);
        } catch {}
        if (isRead && value >= least && value <= most) return value;
        refuse(file, at, string.concat("must be a whole number from ", VM.toString(least), " to ", VM.toString(most)));
    }

    /// @notice True or false.
    function flag(JsonFile memory file, string memory at) internal pure returns (bool value) {
        try VM.parseJsonBool(file.content, at) returns (bool parsed) {
            return parsed;
        } catch {
            refuse(file, at, "must be true or false");
        }
    }

    /// @notice An address other than zero.
    function account(JsonFile memory file, string memory at) internal pure returns (address value) {
        try VM.parseJsonAddress(file.content, at) returns (address parsed) {
            value = parsed;
        } catch {}
        if (value == address(0)) refuse(file, at, "must be an address (0x and 40 hex digits) other than zero");
    }

    /// @notice A 32-byte word in hex.
    function word(JsonFile memory file, string memory at) internal pure returns (bytes32 value) {
        try VM.parseJsonBytes32(file.content, at) returns (bytes32 parsed) {
            return parsed;
        } catch {
            refuse(file, at, "must be 32 bytes (0x and 64 hex digits)");
        }
    }

    /// @notice Reverts with the sentence "<file>: <key> <what>."
    function refuse(JsonFile memory file, string memory at, string memory what) internal pure {
        revert BadInput(string.concat(file.name, ": ", _plain(at), " ", what, "."));
    }

    function _keys(JsonFile memory file, string memory at) private pure returns (string[] memory) {
        // The document itself is named "." where a member is named ".member".
        try VM.parseJsonKeys(file.content, bytes(at).length == 0 ? "." : at) returns (string[] memory keys) {
            return keys;
        } catch {
            revert BadInput(string.concat(
                    file.name, ": ", bytes(at).length == 0 ? "the document" : _plain(at), " must be a JSON object."
                ));
        }
    }

    /// @dev A path as people write it: without the leading dot.
    function _plain(string memory at) private pure returns (string memory) {
        bytes memory path = bytes(at);
        if (path.length == 0 || path[0] != ".") return at;
        bytes memory rest = new bytes(path.length - 1);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = path[i + 1];
        }
        return string(rest);
    }

    function _contains(string[] memory list, string memory wanted) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (_same(list[i], wanted)) return true;
        }
        return false;
    }

    function _same(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }
}
