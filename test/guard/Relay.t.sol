// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IPolicyGuard} from "../../contracts/interfaces/IPolicyGuard.sol";
import {Mode, Policy} from "../../contracts/types/Policy.sol";
import {Rebalance} from "../../contracts/types/Rebalance.sol";
import {Rule} from "../../contracts/types/Rule.sol";
import {GuardFixture} from "./helpers/GuardFixture.sol";
import {MockDelegate, MockWallet} from "./mocks/MockWallet.sol";

/// @notice `rebalanceFor`: anyone brings what an agent signed, and it is as if the agent had come itself.
contract RelayTest is GuardFixture {
    uint256 private constant CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    uint256 private key;
    MockWallet private wallet;

    function setUp() public override {
        super.setUp();
        address account;
        (account, key) = makeAddrAndKey("agent");
        assertEq(account, AGENT);
        wallet = new MockWallet();
        Policy memory policy = defaultPolicy();
        policy.agents[1].agent = address(wallet);
        start(policy);
    }

    function test_RebalanceFor_IsTheAgentsRebalance() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        bytes memory signature = _sign(key, rebalance_, AGENT);
        vm.expectEmit(address(guard));
        emit IPolicyGuard.Rebalanced(AGENT, 0, rebalance_.decision, 1, 1000, 0);
        _relay(rebalance_, AGENT, signature);
        assertEq(held(0), 1000);
        assertEq(guard.agentState(AGENT).nonce, 1);
        assertEq(guard.agentState(AGENT).lastRebalanceAt, block.timestamp);
        assertGt(guard.agentState(AGENT).turnover.levelWad, 0);
        assertEq(guard.agentState(STRANGER).nonce, 0);
        // The cooldown is the agent's, whoever comes.
        assertRefused(AGENT, plan(AGENT, moves(deposits(0, 1))), Rule.Cooldown, block.timestamp, block.timestamp + 60);
    }

    function test_RevertWhen_AnotherKeySigned() public {
        (, uint256 otherKey) = makeAddrAndKey("stranger");
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        _refusesSignature(rebalance_, AGENT, _sign(otherKey, rebalance_, AGENT));
        // Before anything else.
        bytes memory signature = _sign(otherKey, rebalance_, AGENT);
        vm.prank(GUARDIAN);
        guard.setMode(Mode.Paused);
        _refusesSignature(rebalance_, AGENT, signature);
    }

    function test_RevertWhen_ItWasSignedForAnotherAgent() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        _refusesSignature(rebalance_, AGENT, _sign(key, rebalance_, OTHER_AGENT));
        _refusesSignature(rebalance_, OTHER_AGENT, _sign(key, rebalance_, AGENT));
        _refusesSignature(rebalance_, OTHER_AGENT, _sign(key, rebalance_, OTHER_AGENT));
    }

    function test_RevertWhen_AnythingWasChanged() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000), deposits(1, 1000)));
        bytes memory signature = _sign(key, rebalance_, AGENT);
        for (uint256 i = 0; i < 9; ++i) {
            Rebalance memory other = abi.decode(abi.encode(rebalance_), (Rebalance));
            if (i == 0) ++other.policyVersion;
            if (i == 1) ++other.nonce;
            if (i == 2) --other.vaultCount;
            if (i == 3) ++other.deadline;
            if (i == 4) other.decision = 0;
            if (i == 5) ++other.moves[1].index;
            if (i == 6) other.moves[0].isDeposit = false;
            if (i == 7) ++other.moves[1].assets;
            if (i == 8) (other.moves[0], other.moves[1]) = (other.moves[1], other.moves[0]);
            _refusesSignature(other, AGENT, signature);
        }
        _relay(rebalance_, AGENT, signature);
    }

    function test_RevertWhen_ItIsReplayed() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        rebalance_.deadline = type(uint64).max;
        bytes memory signature = _sign(key, rebalance_, AGENT);
        _relay(rebalance_, AGENT, signature);
        skip(60);
        expectRefusal(Rule.Freshness, 0, 1);
        _relay(rebalance_, AGENT, signature);
    }

    function test_RevertWhen_TheAgentUsedTheNonceItself() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        rebalance_.deadline = type(uint64).max;
        bytes memory signature = _sign(key, rebalance_, AGENT);
        rebalance(moves(deposits(1, 1)));
        skip(60);
        expectRefusal(Rule.Freshness, 0, 1);
        _relay(rebalance_, AGENT, signature);
    }

    function test_RevertWhen_TheDeadlineHasPassed() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        bytes memory signature = _sign(key, rebalance_, AGENT);
        skip(1);
        expectRefusal(Rule.Freshness, block.timestamp, block.timestamp - 1);
        _relay(rebalance_, AGENT, signature);
    }

    function test_RevertWhen_ItWasSignedForAnotherChain() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        bytes memory signature = _sign(key, rebalance_, AGENT);
        vm.chainId(1);
        _refusesSignature(rebalance_, AGENT, signature);
        _relay(rebalance_, AGENT, _sign(key, rebalance_, AGENT));
    }

    function test_RevertWhen_ItWasSignedForAnotherGuard() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        bytes memory signature = _sign(key, rebalance_, AGENT);
        deployTreasury();
        start(defaultPolicy());
        assertEq(guard.guardState().policyVersion, rebalance_.policyVersion);
        rebalance_.deadline = type(uint64).max;
        _refusesSignature(rebalance_, AGENT, signature);
        _relay(rebalance_, AGENT, _sign(key, rebalance_, AGENT));
    }

    function test_RevertWhen_TheSignatureIsMalleated() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, guard.rebalanceDigest(rebalance_, AGENT));
        bytes32 other = bytes32(CURVE_ORDER - uint256(s));
        assertEq(ecrecover(guard.rebalanceDigest(rebalance_, AGENT), v == 27 ? 28 : 27, r, other), AGENT);
        _refusesSignature(rebalance_, AGENT, abi.encodePacked(r, other, v == 27 ? uint8(28) : uint8(27)));
    }

    function test_RevertWhen_TheSignatureHasAnotherLength() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        bytes memory signature = _sign(key, rebalance_, AGENT);
        _refusesSignature(rebalance_, AGENT, "");
        _refusesSignature(rebalance_, AGENT, abi.encodePacked(signature, uint8(0)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, guard.rebalanceDigest(rebalance_, AGENT));
        // Compact, ERC-2098.
        bytes32 vs = v == 28 ? bytes32(uint256(s) | (uint256(1) << 255)) : s;
        _refusesSignature(rebalance_, AGENT, abi.encodePacked(r, vs));
        _refusesSignature(rebalance_, AGENT, new bytes(65));
    }

    function test_RevertWhen_NobodySigned() public {
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        _refusesSignature(rebalance_, address(0), new bytes(65));
    }

    function test_RevertWhen_TheSignerHasNoMandate() public {
        (address account, uint256 otherKey) = makeAddrAndKey("stranger");
        Rebalance memory rebalance_ = plan(account, moves(deposits(0, 1000)));
        bytes memory signature = _sign(otherKey, rebalance_, account);
        expectRefusal(Rule.Mandate, 0, 0);
        _relay(rebalance_, account, signature);
    }

    // Contracts

    function test_RebalanceFor_AContractThatAccepts() public {
        Rebalance memory rebalance_ = plan(address(wallet), moves(deposits(0, 1000)));
        _refusesSignature(rebalance_, address(wallet), "");
        wallet.accept(guard.rebalanceDigest(rebalance_, address(wallet)));
        _relay(rebalance_, address(wallet), "");
        assertEq(held(0), 1000);
        assertEq(guard.agentState(address(wallet)).nonce, 1);
    }

    function test_RevertWhen_AContractAnswersBadly() public {
        Rebalance memory rebalance_ = plan(address(wallet), moves(deposits(0, 1000)));
        bytes memory call = abi.encodeWithSelector(IERC1271.isValidSignature.selector);
        vm.mockCallRevert(address(wallet), call, "no");
        _refusesSignature(rebalance_, address(wallet), "");
        vm.mockCall(address(wallet), call, abi.encodePacked(IERC1271.isValidSignature.selector));
        _refusesSignature(rebalance_, address(wallet), "");
        vm.mockCall(address(wallet), call, abi.encode(uint256(1)));
        _refusesSignature(rebalance_, address(wallet), "");
        vm.mockCall(address(wallet), call, abi.encode(IERC1271.isValidSignature.selector));
        _relay(rebalance_, address(wallet), "");
    }

    function test_RevertWhen_AWalletReenters() public {
        Rebalance memory rebalance_ = plan(address(wallet), moves(deposits(0, 1000)));
        wallet.accept(guard.rebalanceDigest(rebalance_, address(wallet)));
        bytes memory inner = abi.encodeCall(IPolicyGuard.rebalance, (rebalance_));
        wallet.setCall(address(guard), inner, abi.encodeWithSelector(IPolicyGuard.Locked.selector));
        // The wallet only accepts because its own call met the lock.
        _relay(rebalance_, address(wallet), "");
        assertEq(held(0), 1000);
        skip(60);
        rebalance_ = plan(address(wallet), moves(deposits(0, 1000)));
        wallet.accept(guard.rebalanceDigest(rebalance_, address(wallet)));
        inner = abi.encodeCall(IPolicyGuard.rebalanceFor, (rebalance_, address(wallet), ""));
        wallet.setCall(address(guard), inner, abi.encodeWithSelector(IPolicyGuard.Locked.selector));
        _relay(rebalance_, address(wallet), "");
        assertEq(held(0), 2000);
    }

    // Accounts that delegate (EIP-7702)

    function test_RebalanceFor_ADelegatedAccountGoesTheContractsWay() public {
        vm.signAndAttachDelegation(address(new MockDelegate()), key);
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, guard.rebalanceDigest(rebalance_, AGENT));
        _relay(rebalance_, AGENT, abi.encode(r, s, v));
        assertEq(AGENT.code.length, 23);
        assertEq(held(0), 1000);
    }

    function test_RevertWhen_ADelegatedAccountsCodeKnowsNoSignatures() public {
        vm.signAndAttachDelegation(address(asset), key);
        Rebalance memory rebalance_ = plan(AGENT, moves(deposits(0, 1000)));
        bytes memory signature = _sign(key, rebalance_, AGENT);
        _refusesSignature(rebalance_, AGENT, signature);
        assertEq(AGENT.code.length, 23);
        // It can still come itself.
        rebalanceAs(AGENT, rebalance_);
        assertEq(held(0), 1000);
    }

    function _sign(uint256 signer, Rebalance memory rebalance_, address agent) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signer, guard.rebalanceDigest(rebalance_, agent));
        return abi.encodePacked(r, s, v);
    }

    function _relay(Rebalance memory rebalance_, address agent, bytes memory signature) private {
        vm.prank(STRANGER);
        guard.rebalanceFor(rebalance_, agent, signature);
    }

    function _refusesSignature(Rebalance memory rebalance_, address agent, bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(IPolicyGuard.InvalidSignature.selector, agent));
        _relay(rebalance_, agent, signature);
    }
}
