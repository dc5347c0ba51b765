// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Safe} from "safe-smart-account/Safe.sol";
import {CompatibilityFallbackHandler} from "safe-smart-account/handler/CompatibilityFallbackHandler.sol";
import {Enum} from "safe-smart-account/libraries/Enum.sol";
import {SafeProxyFactory} from "safe-smart-account/proxies/SafeProxyFactory.sol";

import {BaseTest} from "../../Base.t.sol";

/// @notice Safes as people use them: proxies of the real singleton with the real fallback handler, two of three keys.
abstract contract SafeFixture is BaseTest {
    uint256 internal constant THRESHOLD = 2;
    bytes32 private constant SAFE_MESSAGE_TYPEHASH = keccak256("SafeMessage(bytes message)");

    Safe private _singleton;
    SafeProxyFactory private _proxies;
    CompatibilityFallbackHandler private _handler;
    /// @dev Keys of a Safe in the order of their addresses, in which a Safe wants its signatures.
    mapping(address safe => uint256[]) private _keys;

    function setUp() public virtual override {
        super.setUp();
        _setUpSafes();
    }

    function _setUpSafes() internal {
        _singleton = new Safe();
        _proxies = new SafeProxyFactory();
        _handler = new CompatibilityFallbackHandler();
    }

    function _newSafe(string memory name) internal returns (Safe safe) {
        address[] memory owners = new address[](3);
        uint256[] memory keys = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            (owners[i], keys[i]) = makeAddrAndKey(string.concat(name, vm.toString(i)));
        }
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = i + 1; j < 3; ++j) {
                if (owners[i] < owners[j]) continue;
                (owners[i], owners[j]) = (owners[j], owners[i]);
                (keys[i], keys[j]) = (keys[j], keys[i]);
            }
        }
        bytes memory setup = abi.encodeCall(
            Safe.setup, (owners, THRESHOLD, address(0), "", address(_handler), address(0), 0, payable(address(0)))
        );
        safe = Safe(payable(address(_proxies.createProxyWithNonce(address(_singleton), setup, 0))));
        _keys[address(safe)] = keys;
    }

    /// @notice Sends a call from a Safe, signed by as many keys as it asks for.
    function _exec(Safe safe, address to, bytes memory data) internal {
        _execWith(safe, to, data, THRESHOLD);
    }

    /// @notice Sends a call from a Safe, signed by its first `count` keys.
    function _execWith(Safe safe, address to, bytes memory data, uint256 count) internal {
        bytes memory signatures = _signatures(address(safe), _transactionHash(safe, to, data), count);
        safe.execTransaction(to, 0, data, Enum.Operation.Call, 0, 0, 0, address(0), payable(address(0)), signatures);
    }

    /// @notice A Safe's word, by ERC-1271, on a digest of someone else's domain.
    function _signFor(Safe safe, bytes32 digest, uint256 count) internal view returns (bytes memory) {
        bytes32 message = keccak256(abi.encode(SAFE_MESSAGE_TYPEHASH, keccak256(abi.encode(digest))));
        bytes32 hash = keccak256(abi.encodePacked(hex"1901", safe.domainSeparator(), message));
        return _signatures(address(safe), hash, count);
    }

    function _transactionHash(Safe safe, address to, bytes memory data) private view returns (bytes32) {
        uint256 nonce = safe.nonce();
        return
            safe.getTransactionHash(to, 0, data, Enum.Operation.Call, 0, 0, 0, address(0), payable(address(0)), nonce);
    }

    function _signatures(address safe, bytes32 hash, uint256 count) private view returns (bytes memory signatures) {
        for (uint256 i = 0; i < count; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[safe][i], hash);
            signatures = abi.encodePacked(signatures, r, s, v);
        }
    }
}
