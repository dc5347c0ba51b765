// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Safe} from "safe-smart-account/Safe.sol";

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Mode} from "../../contracts/types/Policy.sol";
import {Deployment} from "../../script/lib/Deployment.sol";
import {PowerProof} from "../../script/lib/PowerProof.sol";
import {SafeFixture} from "../governance/helpers/SafeFixture.sol";
import {DeployFixture} from "./helpers/DeployFixture.sol";

/// A treasury under every kind of owner: made by the deployment, or there before it.
contract DeployOwnersTest is DeployFixture, SafeFixture {
    address private immutable CAROL = makeAddr("carol");

    function setUp() public override(DeployFixture, SafeFixture) {
        DeployFixture.setUp();
        _setUpSafes();
    }

    // A Safe

    function test_Safe_OwnsTheGuardAndActsThroughIt() public {
        Safe safe = _newSafe("council");
        _useOwner(_safeSection(address(safe), safe.getOwners(), 2));
        Deployment memory deployment = _deploy("safe");
        IPolicyGuard guard = deployment.vaults[0].guard;
        assertEq(guard.owner(), address(safe));
        assertEq(address(deployment.timelock), address(0));
        assertEq(_script.stepsToSend(), 4, "factory, lens, vault and guard");
        _exec(safe, address(guard), abi.encodeCall(IPolicyGuard.nameGuardian, (ALICE)));
        (address named,) = guard.namedGuardian();
        assertEq(named, ALICE);

        string memory json = vm.readFile(_record("safe"));
        _requireKeys(json, ".owner", vm.parseJsonStringArray('["kind","address","codeHash","safe"]', "."));
        assertEq(vm.parseJsonString(json, ".owner.kind"), "safe");
        assertEq(vm.parseJsonAddress(json, ".owner.address"), address(safe));
        assertEq(vm.parseJsonUint(json, ".owner.safe.threshold"), 2);
        assertEq(vm.parseJsonBytes32(json, ".owner.codeHash"), address(safe).codehash);
        address singleton = vm.parseJsonAddress(json, ".owner.safe.singleton");
        assertEq(keccak256(singleton.code), vm.parseJsonBytes32(json, ".owner.safe.singletonCodeHash"));
        assertEq(Safe(payable(singleton)).VERSION(), safe.VERSION());
        assertEq(vm.parseJsonAddressArray(json, ".owner.safe.owners"), safe.getOwners());
        string memory required = ".['$defs'].vault.required";
        _requireKeys(json, ".vaults[0]", vm.parseJsonStringArray(vm.readFile("deployments/schema.json"), required));
    }

    function test_RevertWhen_SafeHasAnotherThresholdOwnerOrAModule() public {
        Safe safe = _newSafe("council");
        address[] memory owners = safe.getOwners();
        _useOwner(_safeSection(address(safe), owners, 3));
        _expectMisplaced("safe-threshold", "the Safe has another threshold");
        _useOwner(_safeSection(address(safe), _two(owners[0], owners[1]), 2));
        _expectMisplaced("safe-fewer", "the Safe has other owners");
        address last = owners[2];
        owners[2] = ALICE;
        _useOwner(_safeSection(address(safe), owners, 2));
        _expectMisplaced("safe-other", "the Safe has other owners");
        owners[2] = last;
        _useOwner(_safeSection(address(safe), owners, 2));
        _exec(safe, address(safe), abi.encodeCall(safe.enableModule, (BOB)));
        _expectMisplaced("safe-module", "the Safe has a module, which acts without its owners");
    }

    function test_RevertWhen_DeployerIsAnOwnerOfTheSafe() public {
        _useOwner(_safeSection(address(_newSafe("council")), _two(ALICE, DEFAULT_SENDER), 1));
        _expectRefusal(_powerless("own the Safe"));
    }

    function test_RevertWhen_SafeIsNoContract() public {
        _useOwner(_safeSection(CAROL, _two(ALICE, BOB), 1));
        _expectRefusal(string.concat("The Safe ", vm.toString(CAROL), " is no contract on this chain."));
    }

    function test_RevertWhen_ThresholdIsAboveTheNumberOfOwners() public {
        _useOwner(_safeSection(address(_newSafe("council")), _two(ALICE, BOB), 3));
        _expectBadInput("governance.threshold must be a whole number from 1 to 2.");
    }

    // A plain timelock

    function test_NewTimelock_OwnsTheGuardAndNobodyAdministersIt() public {
        _useOwner(
            string.concat(
                '{"kind":"new-timelock","timelockDelaySeconds":100,"isExecutorOpen":false,"proposers":["',
                vm.toString(ALICE),
                '"],"executors":["',
                vm.toString(BOB),
                '"]}'
            )
        );
        Deployment memory deployment = _deploy("new-timelock");
        TimelockController timelock = deployment.timelock;
        IPolicyGuard guard = deployment.vaults[0].guard;
        assertEq(guard.owner(), address(timelock));
        assertEq(_script.stepsToSend(), 5, "factory, lens, timelock, vault and guard");
        assertEq(timelock.getMinDelay(), 100);
        assertTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), ALICE));
        assertFalse(timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), deployment.deployer));

        bytes memory call = abi.encodeCall(IPolicyGuard.setMode, (Mode.Paused));
        vm.prank(ALICE);
        timelock.schedule(address(guard), 0, call, 0, 0, 100);
        skip(100);
        vm.expectRevert();
        timelock.execute(address(guard), 0, call, 0, 0);

        string memory json = vm.readFile(_record("new-timelock"));
        assertEq(vm.parseJsonString(json, ".owner.kind"), "timelock");
        assertEq(vm.parseJsonUint(json, ".owner.timelock.fromBlock"), block.number);
        assertEq(vm.parseJsonAddressArray(json, ".owner.timelock.executors")[0], BOB);
    }

    function test_Timelock_ThatIsThereAlready() public {
        TimelockController timelock = _timelock();
        _useOwner(_timelockSection("timelock", "", address(timelock), 50));
        Deployment memory deployment = _deploy("timelock");
        assertEq(deployment.vaults[0].guard.owner(), address(timelock));
        assertEq(_script.stepsToSend(), 4, "factory, lens, vault and guard");
        string memory json = vm.readFile(_record("timelock"));
        assertEq(vm.parseJsonUint(json, ".owner.timelock.fromBlock"), 7);
        address[] memory executors = vm.parseJsonAddressArray(json, ".owner.timelock.executors");
        assertEq(executors[0], address(0), "anyone");
    }

    function test_RevertWhen_TimelockIsNotAsItIsNamed() public {
        TimelockController timelock = _timelock();
        _useOwner(_timelockSection("timelock", "", address(timelock), 51));
        _expectMisplaced("timelock-delay", "the timelock has another delay");
        _useOwner(_timelockSection("timelock", "", address(timelock), 50));
        bytes32 proposer = timelock.PROPOSER_ROLE();
        vm.prank(address(timelock));
        timelock.grantRole(proposer, DEFAULT_SENDER);
        _expectMisplaced("timelock-deployer", "the deployer can propose to the timelock");
        vm.startPrank(address(timelock));
        timelock.revokeRole(proposer, DEFAULT_SENDER);
        timelock.revokeRole(proposer, ALICE);
        vm.stopPrank();
        _expectMisplaced("timelock-proposer", "a configured proposer is none");
        _replace('"isExecutorOpen":true', '"isExecutorOpen":false');
        vm.prank(address(timelock));
        timelock.grantRole(proposer, ALICE);
        _replace('"executors":[]', string.concat('"executors":["', vm.toString(BOB), '"]'));
        _expectMisplaced("timelock-executor", "a configured executor is none");
    }

    function test_RevertWhen_DeployerWouldPropose() public {
        _useOwner(
            string.concat(
                '{"kind":"new-timelock","timelockDelaySeconds":100,"isExecutorOpen":true,"proposers":["',
                vm.toString(DEFAULT_SENDER),
                '"],"executors":[]}'
            )
        );
        _expectRefusal(_powerless("propose to the timelock"));
    }

    // A Governor

    function test_Governor_ThatIsThereAlready() public {
        Deployment memory first = _deploy("first");
        address governor = address(first.governor);
        string memory section =
            _timelockSection("governor", _pair("governor", governor), address(first.timelock), 172_800);
        section = vm.replace(section, vm.toString(ALICE), vm.toString(governor));
        _useOwner(vm.replace(section, vm.toString(BOB), vm.toString(governor)));
        // The same owner and the same parameters would be the same vault.
        _replace('"salt": "0x00000000', '"salt": "0x22000000');
        Deployment memory second = _deploy("second");
        assertEq(_script.stepsToSend(), 2, "vault and guard");
        assertEq(second.owner, address(first.timelock));
        assertEq(address(second.governor), governor);
        string memory json = vm.readFile(_record("second"));
        assertEq(vm.parseJsonString(json, ".owner.kind"), "governor");
        assertEq(vm.parseJsonUint(json, ".owner.governor.quorumPercent"), 4);
        assertEq(vm.parseJsonAddress(json, ".owner.governor.votes"), address(first.votes));
    }

    function test_RevertWhen_GovernorHasAnotherTimelock() public {
        Deployment memory first = _deploy("first-of-two");
        string memory governor = _pair("governor", address(first.governor));
        _useOwner(_timelockSection("governor", governor, address(_timelock()), 50));
        _expectMisplaced("governor-timelock", "the governor is not the timelock's proposer");
    }

    // Helpers

    function _timelock() private returns (TimelockController) {
        return new TimelockController(50, _one(ALICE), _one(address(0)), address(0));
    }

    function _timelockSection(string memory kind, string memory more, address timelock, uint256 delaySeconds)
        private
        view
        returns (string memory)
    {
        string memory roles = string.concat(
            '"proposers":["',
            vm.toString(ALICE),
            '"],"cancellers":["',
            vm.toString(ALICE),
            '"],"executors":[],"isExecutorOpen":true,"fromBlock":7'
        );
        return string.concat(
            '{"kind":"',
            kind,
            '",',
            bytes(more).length == 0 ? "" : string.concat(more, ","),
            _pair("timelock", timelock),
            ',"timelockDelaySeconds":',
            vm.toString(delaySeconds),
            ",",
            roles,
            "}"
        );
    }

    function _safeSection(address safe, address[] memory owners, uint256 threshold)
        private
        pure
        returns (string memory)
    {
        string memory list = "";
        for (uint256 i = 0; i < owners.length; ++i) {
            list = string.concat(list, i == 0 ? '"' : ',"', vm.toString(owners[i]), '"');
        }
        return string.concat(
            '{"kind":"safe",', _pair("safe", safe), ',"owners":[', list, '],"threshold":', vm.toString(threshold), "}"
        );
    }

    function _useOwner(string memory section) private {
        string memory head = vm.split(_config, '"governance": ')[0];
        string memory tail = vm.split(_config, '"vaults": [')[1];
        _config = string.concat(head, '"governance": ', section, ',\n  "vaults": [', tail);
    }

    function _expectMisplaced(string memory name, string memory what) private {
        string memory path = _write(name);
        vm.expectRevert(abi.encodeWithSelector(PowerProof.PowerMisplaced.selector, what));
        _script.deployFile(path, FOLDER);
        assertFalse(vm.exists(_record(name)));
    }

    function _powerless(string memory what) private pure returns (string memory) {
        return string.concat(
            "The deployer ", vm.toString(DEFAULT_SENDER), " would ", what, "; it must end without any power."
        );
    }

    function _one(address account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }

    function _two(address first, address second) private pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (first, second);
    }
}
