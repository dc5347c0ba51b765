// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {TreasuryFactory} from "../../contracts/factory/TreasuryFactory.sol";
import {GuardRules} from "../../contracts/guard/GuardRules.sol";
import {ITreasuryFactory, TreasuryParameters} from "../../contracts/interfaces/ITreasuryFactory.sol";
import {Ceilings} from "../../contracts/types/Policy.sol";
import {AssetCaller, DeploymentReader, GuardReader, ReenteringAsset} from "./mocks/DeploymentReaders.sol";

/// The factory alone, with stand-ins that store what they read back. The real vault and guard go through it in
/// test/deploy.
contract TreasuryFactoryTest is Test {
    TreasuryFactory private _factory;
    bytes private _vaultCode = type(DeploymentReader).creationCode;
    bytes private _guardCode = type(GuardReader).creationCode;

    function setUp() public {
        _factory = new TreasuryFactory(keccak256(_vaultCode), keccak256(_guardCode));
    }

    function _parameters() private pure returns (TreasuryParameters memory parameters) {
        parameters.asset = address(0xA55E7);
        parameters.name = "A treasury whose name is longer than one storage slot of thirty-two bytes";
        parameters.symbol = "vUSDC";
        parameters.decimalsOffset = 6;
        parameters.owner = address(0x0123);
        parameters.guardian = address(0x4567);
        parameters.ceilings = Ceilings({
            maxTurnoverBps: 10_001,
            maxLossBps: 2,
            minWindowSeconds: 3,
            minPolicyDelaySeconds: 4,
            maxPolicyDelaySeconds: 5,
            maxManagementFeeBps: 6,
            maxPerformanceFeeBps: 7,
            graceSeconds: 8
        });
        parameters.salt = keccak256("salt");
    }

    function test_Deploy_GivesPredictedAddressesToAnySender() public {
        (address vault, address guard) = _factory.predict(_parameters());
        bytes32 salt = keccak256(abi.encode(_parameters()));
        assertEq(
            vault, vm.computeCreate2Address(salt, keccak256(_vaultCode), address(_factory)), "bound to the parameters"
        );
        vm.expectEmit(address(_factory));
        emit ITreasuryFactory.VaultDeployed(vault, guard, keccak256("salt"), address(0xA55E7));
        vm.prank(address(0xBEEF));
        assertEq(_factory.deployVault(_parameters(), _vaultCode), vault);
        vm.expectEmit(address(_factory));
        emit ITreasuryFactory.GuardDeployed(guard, vault, keccak256("salt"));
        vm.prank(address(0xBEEE));
        assertEq(_factory.deployGuard(_parameters(), _guardCode), guard);
        assertNotEq(vault, guard);
        assertEq(vault.code, type(DeploymentReader).runtimeCode);
        assertEq(guard.code, type(GuardReader).runtimeCode);
    }

    function test_Deploy_GivesTheSameAddressesTheOtherWayRound() public {
        (address vault, address guard) = _factory.predict(_parameters());
        assertEq(_factory.deployGuard(_parameters(), _guardCode), guard);
        assertEq(_factory.deployVault(_parameters(), _vaultCode), vault);
        bytes32 expected = keccak256(abi.encode(_parameters(), vault, guard));
        assertEq(DeploymentReader(vault).seen(), expected, "vault");
        assertEq(DeploymentReader(guard).seen(), expected, "guard");
    }

    function _deploy(TreasuryFactory factory, TreasuryParameters memory parameters, bytes memory vaultCode)
        private
        returns (address vault, address guard)
    {
        return (factory.deployVault(parameters, vaultCode), factory.deployGuard(parameters, _guardCode));
    }

    function test_Constructor_MakesTheRulesForAllItsGuards() public view {
        assertEq(_factory.guardRules().code, type(GuardRules).runtimeCode);
    }

    function test_Deployment_IsReadBackWholeByBothConstructors() public {
        (address vault, address guard) = _deploy(_factory, _parameters(), _vaultCode);
        bytes32 expected = keccak256(abi.encode(_parameters(), vault, guard));
        assertEq(DeploymentReader(vault).seen(), expected, "vault");
        assertEq(DeploymentReader(guard).seen(), expected, "guard");
    }

    function test_Deployment_LeavesNothingBehind() public {
        _deploy(_factory, _parameters(), _vaultCode);
        for (uint256 slot = 0; slot < 16; ++slot) {
            assertEq(vm.load(address(_factory), bytes32(slot)), bytes32(0));
        }
    }

    function test_RevertWhen_DeploymentReadOutsideDeploy() public {
        vm.expectRevert(ITreasuryFactory.NoDeployment.selector);
        _factory.deployment();
        _factory.deployVault(_parameters(), _vaultCode);
        vm.expectRevert(ITreasuryFactory.NoDeployment.selector);
        _factory.deployment();
        _factory.deployGuard(_parameters(), _guardCode);
        vm.expectRevert(ITreasuryFactory.NoDeployment.selector);
        _factory.deployment();
    }

    function test_RevertWhen_SameParametersTwice() public {
        (address vault, address guard) = _deploy(_factory, _parameters(), _vaultCode);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryFactory.AlreadyDeployed.selector, vault));
        _factory.deployVault(_parameters(), _vaultCode);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryFactory.AlreadyDeployed.selector, guard));
        _factory.deployGuard(_parameters(), _guardCode);
    }

    function test_Deploy_WorksAgainWithAnyOtherParameter() public {
        (address first, address firstGuard) = _deploy(_factory, _parameters(), _vaultCode);
        TreasuryParameters memory other = _parameters();
        other.ceilings.graceSeconds += 1;
        (address second, address secondGuard) = _deploy(_factory, other, _vaultCode);
        assertNotEq(first, second);
        assertNotEq(firstGuard, secondGuard);
    }

    function test_RevertWhen_VaultCodeIsNotTheOneFixed() public {
        bytes memory code = bytes.concat(_vaultCode, hex"00");
        vm.expectRevert(
            abi.encodeWithSelector(ITreasuryFactory.UnknownCode.selector, keccak256(code), keccak256(_vaultCode))
        );
        _factory.deployVault(_parameters(), code);
    }

    function test_RevertWhen_GuardCodeIsNotTheOneFixed() public {
        vm.expectRevert(
            abi.encodeWithSelector(ITreasuryFactory.UnknownCode.selector, keccak256(""), keccak256(_guardCode))
        );
        _factory.deployGuard(_parameters(), "");
    }

    function testFuzz_Predict_ChangesWithEveryParameter(bytes32 salt, address owner, uint8 offset) public view {
        TreasuryParameters memory other = _parameters();
        vm.assume(salt != other.salt || owner != other.owner || offset != other.decimalsOffset);
        (other.salt, other.owner, other.decimalsOffset) = (salt, owner, offset);
        (address vault, address guard) = _factory.predict(_parameters());
        (address otherVault, address otherGuard) = _factory.predict(other);
        assertNotEq(vault, otherVault);
        assertNotEq(guard, otherGuard);
    }

    /// An asset that its vault's constructor calls, and that tries to put other parameters under the guard.
    function test_RevertWhen_AssetStartsAnotherDeployment() public {
        bytes memory vaultCode = type(AssetCaller).creationCode;
        TreasuryFactory factory = new TreasuryFactory(keccak256(vaultCode), keccak256(_guardCode));
        TreasuryParameters memory hostile = _parameters();
        hostile.owner = address(0xBAD);
        ReenteringAsset asset = new ReenteringAsset(factory, hostile, vaultCode, _guardCode);
        TreasuryParameters memory parameters = _parameters();
        parameters.asset = address(asset);

        (address vault, address guard) = _deploy(factory, parameters, vaultCode);
        assertTrue(asset.wasAsked());
        for (uint256 i = 0; i < 2; ++i) {
            assertEq(asset.refusals(i), abi.encodeWithSelector(ITreasuryFactory.Locked.selector));
        }
        assertEq(GuardReader(guard).seen(), keccak256(abi.encode(parameters, vault, guard)));
    }
}
