// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

/// @notice What a campaign has to have seen before it proves anything: every action completed, every property met by a
/// case in which it could have failed.
abstract contract Register is Test {
    string[] private _actions;
    string[] private _properties;
    mapping(string name => bool) private _isExpected;
    mapping(string name => uint256) public times;

    /// @notice Names an action that has to complete.
    function expectAction(string memory name) public {
        _isExpected[name] = true;
        _actions.push(name);
    }

    /// @notice Names a property that has to be met by a case that is not trivial.
    function expectProperty(string memory name) public {
        if (_isExpected[name]) return;
        _isExpected[name] = true;
        _properties.push(name);
    }

    /// @notice An action completed, or a property was checked in a case that is not trivial.
    function count(string memory name) public {
        require(_isExpected[name], string.concat("not registered: ", name));
        ++times[name];
    }

    /// @dev For a campaign that has no case for a property of all others.
    function unexpect(string memory name) internal {
        for (uint256 i = 0; i < _properties.length; ++i) {
            if (keccak256(bytes(_properties[i])) != keccak256(bytes(name))) continue;
            _properties[i] = _properties[_properties.length - 1];
            _properties.pop();
        }
    }

    /// @notice Counts a case of a property that only some campaigns demand one of.
    function countIfExpected(string memory name) public {
        if (_isExpected[name]) ++times[name];
    }

    function actions() external view returns (string[] memory) {
        return _actions;
    }

    function properties() external view returns (string[] memory) {
        return _properties;
    }

    /// @dev Fails if anything registered never happened. With `VAGUS_INVARIANT_REPORT` naming a file under target/, the
    /// counts are written there first.
    function _requireAllSeen() internal {
        string memory file = vm.envOr("VAGUS_INVARIANT_REPORT", string(""));
        if (bytes(file).length != 0) {
            _write(file, _actions);
            _write(file, _properties);
        }
        for (uint256 i = 0; i < _actions.length; ++i) {
            assertGt(times[_actions[i]], 0, string.concat("never completed: ", _actions[i]));
        }
        for (uint256 i = 0; i < _properties.length; ++i) {
            assertGt(times[_properties[i]], 0, string.concat("never had a case: ", _properties[i]));
        }
    }

    function _reportNumber(string memory name, uint256 number) internal {
        string memory file = vm.envOr("VAGUS_INVARIANT_REPORT", string(""));
        if (bytes(file).length != 0) vm.writeLine(file, string.concat(vm.toString(number), " ", name));
    }

    function _write(string memory file, string[] storage names) private {
        for (uint256 i = 0; i < names.length; ++i) {
            vm.writeLine(file, string.concat(vm.toString(times[names[i]]), " ", names[i]));
        }
    }
}
