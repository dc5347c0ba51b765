// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ITreasuryVault} from "../../contracts/interfaces/ITreasuryVault.sol";
import {NavAccounting, NavStorage} from "../../contracts/vault/NavAccounting.sol";

/// @notice The last line in front of a supply that does not fit its member. Entries and fees stop before.
contract NavAccountingTest is Test {
    using NavAccounting for NavStorage;

    NavStorage private _nav;

    function accrue(uint256 supplyAfter) external {
        _nav.accrue(_nav.supply, supplyAfter);
    }

    function test_Accrue_SupplyUpTo144Bits() public {
        uint256 most = 2 ** 144 - 1;
        this.accrue(most);
        assertEq(_nav.supply, most);
        vm.expectRevert(abi.encodeWithSelector(ITreasuryVault.SupplyExceeded.selector, most + 1, most));
        this.accrue(most + 1);
        assertEq(_nav.supply, most);
    }
}
