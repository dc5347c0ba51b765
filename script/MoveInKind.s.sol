// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/interfaces/IERC20.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {console} from "forge-std/console.sol";

import {ITreasuryVault} from "../contracts/interfaces/ITreasuryVault.sol";
import {Steps} from "./lib/Steps.sol";

/// @title Moves a holder from one vault to another by an exit in kind
/// @notice Inputs are described in script/README.md. The exit asks nobody; what strategies owe is then taken out of
/// them as far as they are liquid, and deposited into the new vault. What they do not pay stays with the holder as
/// their shares.
contract MoveInKind is Steps {
    uint256 private constant MAX_BPS = 10_000;

    /// @notice Moves the sender's shares of VAGUS_FROM into VAGUS_TO.
    function run() external {
        move(
            ITreasuryVault(_account("VAGUS_FROM")),
            ITreasuryVault(_account("VAGUS_TO")),
            vm.envOr("VAGUS_MAX_LOSS_BPS", uint256(10))
        );
    }

    /// @notice Moves the sender's shares; reverts if what arrives is worth less than `maxLossBps` below what left.
    /// @return shares Shares of the new vault.
    function move(ITreasuryVault from, ITreasuryVault to, uint256 maxLossBps) public returns (uint256 shares) {
        vm.startBroadcast();
        (, address holder,) = vm.readCallers();
        uint256 worth = _requirePossible(from, to, holder, maxLossBps);
        (uint256 assets, uint256 left) = _leave(from, holder);
        if (assets > to.maxDeposit(holder)) {
            revert Refusal(string.concat(
                    "The new vault takes ",
                    vm.toString(to.maxDeposit(holder)),
                    " at most, and ",
                    vm.toString(assets),
                    " are to be moved; raise its deposit cap, or move less."
                ));
        }
        uint256 minShares = to.previewDeposit(assets) * (MAX_BPS - maxLossBps) / MAX_BPS;
        address asset = to.asset();
        _send("approve", asset, asset, abi.encodeCall(IERC20.approve, (address(to), assets)));
        bytes memory call = abi.encodeWithSignature("deposit(uint256,address,uint256)", assets, holder, minShares);
        shares = abi.decode(_send("deposit", address(to), address(to), call), (uint256));
        vm.stopBroadcast();
        uint256 arrived = to.convertToAssets(shares) + left;
        if (arrived < worth * (MAX_BPS - maxLossBps) / MAX_BPS) {
            revert Refusal(string.concat(
                    "What leaves is worth ",
                    vm.toString(worth),
                    " and what arrives ",
                    vm.toString(arrived),
                    ", less than VAGUS_MAX_LOSS_BPS allows; nothing was sent."
                ));
        }
        _tell(string.concat("Holder ", vm.toString(holder), " moves to ", vm.toString(address(to))));
        console.log(string.concat("  Worth before ", vm.toString(worth), ", after ", vm.toString(arrived)));
        if (left > 0) console.log(string.concat("  Of it shares of strategies worth ", vm.toString(left)));
    }

    /// @dev The exit in kind, and out of each strategy what was received of it, as far as it is liquid.
    /// @return assets Received. @return left Value of strategies' shares that stay with the holder.
    function _leave(ITreasuryVault from, address holder) private returns (uint256 assets, uint256 left) {
        bytes memory call =
            abi.encodeCall(ITreasuryVault.redeemInKind, (from.balanceOf(holder), holder, holder, new address[](0)));
        bytes memory result = _send("exit in kind", address(from), address(from), call);
        address[] memory strategies;
        uint256[] memory amounts;
        (assets, strategies, amounts) = abi.decode(result, (uint256, address[], uint256[]));
        for (uint256 i = 0; i < strategies.length; ++i) {
            IERC4626 strategy = IERC4626(strategies[i]);
            uint256 liquid = strategy.maxRedeem(holder);
            uint256 amount = amounts[i] < liquid ? amounts[i] : liquid;
            left += strategy.convertToAssets(amounts[i] - amount);
            if (amount == 0) continue;
            call = abi.encodeCall(IERC4626.redeem, (amount, holder, holder));
            string memory what = string.concat("redeem ", strategy.symbol());
            assets += abi.decode(_send(what, strategies[i], strategies[i], call), (uint256));
        }
    }

    function _requirePossible(ITreasuryVault from, ITreasuryVault to, address holder, uint256 maxLossBps)
        private
        view
        returns (uint256 worth)
    {
        if (maxLossBps >= MAX_BPS) revert Refusal("VAGUS_MAX_LOSS_BPS must be below 10000.");
        if (address(from) == address(to)) revert Refusal("VAGUS_FROM and VAGUS_TO are the same vault.");
        if (from.asset() != to.asset()) {
            revert Refusal(string.concat(
                    "The vaults hold different assets, ",
                    vm.toString(from.asset()),
                    " and ",
                    vm.toString(to.asset()),
                    "."
                ));
        }
        uint256 shares = from.balanceOf(holder);
        if (shares == 0) {
            revert Refusal(string.concat(vm.toString(holder), " has no shares of ", vm.toString(address(from)), "."));
        }
        return from.convertToAssets(shares);
    }

    function _account(string memory name) private view returns (address account) {
        if (!vm.envExists(name)) revert Refusal(string.concat(name, " is not set; expected the address of a vault."));
        account = vm.envAddress(name);
        if (account.code.length != 0) return account;
        revert Refusal(string.concat(name, ": ", vm.toString(account), " is no contract on this chain."));
    }
}
