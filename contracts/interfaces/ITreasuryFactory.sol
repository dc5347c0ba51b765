// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ceilings} from "../types/Policy.sol";

/// @notice All that a treasury's address depends on.
/// @param asset ERC-20 the vault holds.
/// @param name, symbol Metadata of the vault's shares.
/// @param decimalsOffset Decimals of shares above those of the asset; virtual shares are 10^offset.
/// @param owner, guardian First owner and guardian of the guard.
/// @param salt Free choice.
struct TreasuryParameters {
    address asset;
    string name;
    string symbol;
    uint8 decimalsOffset;
    address owner;
    address guardian;
    Ceilings ceilings;
    bytes32 salt;
}

/// @title Deterministic deployment of a vault with its guard
/// @notice The creation code is given by the caller and checked against the hashes the factory was made with; vault and
/// guard read their parameters back from the factory while they are constructed, so that their addresses depend on the
/// factory, the parameters and nothing else.
interface ITreasuryFactory {
    /// @notice A vault was deployed; its guard is, or will be, at the address named.
    event VaultDeployed(address indexed vault, address indexed guard, bytes32 indexed salt, address asset);
    /// @notice A guard was deployed; its vault is, or will be, at the address named.
    event GuardDeployed(address indexed guard, address indexed vault, bytes32 indexed salt);

    /// @notice The creation code is not the one this factory deploys.
    error UnknownCode(bytes32 given, bytes32 expected);
    /// @notice This contract exists already.
    error AlreadyDeployed(address deployed);
    /// @notice `deployment` was asked while none is under way: vault and guard are deployed by their factory only.
    error NoDeployment();
    /// @notice A deployment was asked for while another one is under way.
    error Locked();

    /// @notice Deploys the vault of a treasury. It takes no deposit before its guard has adopted a policy.
    function deployVault(TreasuryParameters calldata parameters, bytes calldata vaultCode)
        external
        returns (address vault);

    /// @notice Deploys the guard of a treasury, before its vault or after it.
    /// @dev In a transaction of its own: both together would use more gas than one may (EIP-7825: 2^24).
    function deployGuard(TreasuryParameters calldata parameters, bytes calldata guardCode)
        external
        returns (address guard);

    /// @notice Addresses that vault and guard have, or will have, for these parameters.
    function predict(TreasuryParameters calldata parameters) external view returns (address vault, address guard);

    /// @notice Parameters of the deployment under way; read by vault and guard in their constructors.
    /// @return parameters As given by the caller. @return vault The vault's address. @return guard The guard's address.
    function deployment() external view returns (TreasuryParameters memory parameters, address vault, address guard);

    /// @notice Code that all guards of this factory share, see `GuardRules`; read by them in their constructors.
    function guardRules() external view returns (address);
}
