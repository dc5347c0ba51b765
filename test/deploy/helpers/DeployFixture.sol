// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deploy} from "../../../script/Deploy.s.sol";
import {Deployment} from "../../../script/lib/Deployment.sol";
import {Steps} from "../../../script/lib/Steps.sol";
import {StrictJson} from "../../../script/lib/StrictJson.sol";
import {BaseTest} from "../../Base.t.sol";

/// @notice The deployment script from file to file, with a config made of the template.
abstract contract DeployFixture is BaseTest {
    bytes32 internal constant GENESIS = keccak256("genesis");
    string internal constant FOLDER = "target/forge-deploy-test";

    address internal immutable ALICE = makeAddr("alice");
    address internal immutable BOB = makeAddr("bob");

    Deploy internal _script;
    string internal _config;

    function setUp() public virtual override {
        super.setUp();
        vm.setEnv("VAGUS_GENESIS_HASH", vm.toString(GENESIS));
        vm.createDir(FOLDER, true);
        _script = new Deploy();
        _config = vm.readFile("script/config/TEMPLATE.json");
        _replace('"asset": "0x0000000000000000000000000000000000000000"', _pair("asset", address(asset)));
        _replace('"guardian": "0x0000000000000000000000000000000000000000"', _pair("guardian", GUARDIAN));
        _replace(
            '{ "holder": "0x0000000000000000000000000000000000000000", "votes": "1000000000000000000000000" }',
            string.concat(
                "{",
                _pair("holder", ALICE),
                ', "votes": "600000000000000000000000"}, {',
                _pair("holder", BOB),
                ', "votes": "400000000000000000000000"}'
            )
        );
    }

    /// @notice Deploys what the config says under a name that no earlier test has used.
    function _deploy(string memory name) internal returns (Deployment memory) {
        if (vm.exists(_record(name))) vm.removeFile(_record(name));
        return _again(name);
    }

    /// @notice Deploys once more, beside the record that is there, as another run of the script does.
    function _again(string memory name) internal returns (Deployment memory) {
        _script = new Deploy();
        return _script.deployFile(_write(name), FOLDER);
    }

    function _record(string memory name) internal pure returns (string memory) {
        return string.concat(FOLDER, "/31337/", name, ".json");
    }

    /// @dev Tests run side by side: each has files of its own.
    function _write(string memory name) internal returns (string memory path) {
        path = string.concat(FOLDER, "/config-", name, ".json");
        string memory named =
            vm.replace(_config, '"treasury": "example-dao"', string.concat('"treasury": "', name, '"'));
        vm.writeFile(path, named);
    }

    function _expectRefusal(string memory sentence) internal {
        string memory name = string.concat("refused-", vm.toString(uint32(uint256(keccak256(bytes(sentence))))));
        string memory path = _write(name);
        vm.expectRevert(abi.encodeWithSelector(Steps.Refusal.selector, sentence));
        _script.deployFile(path, FOLDER);
        assertFalse(vm.exists(_record(name)));
    }

    function _expectBadInput(string memory sentence) internal {
        string memory path = _write(string.concat("bad-", vm.toString(uint32(uint256(keccak256(bytes(sentence)))))));
        vm.expectRevert(abi.encodeWithSelector(StrictJson.BadInput.selector, string.concat(path, ": ", sentence)));
        _script.deployFile(path, FOLDER);
    }

    function _replace(string memory from, string memory to) internal {
        assertTrue(vm.contains(_config, from), from);
        _config = vm.replace(_config, from, to);
    }

    function _pair(string memory key, address value) internal pure returns (string memory) {
        return string.concat('"', key, '": "', vm.toString(value), '"');
    }

    /// @notice Requires an object to have exactly these keys.
    function _requireKeys(string memory json, string memory at, string[] memory expected) internal pure {
        string[] memory present = vm.parseJsonKeys(json, at);
        assertEq(present.length, expected.length, at);
        for (uint256 i = 0; i < expected.length; ++i) {
            bool isPresent = false;
            for (uint256 j = 0; j < present.length; ++j) {
                isPresent = isPresent || keccak256(bytes(present[j])) == keccak256(bytes(expected[i]));
            }
            assertTrue(isPresent, expected[i]);
        }
    }
}
