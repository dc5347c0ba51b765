// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {TreasuryFactory} from "../../contracts/factory/TreasuryFactory.sol";
import {TreasuryGovernor} from "../../contracts/governance/TreasuryGovernor.sol";
import {TreasuryVotes} from "../../contracts/governance/TreasuryVotes.sol";
import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {TreasuryLens} from "../../contracts/lens/TreasuryLens.sol";

/// @notice A vault with its guard.
/// @param isBegun Whether vault or guard were there before this run. @param isOld Whether both were.
struct DeployedVault {
    ITreasuryVault vault;
    IPolicyGuard guard;
    bool isBegun;
    bool isOld;
}

/// @notice Everything a deployment made or found, and who sent it.
/// @param owner Owner of the guards: timelock or Safe.
/// @param isOwnerOld Whether the owner was there before this run.
/// @param votes, timelock, governor Zero where the owner has none.
struct Deployment {
    address deployer;
    uint256 deployBlock;
    bytes32 genesisHash;
    TreasuryFactory factory;
    TreasuryLens lens;
    TreasuryVotes votes;
    TimelockController timelock;
    TreasuryGovernor governor;
    address owner;
    bool isOwnerOld;
    DeployedVault[] vaults;
}
