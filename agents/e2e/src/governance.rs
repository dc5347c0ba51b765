//! Votes as a DAO makes them: propose, vote, queue, execute.

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol,
};

sol! {
    /// OpenZeppelin's Governor, as the world uses it.
    #[allow(missing_docs)]
    interface Governor {
        function propose(address[] memory targets, uint256[] memory values, bytes[] memory calldatas, string memory description)
            external
            returns (uint256 proposalId);
        function castVote(uint256 proposalId, uint8 support) external returns (uint256 weight);
        function queue(address[] memory targets, uint256[] memory values, bytes[] memory calldatas, bytes32 descriptionHash)
            external
            returns (uint256 proposalId);
        function execute(address[] memory targets, uint256[] memory values, bytes[] memory calldatas, bytes32 descriptionHash)
            external
            payable
            returns (uint256 proposalId);
        function hashProposal(address[] memory targets, uint256[] memory values, bytes[] memory calldatas, bytes32 descriptionHash)
            external
            view
            returns (uint256 proposalId);
        function state(uint256 proposalId) external view returns (uint8);
        function votingDelay() external view returns (uint256);
        function votingPeriod() external view returns (uint256);
    }

    /// OpenZeppelin's timelock, as the world uses it.
    #[allow(missing_docs)]
    interface Timelock {
        function getMinDelay() external view returns (uint256);
    }
}

/// One call that the DAO votes on.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Contract that is called.
    pub target: Address,
    /// Its call data.
    pub data: Bytes,
    /// What people read.
    pub description: String,
}

impl Proposal {
    /// Opens the vote.
    #[must_use]
    pub fn propose(&self) -> Governor::proposeCall {
        Governor::proposeCall {
            targets: vec![self.target],
            values: vec![U256::ZERO],
            calldatas: vec![self.data.clone()],
            description: self.description.clone(),
        }
    }

    /// Hands the won vote to the timelock.
    #[must_use]
    pub fn queue(&self) -> Governor::queueCall {
        Governor::queueCall {
            targets: vec![self.target],
            values: vec![U256::ZERO],
            calldatas: vec![self.data.clone()],
            descriptionHash: self.description_hash(),
        }
    }

    /// Carries it out after the timelock's delay.
    #[must_use]
    pub fn execute(&self) -> Governor::executeCall {
        Governor::executeCall {
            targets: vec![self.target],
            values: vec![U256::ZERO],
            calldatas: vec![self.data.clone()],
            descriptionHash: self.description_hash(),
        }
    }

    /// Asks for its id.
    #[must_use]
    pub fn id(&self) -> Governor::hashProposalCall {
        Governor::hashProposalCall {
            targets: vec![self.target],
            values: vec![U256::ZERO],
            calldatas: vec![self.data.clone()],
            descriptionHash: self.description_hash(),
        }
    }

    fn description_hash(&self) -> B256 {
        keccak256(self.description.as_bytes())
    }
}
