// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

import {TestStrategy} from "../../mocks/TestStrategy.sol";
import {TestToken} from "../../mocks/TestToken.sol";

/// What a test teaches: an answer to any call of a function, or to one call with its arguments, which wins.
abstract contract Taught {
    mapping(bytes4 selector => bytes) private _answers;
    mapping(bytes32 callHash => bytes) private _exactAnswers;
    bytes4 private _eater;

    function set(bytes4 selector, bytes memory answer) external {
        _answers[selector] = answer;
    }

    function setFor(bytes memory callData, bytes memory answer) external {
        _exactAnswers[keccak256(callData)] = answer;
    }

    /// Calls of this function use up all of their gas.
    function eatGasAt(bytes4 selector) external {
        _eater = selector;
    }

    fallback() external {
        bytes memory answer = _exactAnswers[keccak256(msg.data)];
        if (answer.length == 0) answer = _answers[msg.sig];
        require(answer.length != 0);
        while (msg.sig == _eater) {}
        assembly {
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// Answers what it was taught, or reverts.
contract FixedAnswers is Taught {}

/// An honest ERC-4626 with whatever else a test teaches it to answer.
contract TaughtStrategy is TestStrategy, Taught {
    constructor(TestToken asset_) TestStrategy(asset_) {}
}

/// A strategy whose texts and numbers for people are hostile: endless, or absurdly long.
contract HostileMetadata is TestStrategy {
    bool public isEndless;

    constructor(TestToken asset_, bool isEndless_) TestStrategy(asset_) {
        isEndless = isEndless_;
    }

    function symbol() public view override(IERC20Metadata, ERC20) returns (string memory) {
        while (isEndless) {}
        return string(new bytes(1500));
    }

    function decimals() public view override returns (uint8) {
        assembly {
            mstore(0x00, 256)
            return(0x00, 0x20)
        }
    }
}

/// Answers to every read of value with as much data as its gas pays for.
contract FloodingStrategy is TestStrategy {
    bool public isFlooding;

    constructor(TestToken asset_) TestStrategy(asset_) {}

    function flood() external {
        isFlooding = true;
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        if (!isFlooding) return super.previewRedeem(shares);
        assembly {
            // 600 kB: about 900,000 gas of memory.
            revert(0x00, 600000)
        }
    }
}
