// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";
import {VmSafe} from "forge-std/Vm.sol";

/// @notice PROPERTIES.md and the code name the same properties, and each of them has to have been met by a case.
contract PropertiesListTest is Test {
    string private constant FOLDER = "test/invariant";
    string private _code;

    function setUp() public {
        VmSafe.DirEntry[] memory entries = vm.readDir(FOLDER, 2);
        for (uint256 i = 0; i < entries.length; ++i) {
            bool isThis = vm.indexOf(entries[i].path, "PropertiesList") != type(uint256).max;
            if (entries[i].isDir || isThis || vm.indexOf(entries[i].path, ".sol") == type(uint256).max) continue;
            _code = string.concat(_code, vm.readFile(entries[i].path));
        }
    }

    function test_EveryPropertyIsWrittenDownAndNothingElse() public {
        string memory list = vm.readFile(string.concat(FOLDER, "/PROPERTIES.md"));
        uint256 written = _requireAll(list, "| `property_", "`", _code, "function property_", "(");
        uint256 coded = _requireAll(_code, "function property_", "(", list, "`property_", "`");
        assertEq(written, coded, "once each");
        assertGt(coded, 20, "the scan found too little");
    }

    function test_EveryPropertyIsExpectedAndCounted() public {
        _requireAll(_code, "function property_", "(", _code, "expectProperty(\"property_", "\")");
        string memory code = vm.replace(_code, "countIfExpected(", "count(");
        _requireAll(code, "function property_", "(", code, "count(\"property_", "\")");
    }

    /// @dev Every name found between `prefix` and `suffix` in `text` stands in `other` between its own two.
    function _requireAll(
        string memory text,
        string memory prefix,
        string memory suffix,
        string memory other,
        string memory otherPrefix,
        string memory otherSuffix
    ) private view returns (uint256 found) {
        string[] memory parts = vm.split(text, prefix);
        for (uint256 i = 1; i < parts.length; ++i) {
            string memory name = vm.split(parts[i], suffix)[0];
            string memory wanted = string.concat(otherPrefix, name, otherSuffix);
            assertNotEq(vm.indexOf(other, wanted), type(uint256).max, string.concat("missing: ", wanted));
            ++found;
        }
    }
}
