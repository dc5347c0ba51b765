//! What is asked of the contracts, beside what the lens answers.

#![allow(missing_docs, unreachable_pub, missing_debug_implementations, clippy::all)]

alloy::sol! {
    interface Guard {
        struct Ceilings {
            uint16 maxTurnoverBps;
            uint16 maxLossBps;
            uint32 minWindowSeconds;
            uint32 minPolicyDelaySeconds;
            uint32 maxPolicyDelaySeconds;
            uint16 maxManagementFeeBps;
            uint16 maxPerformanceFeeBps;
            uint32 graceSeconds;
        }
        struct Bucket {
            uint64 levelWad;
            uint40 updatedAt;
        }
        struct GuardState {
            uint64 policyVersion;
            bytes32 policyHash;
            uint64 policyBlock;
            uint8 mode;
            uint64 rebalanceCount;
            Bucket turnover;
            Bucket loss;
        }
        struct AgentState {
            bool exists;
            bool isRevoked;
            uint64 nonce;
            uint40 lastRebalanceAt;
            Bucket turnover;
            Bucket loss;
        }
        struct PendingPolicy {
            bytes32 hash;
            uint64 submittedBlock;
            uint40 activatableAt;
            uint40 expiresAt;
        }
        function vault() external view returns (address);
        function governance() external view returns (address);
        function rules() external view returns (address);
        function owner() external view returns (address);
        function offeredOwner() external view returns (address);
        function guardian() external view returns (address);
        function namedGuardian() external view returns (address guardian_, uint40 activatableAt);
        function ceilings() external view returns (Ceilings memory);
        function policyDelaySeconds() external view returns (uint32);
        function pendingPolicy() external view returns (PendingPolicy memory);
        function guardState() external view returns (GuardState memory);
        function agentState(address agent) external view returns (AgentState memory);
    }

    interface Vault {
        struct NavParameters {
            uint64 maxGrowthWad;
            uint16 maxDrawdownBps;
            uint32 entryHaltSeconds;
            uint32 seasoningSeconds;
            uint32 maxNavAgeSeconds;
            uint128 depositCap;
            uint16 managementFeeBps;
            uint16 performanceFeeBps;
            address feeRecipient;
        }
        struct ExitEntry {
            address strategy;
            uint8 status;
        }
        function guard() external view returns (address);
        function conduit() external view returns (address);
        function periphery() external view returns (address);
        function asset() external view returns (address);
        function navParameters() external view returns (NavParameters memory);
        function exitList() external view returns (ExitEntry[] memory);
    }

    interface Token {
        function symbol() external view returns (string memory);
        function decimals() external view returns (uint8);
        function balanceOf(address account) external view returns (uint256);
        function getVotes(address account) external view returns (uint256);
    }

    interface Timelock {
        event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
        event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole);
        function getMinDelay() external view returns (uint256);
        function hasRole(bytes32 role, address account) external view returns (bool);
    }

    interface Governor {
        function timelock() external view returns (address);
        function token() external view returns (address);
        function votingDelay() external view returns (uint256);
        function votingPeriod() external view returns (uint256);
        function proposalThreshold() external view returns (uint256);
        function quorumNumerator() external view returns (uint256);
    }

    interface Safe {
        function getOwners() external view returns (address[] memory);
        function getThreshold() external view returns (uint256);
        function getModulesPaginated(address start, uint256 pageSize) external view returns (address[] memory array, address next);
    }
}
