// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {Deployment} from "../../script/lib/Deployment.sol";
import {StrictJson} from "../../script/lib/StrictJson.sol";
import {TestStrategy} from "../mocks/TestStrategy.sol";
import {DeployFixture} from "./helpers/DeployFixture.sol";

/// The deployment script from file to file, in process, and a policy's way from proposal to effect.
contract DeployTest is DeployFixture {
    // The record

    function test_Deploy_WritesRecordThatTheChainConfirms() public {
        vm.roll(4321);
        Deployment memory deployment = _deploy("record");
        string memory json = vm.readFile(string.concat(FOLDER, "/31337/record.json"));

        assertEq(vm.parseJsonUint(json, ".schemaVersion"), 2);
        assertEq(vm.parseJsonString(json, ".treasury"), "record");
        assertEq(vm.parseJsonUint(json, ".chainId"), block.chainid);
        assertEq(vm.parseJsonBytes32(json, ".genesisHash"), GENESIS);
        assertEq(vm.parseJsonUint(json, ".deployBlock"), 4321);
        assertEq(vm.parseJsonAddress(json, ".deployer"), deployment.deployer);
        assertFalse(vm.keyExistsJson(json, ".vaults[1]"));

        IPolicyGuard guard = IPolicyGuard(_address(json, "guard"));
        assertEq(_address(json, "asset"), address(asset));
        assertEq(_address(json, "vault"), guard.vault());
        assertEq(_address(json, "conduit"), deployment.vaults[0].vault.conduit());
        assertEq(_address(json, "guardian"), GUARDIAN);
        assertEq(_address(json, "timelock"), guard.owner());
        assertEq(_address(json, "governor"), address(deployment.governor));
        assertEq(_address(json, "votes"), address(deployment.governor.token()));
        assertEq(_address(json, "factory"), address(deployment.factory));
        assertEq(_address(json, "lens"), address(deployment.lens));
        assertEq(vm.parseJsonUint(json, ".vaults[0].lensVersion"), 2);
        assertEq(vm.parseJsonBytes32(json, ".vaults[0].policyHash"), bytes32(0));
        string[8] memory hashed =
            ["vault", "vaultPeriphery", "conduit", "guard", "guardGovernance", "guardRules", "factory", "lens"];
        for (uint256 i = 0; i < hashed.length; ++i) {
            assertEq(
                vm.parseJsonBytes32(json, string.concat(".vaults[0].codeHashes.", hashed[i])),
                keccak256(_address(json, hashed[i]).code)
            );
        }
        assertEq(vm.parseJsonUint(json, ".vaults[0].ceilings.maxTurnoverBps"), 10_000);
        assertEq(vm.parseJsonUint(json, ".vaults[0].ceilings.maxLossBps"), 100);
        assertEq(vm.parseJsonUint(json, ".vaults[0].ceilings.minWindowSeconds"), 3600);
        assertEq(vm.parseJsonUint(json, ".vaults[0].ceilings.minPolicyDelaySeconds"), 86_400);
        assertEq(vm.parseJsonUint(json, ".vaults[0].ceilings.maxPolicyDelaySeconds"), 2_592_000);
        assertEq(vm.parseJsonUint(json, ".vaults[0].ceilings.maxManagementFeeBps"), 200);
        assertEq(vm.parseJsonUint(json, ".vaults[0].ceilings.maxPerformanceFeeBps"), 2000);
        assertEq(vm.parseJsonUint(json, ".vaults[0].ceilings.graceSeconds"), 604_800);
    }

    function test_Deploy_WritesExactlyTheKeysOfTheSchema() public {
        _deploy("schema");
        string memory json = vm.readFile(_record("schema"));
        string memory schema = vm.readFile("deployments/schema.json");
        _requireKeys(json, ".", vm.parseJsonStringArray(schema, ".required"));
        // With a Governor there is everything that there can be, but for a Safe.
        _requireKeys(json, ".vaults[0]", vm.parseJsonKeys(schema, ".['$defs'].vault.properties"));
        _requireKeys(json, ".vaults[0].ceilings", vm.parseJsonStringArray(schema, ".['$defs'].ceilings.required"));
        string memory hashes = ".['$defs'].codeHashes.required";
        _requireKeys(json, ".vaults[0].codeHashes", vm.parseJsonStringArray(schema, hashes));
        _requireKeys(
            json, ".owner", vm.parseJsonStringArray('["kind","address","codeHash","timelock","governor"]', ".")
        );
        _requireKeys(json, ".owner.timelock", vm.parseJsonKeys(schema, ".['$defs'].timelock.properties"));
        _requireKeys(json, ".owner.governor", vm.parseJsonKeys(schema, ".['$defs'].governor.properties"));
    }

    function test_Deploy_UsesPredictedAddressesOfTheFactory() public {
        Deployment memory deployment = _deploy("predicted");
        assertEq(address(deployment.vaults[0].vault).code.length > 0, true);
        assertEq(deployment.vaults[0].vault.guard(), address(deployment.vaults[0].guard));
        assertEq(deployment.vaults[0].vault.decimals(), 12, "6 of the asset and an offset of 6");
        assertEq(deployment.vaults[0].vault.symbol(), "exUSDC");
    }

    // The deployer

    function test_Deploy_LeavesDeployerWithoutPower() public {
        Deployment memory deployment = _deploy("power");
        IPolicyGuard guard = deployment.vaults[0].guard;
        bytes32 admin = deployment.timelock.DEFAULT_ADMIN_ROLE();
        bytes32 proposer = deployment.timelock.PROPOSER_ROLE();
        address[] memory list = new address[](0);
        Policy memory policy = _policy(list);

        vm.startPrank(deployment.deployer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, deployment.deployer));
        guard.submitPolicy(policy);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, deployment.deployer));
        guard.setMode(Mode.Paused);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, deployment.deployer));
        guard.nameGuardian(deployment.deployer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.Unauthorized.selector, deployment.deployer));
        guard.offerOwnership(deployment.deployer);
        vm.expectRevert();
        deployment.timelock.grantRole(proposer, deployment.deployer);
        vm.expectRevert();
        deployment.timelock.schedule(address(guard), 0, "", 0, 0, 30 days);
        vm.expectRevert();
        deployment.governor.propose(new address[](1), new uint256[](1), new bytes[](1), "mine");
        vm.stopPrank();
        assertFalse(deployment.timelock.hasRole(admin, deployment.deployer));
        assertEq(deployment.votes.balanceOf(deployment.deployer), 0);
    }

    function test_RevertWhen_DeployerWouldBeGuardian() public {
        _replace(_pair("guardian", GUARDIAN), _pair("guardian", DEFAULT_SENDER));
        _expectRefusal(
            string.concat(
                "The deployer ", vm.toString(DEFAULT_SENDER), " would be guardian; it must end without any power."
            )
        );
    }

    function test_RevertWhen_DeployerWouldHoldVotes() public {
        _replace(_pair("holder", BOB), _pair("holder", DEFAULT_SENDER));
        _expectRefusal(
            string.concat(
                "The deployer ", vm.toString(DEFAULT_SENDER), " would hold votes; it must end without any power."
            )
        );
    }

    // Bad input

    function test_RevertWhen_ConfigIsForAnotherChain() public {
        _replace('"chainId": 31337', '"chainId": 1');
        _expectRefusal("The config is for chain 1, but the endpoint is on chain 31337.");
    }

    function test_RevertWhen_AssetIsNoContract() public {
        _replace(_pair("asset", address(asset)), _pair("asset", ALICE));
        _expectRefusal(string.concat("The asset ", vm.toString(ALICE), " is no contract on this chain."));
    }

    function test_RevertWhen_TemplateIsNotFilledIn() public {
        _config = vm.readFile("script/config/TEMPLATE.json");
        _expectBadInput("governance.votes.holders[0].holder must be an address (0x and 40 hex digits) other than zero.");
    }

    function test_RevertWhen_KeyIsUnknown() public {
        _replace('"votingDelaySeconds"', '"votingDelay": 1, "votingDelaySeconds"');
        _expectBadInput(
            "governance.votingDelay is unknown; expected one of kind,name,votingDelaySeconds,votingPeriodSeconds,proposalThreshold,quorumPercent,timelockDelaySeconds,isExecutorOpen,votes."
        );
    }

    function test_RevertWhen_KeyIsMissing() public {
        _replace('"graceSeconds": 604800', '"_comment": "none"');
        _expectBadInput("vaults[0].ceilings.graceSeconds is missing.");
    }

    function test_RevertWhen_OwnerIsOfNoKnownKind() public {
        _replace('"kind": "new-governor"', '"kind": "dictator"');
        _expectBadInput("governance.kind must be new-governor, governor, new-timelock, timelock or safe.");
    }

    function test_RevertWhen_VaultStandsTwice() public {
        string memory vaults = vm.split(_config, '"vaults": [')[1];
        string memory vault = vm.split(vaults, "  ]\n}")[0];
        _replace(vault, string.concat(vault, ",", vault));
        _expectRefusal("The vaults 0 and 1 of the config are the same; give one of them another salt.");
    }

    /// Files from before there was a choice.
    function test_Deploy_MeansANewGovernorWhereNoKindIsNamed() public {
        _replace('"kind": "new-governor",', "");
        Deployment memory deployment = _deploy("no-kind");
        assertEq(deployment.governor.name(), "Example DAO Governor");
    }

    function test_RevertWhen_NumberIsOutOfRange() public {
        _replace('"quorumPercent": 4', '"quorumPercent": 101');
        _expectBadInput("governance.quorumPercent must be a whole number from 1 to 100.");
    }

    function test_RevertWhen_NumberIsNoNumber() public {
        _replace('"timelockDelaySeconds": 172800', '"timelockDelaySeconds": "two days"');
        _expectBadInput("governance.timelockDelaySeconds must be a whole number from 0 to 4294967295.");
    }

    function test_RevertWhen_LongestDelayIsShorterThanShortest() public {
        _replace('"maxPolicyDelaySeconds": 2592000', '"maxPolicyDelaySeconds": 86399');
        _expectBadInput("vaults[0].ceilings.maxPolicyDelaySeconds must be a whole number from 86400 to 4294967295.");
    }

    function test_RevertWhen_HolderStandsTwice() public {
        _replace(_pair("holder", BOB), _pair("holder", ALICE));
        _expectBadInput("governance.votes.holders[1].holder must not stand in the list twice.");
    }

    function test_RevertWhen_NameIsNoFileName() public {
        _replace('"treasury": "example-dao"', '"treasury": "../example"');
        string memory path = string.concat(FOLDER, "/config-bad-name.json");
        vm.writeFile(path, _config);
        vm.expectRevert(
            abi.encodeWithSelector(
                StrictJson.BadInput.selector,
                string.concat(path, ": treasury must be at most 64 of the characters a to z, 0 to 9 and -.")
            )
        );
        _script.deployFile(path, FOLDER);
    }

    function test_RevertWhen_ConfigIsNoJson() public {
        _config = "treasury = 1";
        string memory path = string.concat(FOLDER, "/config-no-json.json");
        vm.writeFile(path, _config);
        vm.expectRevert(
            abi.encodeWithSelector(
                StrictJson.BadInput.selector, string.concat(path, ": the document must be a JSON object.")
            )
        );
        _script.deployFile(path, FOLDER);
    }

    function test_RevertWhen_ConfigIsNotThere() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                StrictJson.BadInput.selector,
                "target/nowhere.json cannot be read; expected a JSON file inside the project."
            )
        );
        _script.deployFile("target/nowhere.json", FOLDER);
    }

    // From proposal to effect

    function test_Governance_TakesPolicyFromProposalToEffect() public {
        Deployment memory deployment = _deploy("effect");
        IPolicyGuard guard = deployment.vaults[0].guard;
        address[] memory list = new address[](1);
        list[0] = address(new TestStrategy(asset));
        Policy memory policy = _policy(list);
        (address[] memory targets, uint256[] memory values, bytes[] memory calls) =
            _proposal(address(guard), abi.encodeCall(IPolicyGuard.submitPolicy, (policy)));
        bytes32 description = keccak256("Adopt the first policy");

        // Voting power counts from the second after it was given.
        skip(1);
        vm.prank(ALICE);
        uint256 id = deployment.governor.propose(targets, values, calls, "Adopt the first policy");
        skip(86_400 + 1);
        vm.prank(ALICE);
        deployment.governor.castVote(id, 1);
        vm.prank(BOB);
        deployment.governor.castVote(id, 0);
        skip(259_200);
        assertEq(uint8(deployment.governor.state(id)), uint8(IGovernor.ProposalState.Succeeded));

        deployment.governor.queue(targets, values, calls, description);
        skip(172_800 - 1);
        vm.expectRevert();
        deployment.governor.execute(targets, values, calls, description);
        skip(1);
        vm.prank(makeAddr("anyone"));
        deployment.governor.execute(targets, values, calls, description);
        assertEq(guard.pendingPolicy().hash, keccak256(abi.encode(policy)), "waits for the guard's own delay");
        assertEq(guard.guardState().policyVersion, 0);

        uint40 activatableAt = uint40(block.timestamp) + 86_400;
        vm.warp(activatableAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.DelayNotOver.selector, activatableAt));
        guard.activatePolicy(policy);
        vm.warp(activatableAt);
        guard.activatePolicy(policy);
        assertEq(guard.guardState().policyVersion, 1);
        assertEq(guard.guardState().policyHash, keccak256(abi.encode(policy)));
        assertTrue(guard.agentState(AGENT).exists);
    }

    // Helpers

    function _address(string memory json, string memory key) private pure returns (address) {
        return vm.parseJsonAddress(json, string.concat(".vaults[0].", key));
    }

    function _proposal(address target, bytes memory call)
        private
        pure
        returns (address[] memory targets, uint256[] memory values, bytes[] memory calls)
    {
        targets = new address[](1);
        values = new uint256[](1);
        calls = new bytes[](1);
        (targets[0], calls[0]) = (target, call);
    }
}
