// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @notice First holding of a votes token.
/// @param holder Account that receives it; it votes for itself until it delegates elsewhere.
/// @param votes Amount in the token's smallest unit (18 decimals).
struct VotesAllocation {
    address holder;
    uint256 votes;
}

/// @title Votes of a treasury
/// @notice An ERC-20 with voting power whose whole supply is made at deployment: nobody can mint. It counts time in
/// seconds (ERC-6372, mode timestamp).
contract TreasuryVotes is ERC20, ERC20Permit, ERC20Votes {
    constructor(string memory name_, string memory symbol_, VotesAllocation[] memory allocations)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        for (uint256 i = 0; i < allocations.length; ++i) {
            // Power counts only once delegated; first holders can vote without a transaction of their own.
            _delegate(allocations[i].holder, allocations[i].holder);
            _mint(allocations[i].holder, allocations[i].votes);
        }
    }

    /// @notice Unix time in seconds.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice ERC-6372: time is counted in seconds.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @inheritdoc ERC20Permit
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
