// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

import {GovernorParameters, TreasuryGovernor} from "../../contracts/governance/TreasuryGovernor.sol";

/// @title A timelock and its Governor, made in one transaction
/// @notice Each needs the other's address while it is constructed. Made together, the timelock names its Governor from
/// the first moment on, and nobody ever administers it but itself: not the deployer, not even for one transaction.
contract GovernanceDeployment {
    /// @notice Owner of the guards.
    TimelockController public immutable timelock;
    /// @notice The timelock's only proposer and canceller.
    TreasuryGovernor public immutable governor;

    /// @notice The Governor is not where it was expected.
    error GovernorElsewhere(address expected, address found);

    /// @param isExecutorOpen Whether anyone may execute what has waited, or the Governor alone.
    constructor(
        string memory name,
        IVotes votes,
        GovernorParameters memory parameters,
        uint256 timelockDelaySeconds,
        bool isExecutorOpen
    ) {
        address[] memory proposers = new address[](1);
        address[] memory executors = new address[](1);
        proposers[0] = _second();
        // The zero address stands for everybody.
        if (!isExecutorOpen) executors[0] = proposers[0];
        timelock = new TimelockController(timelockDelaySeconds, proposers, executors, address(0));
        governor = new TreasuryGovernor(name, votes, timelock, parameters);
        if (address(governor) != proposers[0]) revert GovernorElsewhere(proposers[0], address(governor));
    }

    /// @dev Address of the second contract that this one makes: of RLP([this, 2]).
    function _second() private view returns (address) {
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(this), hex"02")))));
    }
}
