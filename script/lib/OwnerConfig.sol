// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {GovernorParameters} from "../../contracts/governance/TreasuryGovernor.sol";
import {VotesAllocation} from "../../contracts/governance/TreasuryVotes.sol";
import {JsonFile, StrictJson} from "./StrictJson.sol";

/// @notice What owns the guards of a treasury.
enum OwnerKind {
    /// A Governor with timelock and votes token that the deployment makes.
    NewGovernor,
    /// A Governor and its timelock that are there already.
    Governor,
    /// A timelock that the deployment makes, without a Governor.
    NewTimelock,
    /// A timelock that is there already.
    Timelock,
    /// A Safe that is there already.
    Safe
}

/// @notice Who decides, and how. Members that the kind does not use are empty.
/// @param name, governor, votesName, votesSymbol, holders Of a Governor that the deployment makes.
/// @param timelockDelaySeconds Of every kind but a Safe.
/// @param isExecutorOpen Whether anyone may execute what has waited; of every kind but a Safe.
/// @param governorAt, timelockAt, safeAt What is there already.
/// @param proposers, cancellers, executors Of the timelock, unless the deployment makes a Governor for it. A timelock
/// that the deployment makes has its proposers as cancellers.
/// @param fromBlock Newest block before the timelock was made; of one that is there already.
/// @param owners, threshold Of a Safe.
struct GovernanceConfig {
    OwnerKind kind;
    string name;
    GovernorParameters governor;
    uint256 timelockDelaySeconds;
    bool isExecutorOpen;
    string votesName;
    string votesSymbol;
    VotesAllocation[] holders;
    address governorAt;
    address timelockAt;
    address safeAt;
    address[] proposers;
    address[] cancellers;
    address[] executors;
    uint256 fromBlock;
    address[] owners;
    uint256 threshold;
}

