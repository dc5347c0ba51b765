// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

import {GuardRules} from "../guard/GuardRules.sol";
import {ITreasuryFactory, TreasuryParameters} from "../interfaces/ITreasuryFactory.sol";

/// @title Deterministic deployment of a vault with its guard
/// @dev Both are deployed by CREATE2 from code without constructor arguments, under a salt that binds every parameter:
/// an address therefore stands for one code, one factory and one set of parameters, and who sends the transaction does
/// not matter. Constructors read the parameters back through `deployment`.
contract TreasuryFactory is ITreasuryFactory {
    /// @notice Hash of the creation code of the vaults it deploys.
    bytes32 public immutable VAULT_CODE_HASH;
    /// @notice Hash of the creation code of the guards it deploys.
    bytes32 public immutable GUARD_CODE_HASH;
    /// @inheritdoc ITreasuryFactory
    address public immutable guardRules;

    /// @dev Empty except while a deployment runs.
    TreasuryParameters private _parameters;
    address private transient _vault;
    address private transient _guard;

    constructor(bytes32 vaultCodeHash, bytes32 guardCodeHash) {
        VAULT_CODE_HASH = vaultCodeHash;
        GUARD_CODE_HASH = guardCodeHash;
        guardRules = address(new GuardRules());
    }

    /// @inheritdoc ITreasuryFactory
    function deployVault(TreasuryParameters calldata parameters, bytes calldata vaultCode)
        external
        returns (address vault)
    {
        address guard;
        (vault, guard) = predict(parameters);
        _deploy(parameters, vault, guard, vault, vaultCode, VAULT_CODE_HASH);
        emit VaultDeployed(vault, guard, parameters.salt, parameters.asset);
    }

    /// @inheritdoc ITreasuryFactory
    function deployGuard(TreasuryParameters calldata parameters, bytes calldata guardCode)
        external
        returns (address guard)
    {
        address vault;
        (vault, guard) = predict(parameters);
        _deploy(parameters, vault, guard, guard, guardCode, GUARD_CODE_HASH);
        emit GuardDeployed(guard, vault, parameters.salt);
    }

    /// @inheritdoc ITreasuryFactory
    function predict(TreasuryParameters calldata parameters) public view returns (address vault, address guard) {
        bytes32 salt = _salt(parameters);
        vault = Create2.computeAddress(salt, VAULT_CODE_HASH);
        guard = Create2.computeAddress(salt, GUARD_CODE_HASH);
    }

    /// @inheritdoc ITreasuryFactory
    function deployment() external view returns (TreasuryParameters memory parameters, address vault, address guard) {
        if (_vault == address(0)) revert NoDeployment();
        return (_parameters, _vault, _guard);
    }

    /// @dev The lock matters: an asset that is called by a constructor could otherwise start a second deployment and
    /// change the parameters that are read back afterwards.
    function _deploy(
        TreasuryParameters calldata parameters,
        address vault,
        address guard,
        address expected,
        bytes calldata code,
        bytes32 codeHash
    ) private {
        if (_vault != address(0)) revert Locked();
        bytes32 given = keccak256(code);
        if (given != codeHash) revert UnknownCode(given, codeHash);
        if (expected.code.length != 0) revert AlreadyDeployed(expected);

        _parameters = parameters;
        (_vault, _guard) = (vault, guard);
        // The address is the predicted one, of the same deployer, salt and code hash; Create2 reverts otherwise.
        // slither-disable-next-line unused-return
        Create2.deploy(0, _salt(parameters), code);
        delete _parameters;
        (_vault, _guard) = (address(0), address(0));
    }

    function _salt(TreasuryParameters calldata parameters) private pure returns (bytes32) {
        return keccak256(abi.encode(parameters));
    }
}
