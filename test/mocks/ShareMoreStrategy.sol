// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TestStrategy} from "./TestStrategy.sol";
import {TestToken} from "./TestToken.sol";

/// @notice Asks for a share more than a withdrawal needs, as a strategy that rounds twice does. ERC-4626 allows it.
contract ShareMoreStrategy is TestStrategy {
    constructor(TestToken asset_) TestStrategy(asset_) {}

    function previewWithdraw(uint256 assets) public view override returns (uint256) {
        return super.previewWithdraw(assets) + 1;
    }
}
