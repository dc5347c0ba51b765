// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {UnusualToken} from "../mocks/UnusualToken.sol";
import {VaultFixture} from "./VaultFixture.sol";

/// @notice Approvals by signature, with the digest built here from the EIPs and not by the vault.
contract VaultPermitTest is VaultFixture {
    uint256 private constant SECP256K1_N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    address private owner;
    uint256 private key;

    function setUp() public override {
        super.setUp();
        (owner, key) = makeAddrAndKey("owner");
        _deposit(owner, _units(100));
    }

    function _digest(uint256 value, uint256 nonce, uint256 deadline, uint256 chainId) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Treasury"),
                keccak256("1"),
                chainId,
                address(vault)
            )
        );
        bytes32 permit = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                owner,
                bob,
                value,
                nonce,
                deadline
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, permit));
    }

    function _sign(uint256 value, uint256 nonce, uint256 deadline)
        private
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        return vm.sign(key, _digest(value, nonce, deadline, block.chainid));
    }

    function test_Permit_AllowsUntilItsDeadline() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(7e12, 0, START);
        vm.prank(thief);
        vault.permit(owner, bob, 7e12, START, v, r, s);
        assertEq(vault.allowance(owner, bob), 7e12);
        assertEq(vault.nonces(owner), 1);
        vm.prank(bob);
        assertEq(vault.redeem(7e12, bob, owner), _units(7));
    }

    function test_RevertWhen_PermitExpired() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(7, 0, START);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(ERC20Permit.ERC2612ExpiredSignature.selector, START));
        vault.permit(owner, bob, 7, START, v, r, s);
    }

    function test_RevertWhen_PermitReplayed() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(7, 0, START);
        vault.permit(owner, bob, 7, START, v, r, s);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        vault.permit(owner, bob, 7, START, v, r, s);
        assertEq(vault.nonces(owner), 1);
    }

    function test_RevertWhen_PermitIsOfAnotherChain() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _digest(7, 0, START, block.chainid + 1));
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        vault.permit(owner, bob, 7, START, v, r, s);
        // A fork of this chain under another id: the domain follows, and what was signed for it holds there alone.
        (uint8 v2, bytes32 r2, bytes32 s2) = _sign(7, 0, START);
        uint256 id = block.chainid;
        vm.chainId(id + 1);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        vault.permit(owner, bob, 7, START, v2, r2, s2);
        vault.permit(owner, bob, 7, START, v, r, s);
        assertEq(vault.allowance(owner, bob), 7);
    }

    function test_RevertWhen_SignatureIsMalleated() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(7, 0, START);
        bytes32 flipped = bytes32(SECP256K1_N - uint256(s));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, flipped));
        vault.permit(owner, bob, 7, START, v == 27 ? 28 : 27, r, flipped);
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        vault.permit(owner, bob, 7, START, 29, r, s);
    }

    function test_RevertWhen_SomebodyElseSigned() public {
        (, uint256 other) = makeAddrAndKey("other");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(other, _digest(7, 0, START, block.chainid));
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        vault.permit(owner, bob, 7, START, v, r, s);
        (v, r, s) = _sign(7, 0, START);
        vm.expectPartialRevert(ERC20Permit.ERC2612InvalidSigner.selector);
        vault.permit(owner, bob, 8, START, v, r, s);
        vm.expectRevert();
        vault.permit(address(0), bob, 7, START, v, r, s);
    }

    /// @dev Someone may submit the permit first. The allowance stands all the same, so what was to follow goes through
    /// for a caller that ignores the failure.
    function test_Permit_SubmittedByAnotherFirstStillAllows() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(7e12, 0, START);
        vm.prank(thief);
        vault.permit(owner, bob, 7e12, START, v, r, s);
        vm.startPrank(bob);
        try vault.permit(owner, bob, 7e12, START, v, r, s) {
            revert("replayed");
        } catch {}
        assertEq(vault.redeem(7e12, bob, owner), _units(7));
    }

    function test_Permit_WorksUnderTheLock() public {
        UnusualToken odd = new UnusualToken(6);
        _build(odd);
        _deposit(owner, _units(10));
        (uint8 v, bytes32 r, bytes32 s) = _sign(7, 0, START);
        PermitHook hook = new PermitHook();
        hook.set(address(vault), abi.encodeCall(vault.permit, (owner, bob, 7, START, v, r, s)));
        odd.setHook(address(hook));
        vm.prank(owner);
        vault.withdraw(_units(1), owner, owner);
        assertEq(vault.allowance(owner, bob), 7);
    }

    function test_Domain_IsTheVaultsOwn() public view {
        (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            IERC5267(address(vault)).eip712Domain();
        assertEq(name, "Treasury");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(vault));
        assertEq(
            vault.DOMAIN_SEPARATOR(),
            keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("Treasury"),
                    keccak256("1"),
                    block.chainid,
                    address(vault)
                )
            )
        );
    }
}

/// @notice Calls the vault from inside a transfer of its asset, once.
contract PermitHook {
    address private _target;
    bytes private _data;

    function set(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function onTransfer(address, address, uint256) external {
        if (_target == address(0)) return;
        address target = _target;
        _target = address(0);
        (bool isDone,) = target.call(_data);
        require(isDone, "the permit failed");
    }
}
