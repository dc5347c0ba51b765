// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IPolicyGuard} from "../interfaces/IPolicyGuard.sol";
import {ITreasuryLens, LensPage, StrategyView, VaultQuery, VaultView} from "../interfaces/ITreasuryLens.sol";
import {ITreasuryVault} from "../interfaces/ITreasuryVault.sol";
import {StrategyReader} from "./StrategyReader.sol";

/// @title One view call that returns everything a keeper needs
contract TreasuryLens is ITreasuryLens {
    /// @inheritdoc ITreasuryLens
    uint32 public constant LENS_VERSION = 2;

    /// @inheritdoc ITreasuryLens
    function read(VaultQuery[] calldata queries, uint256 start, uint256 gasReserve)
        external
        view
        returns (LensPage memory page)
    {
        page.lensVersion = LENS_VERSION;
        page.chainId = block.chainid;
        page.blockNumber = block.number;
        page.parentHash = blockhash(block.number - 1);
        page.timestamp = block.timestamp;
        page.baseFee = block.basefee;
        (page.vaults, page.next) = _readFrom(queries, start, gasReserve);
    }

    /// @inheritdoc ITreasuryLens
    function readVault(VaultQuery calldata query) external view returns (VaultView memory seen) {
        ITreasuryVault vault = ITreasuryVault(query.vault);
        IPolicyGuard guard = IPolicyGuard(vault.guard());
        seen.vault = address(vault);
        seen.guard = address(guard);
        seen.asset = vault.asset();
        seen.assetDecimals = StrategyReader.decimals(seen.asset);
        seen.assetSymbol = StrategyReader.symbol(seen.asset);
        seen.idle = IERC20(seen.asset).balanceOf(address(vault));
        seen.nav = vault.navState();
        (seen.checkpointNav, seen.checkpointBase, seen.isCheckpointFresh) = vault.checkpointState();
        seen.guardState = guard.guardState();
        seen.agentState = guard.agentState(query.agent);
        seen.references = guard.strategyStates();

        uint256 count = seen.references.length;
        seen.strategies = new StrategyView[](count);
        for (uint256 i = 0; i < count; ++i) {
            seen.strategies[i] = StrategyReader.read(seen.references[i].strategy, seen.asset, address(vault));
        }
    }

    /// @dev Each vault is read in a call of its own, so that a broken one costs its own answer only.
    function _readFrom(VaultQuery[] calldata queries, uint256 start, uint256 gasReserve)
        private
        view
        returns (VaultView[] memory vaults, uint256 next)
    {
        if (start >= queries.length) return (vaults, queries.length);
        vaults = new VaultView[](queries.length - start);
        for (next = start; next < queries.length; ++next) {
            uint256 given = gasleft();
            if (given <= gasReserve) {
                if (next == start) revert GasTooLow(gasReserve, given);
                break;
            }
            // One page of vaults, bounded by gas.
            // slither-disable-next-line calls-loop
            try this.readVault{gas: given - gasReserve}(queries[next]) returns (VaultView memory seen) {
                vaults[next - start] = seen;
            } catch {
                // It may only have come too late on this page: the next page begins with it.
                if (next != start) break;
                _bubbleGasTooLow();
                VaultView memory unread;
                unread.vault = queries[next].vault;
                vaults[0] = unread;
            }
        }
        // Safe: shortens an array that this function allocated.
        assembly ("memory-safe") {
            mstore(vaults, sub(next, start))
        }
    }

    /// @dev Reverts with the failed call's own error if that was `GasTooLow`, of the lens or of the vault (they are
    /// encoded alike). Copies no more than that error, since the answer's length is the callee's choice.
    function _bubbleGasTooLow() private pure {
        bytes4 selector = GasTooLow.selector;
        // Safe: scratch memory is written only on the way out.
        assembly ("memory-safe") {
            if eq(returndatasize(), 0x44) {
                let pointer := mload(0x40)
                returndatacopy(pointer, 0, 0x44)
                if eq(and(mload(pointer), shl(224, 0xffffffff)), selector) { revert(pointer, 0x44) }
            }
        }
    }
}