/// @title The section `governance` of a config file
/// @notice Keys are explained in script/README.md.
library OwnerConfig {
    using StrictJson for JsonFile;

    string private constant AT = ".governance";
    string private constant VOTES_KEYS = "name,symbol,holders";
    string private constant HOLDER_KEYS = "holder,votes";
    string private constant NEW_GOVERNOR_KEYS =
        "name,votingDelaySeconds,votingPeriodSeconds,proposalThreshold,quorumPercent,timelockDelaySeconds,isExecutorOpen,votes";
    string private constant NEW_TIMELOCK_KEYS = "timelockDelaySeconds,isExecutorOpen,proposers,executors";
    string private constant TIMELOCK_KEYS =
        "timelock,timelockDelaySeconds,isExecutorOpen,proposers,cancellers,executors,fromBlock";
    string private constant SAFE_KEYS = "safe,owners,threshold";
    string private constant KINDS = "new-governor, governor, new-timelock, timelock or safe";

    /// @notice Whether the deployment makes this owner.
    function isMade(OwnerKind kind) internal pure returns (bool) {
        return kind == OwnerKind.NewGovernor || kind == OwnerKind.NewTimelock;
    }

    /// @notice The timelock's executors; the zero address among them stands for anyone.
    function allExecutors(GovernanceConfig memory config) internal pure returns (address[] memory executors) {
        if (!config.isExecutorOpen) return config.executors;
        uint256 count = config.executors.length;
        executors = new address[](count + 1);
        for (uint256 i = 0; i < count; ++i) {
            executors[i + 1] = config.executors[i];
        }
    }

    /// @notice Reads and checks the section.
    function read(JsonFile memory file) internal view returns (GovernanceConfig memory config) {
        config.kind = _kind(file);
        if (config.kind == OwnerKind.NewGovernor) _newGovernor(file, config);
        else if (config.kind == OwnerKind.NewTimelock) _newTimelock(file, config);
        else if (config.kind == OwnerKind.Safe) _safe(file, config);
        else _thereAlready(file, config);
    }

    /// @dev Files from before there was a choice name no kind: they mean a new Governor.
    function _kind(JsonFile memory file) private view returns (OwnerKind) {
        if (!file.has(".governance.kind")) return OwnerKind.NewGovernor;
        bytes32 kind = keccak256(bytes(file.text(".governance.kind")));
        if (kind == keccak256("new-governor")) return OwnerKind.NewGovernor;
        if (kind == keccak256("governor")) return OwnerKind.Governor;
        if (kind == keccak256("new-timelock")) return OwnerKind.NewTimelock;
        if (kind == keccak256("timelock")) return OwnerKind.Timelock;
        if (kind == keccak256("safe")) return OwnerKind.Safe;
        file.refuse(".governance.kind", string.concat("must be ", KINDS));
    }

    function _requireKeys(JsonFile memory file, string memory keys) private view {
        bool isKindNamed = file.has(".governance.kind");
        file.requireKeys(AT, isKindNamed ? string.concat("kind,", keys) : keys);
    }

    function _newGovernor(JsonFile memory file, GovernanceConfig memory config) private view {
        _requireKeys(file, NEW_GOVERNOR_KEYS);
        config.name = file.text(".governance.name");
        _timelock(file, config);

        file.requireKeys(".governance.votes", VOTES_KEYS);
        config.votesName = file.text(".governance.votes.name");
        config.votesSymbol = file.text(".governance.votes.symbol");
        uint256 supply;
        (config.holders, supply) = _holders(file);

        // forge-lint: disable-start(unsafe-typecast) Bounded as they are read.
        config.governor = GovernorParameters({
            votingDelaySeconds: uint48(file.number(".governance.votingDelaySeconds", 0, type(uint32).max)),
            votingPeriodSeconds: uint32(file.number(".governance.votingPeriodSeconds", 1, type(uint32).max)),
            proposalThreshold: file.number(".governance.proposalThreshold", 0, supply),
            quorumPercent: file.number(".governance.quorumPercent", 1, 100)
        });
        // forge-lint: disable-end(unsafe-typecast)
    }

    function _newTimelock(JsonFile memory file, GovernanceConfig memory config) private view {
        _requireKeys(file, NEW_TIMELOCK_KEYS);
        _timelock(file, config);
        config.proposers = _accounts(file, ".governance.proposers", 1);
        config.cancellers = config.proposers;
        config.executors = _accounts(file, ".governance.executors", config.isExecutorOpen ? 0 : 1);
    }

    function _thereAlready(JsonFile memory file, GovernanceConfig memory config) private view {
        bool hasGovernor = config.kind == OwnerKind.Governor;
        _requireKeys(file, hasGovernor ? string.concat("governor,", TIMELOCK_KEYS) : TIMELOCK_KEYS);
        if (hasGovernor) config.governorAt = file.account(".governance.governor");
        config.timelockAt = file.account(".governance.timelock");
        _timelock(file, config);
        config.proposers = _accounts(file, ".governance.proposers", 1);
        config.cancellers = _accounts(file, ".governance.cancellers", 0);
        config.executors = _accounts(file, ".governance.executors", config.isExecutorOpen ? 0 : 1);
        config.fromBlock = file.number(".governance.fromBlock", 0, type(uint64).max);
    }

    function _safe(JsonFile memory file, GovernanceConfig memory config) private view {
        _requireKeys(file, SAFE_KEYS);
        config.safeAt = file.account(".governance.safe");
        config.owners = _accounts(file, ".governance.owners", 1);
        config.threshold = file.number(".governance.threshold", 1, config.owners.length);
    }

    function _timelock(JsonFile memory file, GovernanceConfig memory config) private view {
        config.timelockDelaySeconds = file.number(".governance.timelockDelaySeconds", 0, type(uint32).max);
        config.isExecutorOpen = file.flag(".governance.isExecutorOpen");
    }

    function _accounts(JsonFile memory file, string memory at, uint256 least)
        private
        view
        returns (address[] memory accounts)
    {
        uint256 count = file.count(at);
        if (count < least) file.refuse(at, "must be a list of one account or more");
        accounts = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            accounts[i] = file.account(StrictJson.entry(at, i));
            for (uint256 j = 0; j < i; ++j) {
                if (accounts[j] != accounts[i]) continue;
                file.refuse(StrictJson.entry(at, i), "must not stand in the list twice");
            }
        }
    }

    function _holders(JsonFile memory file) private view returns (VotesAllocation[] memory holders, uint256 supply) {
        uint256 count = file.count(".governance.votes.holders");
        if (count == 0) file.refuse(".governance.votes.holders", "must be a list of one holder or more");
        holders = new VotesAllocation[](count);
        for (uint256 i = 0; i < count; ++i) {
            string memory at = StrictJson.entry(".governance.votes.holders", i);
            file.requireKeys(at, HOLDER_KEYS);
            holders[i].holder = file.account(string.concat(at, ".holder"));
            // The votes token counts in 208 bits.
            holders[i].votes = file.number(string.concat(at, ".votes"), 1, type(uint208).max - supply);
            supply += holders[i].votes;
            for (uint256 j = 0; j < i; ++j) {
                if (holders[j].holder == holders[i].holder) {
                    file.refuse(string.concat(at, ".holder"), "must not stand in the list twice");
                }
            }
        }
    }
}
