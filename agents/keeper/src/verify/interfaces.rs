//! What is asked of the contracts, beside what the lens answers.

#![allow(missing_docs, unreachable_pub, missing_debug_implementations, clippy::all)]

alloy::sol!(Guard, "../chain/abi/IPolicyGuard.json");
alloy::sol!(Vault, "../chain/abi/ITreasuryVault.json");

alloy::sol! {
    /// Where the halves of a vault and of a guard are; no part of what others use of them.
    interface Parts {
        function governance() external view returns (address);
        function rules() external view returns (address);
        function periphery() external view returns (address);
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
