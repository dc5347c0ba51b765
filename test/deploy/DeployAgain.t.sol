// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Deploy} from "../../script/Deploy.s.sol";
import {Deployment} from "../../script/lib/Deployment.sol";
import {PowerProof} from "../../script/lib/PowerProof.sol";
import {Step, Steps} from "../../script/lib/Steps.sol";
import {DeployFixture} from "./helpers/DeployFixture.sol";

/// The deployment script run again: beside what is there, and for what came into the config since. That it finishes
/// what was cut off after any transaction is shown end to end, on a real chain.
contract DeployAgainTest is DeployFixture {
    string private constant SECOND = string.concat(
        ',{"asset":"{asset}","name":"Second","symbol":"TWO","decimalsOffset":6,"guardian":"{guardian}",',
        '"salt":"0x0000000000000000000000000000000000000000000000000000000000000002","ceilings":{"maxTurnoverBps":1,',
        '"maxLossBps":1,"minWindowSeconds":1,"minPolicyDelaySeconds":1,"maxPolicyDelaySeconds":1,',
        '"maxManagementFeeBps":1,"maxPerformanceFeeBps":1,"graceSeconds":1}}\n  ]\n}'
    );

    function test_Again_SendsNothingAndLeavesTheRecordAsItIs() public {
        Deployment memory first = _deploy("again");
        assertEq(_script.stepsToSend(), 6, "factory, lens, votes, timelock and governor, vault, guard");
        string memory record = vm.readFile(_record("again"));
        vm.roll(block.number + 10);
        // Whoever asks, and whatever has been decided since.
        IPolicyGuard guard = first.vaults[0].guard;
        vm.prank(first.owner);
        guard.submitPolicy(_policy(new address[](0)));
        skip(1 days);
        guard.activatePolicy(_policy(new address[](0)));

        Deployment memory second = _again("again");
        assertEq(_script.stepsToSend(), 0);
        assertEq(address(second.vaults[0].vault), address(first.vaults[0].vault));
        assertEq(vm.readFile(_record("again")), record);
    }

    function test_Again_AddsAVault() public {
        Deployment memory first = _deploy("more");
        uint256 firstBlock = block.number;
        vm.roll(block.number + 10);
        _addVault();
        Deployment memory second = _again("more");
        assertEq(_script.stepsToSend(), 2, "vault and guard");
        assertEq(second.vaults.length, 2);
        assertEq(address(second.vaults[0].vault), address(first.vaults[0].vault));
        assertEq(second.vaults[1].guard.owner(), first.owner);
        assertTrue(second.vaults[1].vault != first.vaults[0].vault);

        string memory json = vm.readFile(_record("more"));
        assertEq(vm.parseJsonUint(json, ".deployBlock"), firstBlock, "nothing of the treasury is older");
        assertEq(vm.parseJsonAddress(json, ".vaults[1].vault"), address(second.vaults[1].vault));
        assertEq(vm.parseJsonUint(json, ".vaults[1].ceilings.maxLossBps"), 1);
    }

    /// What a person has written down after a vote is not written over.
    function test_Again_KeepsGuardianAndPolicyOfTheRecord() public {
        _deploy("kept");
        string memory json = vm.readFile(_record("kept"));
        vm.writeFile(_record("kept"), vm.replace(json, _pair("guardian", GUARDIAN), _pair("guardian", ALICE)));
        _addVault();
        _again("kept");
        json = vm.readFile(_record("kept"));
        assertEq(vm.parseJsonAddress(json, ".vaults[0].guardian"), ALICE);
        assertEq(vm.parseJsonAddress(json, ".vaults[1].guardian"), GUARDIAN);
    }

    function test_Again_SharesFactoryAndLensWithATreasuryBesideIt() public {
        Deployment memory first = _deploy("old");
        Deployment memory second = _deploy("beside");
        assertEq(_script.stepsToSend(), 4, "votes, timelock and governor, vault, guard");
        assertEq(address(first.factory), address(second.factory));
        assertEq(address(first.lens), address(second.lens));
        assertTrue(first.owner != second.owner && first.vaults[0].vault != second.vaults[0].vault);
    }

    function test_Addresses_DoNotDependOnWhoSends() public {
        uint256 before = vm.snapshotState();
        Deployment memory first = _deploy("sender");
        vm.revertToState(before);
        vm.setNonce(DEFAULT_SENDER, vm.getNonce(DEFAULT_SENDER) + 7);
        Deployment memory second = _deploy("sender");
        assertEq(first.owner, second.owner);
        assertEq(address(first.governor), address(second.governor));
        assertEq(address(first.vaults[0].guard), address(second.vaults[0].guard));
    }

    function test_Steps_SayWhatEachTransactionMakesAndUses() public {
        Deployment memory deployment = _deploy("steps");
        Step[] memory steps = _script.steps();
        assertEq(steps.length, 6);
        assertEq(steps[0].what, "factory");
        assertEq(steps[0].made, address(deployment.factory));
        assertEq(steps[4].what, "vault exUSDC");
        assertEq(steps[4].made, address(deployment.vaults[0].vault));
        assertEq(steps[5].what, "guard of exUSDC");
        assertEq(steps[5].made, address(deployment.vaults[0].guard));
        for (uint256 i = 0; i < steps.length; ++i) {
            assertGt(steps[i].gas, 1_000_000, steps[i].what);
            // EIP-7825: most that a transaction may use.
            assertLt(steps[i].gas, 1 << 24, steps[i].what);
        }
    }

    function test_RevertWhen_RecordIsOfAnotherDeployment() public {
        _deploy("taken");
        _replace('"salt": "0x00000000', '"salt": "0x11000000');
        _expectTaken("taken");
    }

    function test_RevertWhen_RecordIsOfAnotherChainWithTheSameId() public {
        _deploy("genesis");
        string memory json = vm.readFile(_record("genesis"));
        json = vm.replace(json, vm.toString(GENESIS), vm.toString(keccak256("another")));
        vm.writeFile(_record("genesis"), json);
        _expectTaken("genesis");
    }

    function test_RevertWhen_TreasuryIsThereWithoutItsRecord() public {
        Deployment memory deployment = _deploy("lost");
        vm.removeFile(_record("lost"));
        string memory path = _write("lost");
        _script = new Deploy();
        vm.expectRevert(
            abi.encodeWithSelector(
                Steps.Refusal.selector,
                string.concat(
                    "Of this treasury ",
                    vm.toString(address(deployment.vaults[0].vault)),
                    " is there, but no record of it; put the record back, or set VAGUS_DEPLOY_BLOCK to a block before it was deployed."
                )
            )
        );
        _script.deployFile(path, FOLDER);
    }

    function test_RevertWhen_OwnershipWasHandedOverSince() public {
        Deployment memory deployment = _deploy("sold");
        vm.prank(deployment.owner);
        deployment.vaults[0].guard.offerOwnership(ALICE);
        vm.prank(ALICE);
        deployment.vaults[0].guard.acceptOwnership();
        string memory path = _write("sold");
        _script = new Deploy();
        vm.expectRevert(abi.encodeWithSelector(PowerProof.PowerMisplaced.selector, "the guard has another owner"));
        _script.deployFile(path, FOLDER);
    }

    function test_RevertWhen_ChainLacksTheDeployerOfContracts() public {
        vm.etch(0x4e59b44847b379578588920cA78FbF26c0B4956C, "");
        _expectRefusal(
            "This chain has no contract at 0x4e59b44847b379578588920cA78FbF26c0B4956C, by which contracts get the same address on all chains; deploy it first, see script/README.md."
        );
    }

    function _addVault() private {
        string memory second =
            vm.replace(vm.replace(SECOND, "{asset}", vm.toString(address(asset))), "{guardian}", vm.toString(GUARDIAN));
        _replace("\n  ]\n}", second);
    }

    function _expectTaken(string memory name) private {
        string memory path = _write(name);
        _script = new Deploy();
        vm.expectRevert(
            abi.encodeWithSelector(
                Steps.Refusal.selector,
                string.concat(
                    _record(name),
                    " is the record of another deployment: it has another chain, another owner, or a vault that the config does not make; move it away or choose another treasury name."
                )
            )
        );
        _script.deployFile(path, FOLDER);
    }
}
