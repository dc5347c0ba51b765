// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {MarketParams} from "../../contracts/strategies/interfaces/IMorphoBlue.sol";
import {DeployMorphoStrategy} from "../../script/DeployMorphoStrategy.s.sol";
import {StrictJson} from "../../script/lib/StrictJson.sol";

/// What the script refuses; that it wraps a real market is shown by the end-to-end tests.
contract DeployMorphoStrategyTest is Test {
    string private constant FOLDER = "target/forge-deploy-test";

    address private immutable MORPHO = makeAddr("morpho");

    DeployMorphoStrategy private _script;

    function setUp() public {
        _script = new DeployMorphoStrategy();
        vm.createDir(FOLDER, true);
    }

    function test_RevertWhen_MarketIdIsNotTheHashOfItsParameters() public {
        _requireRefused("wrong-id", keccak256("another"), "morpho[0].marketId is not the hash of marketParams.");
    }

    function test_RevertWhen_MorphoIsNoContract() public {
        _requireRefused("no-morpho", keccak256(abi.encode(_params())), "morpho[0].morpho is no contract on this chain.");
    }

    function test_RevertWhen_MarketIsNotInTheFile() public {
        string memory path = string.concat(FOLDER, "/world-empty.json");
        vm.writeFile(path, '{"morpho": []}');
        vm.expectRevert(
            abi.encodeWithSelector(
                StrictJson.BadInput.selector,
                string.concat(path, ": morpho[0].morpho must be an address (0x and 40 hex digits) other than zero.")
            )
        );
        _script.deployMarket(path, ".morpho[0]", "Strategy", "STR");
    }

    function _params() private returns (MarketParams memory) {
        return MarketParams({
            loanToken: makeAddr("loan"),
            collateralToken: makeAddr("collateral"),
            oracle: makeAddr("oracle"),
            irm: makeAddr("irm"),
            lltv: 0.86e18
        });
    }

    function _requireRefused(string memory name, bytes32 marketId, string memory sentence) private {
        string memory path = string.concat(FOLDER, "/world-", name, ".json");
        vm.writeFile(path, _world(marketId));
        vm.expectRevert(abi.encodeWithSelector(StrictJson.BadInput.selector, string.concat(path, ": ", sentence)));
        _script.deployMarket(path, ".morpho[0]", "Strategy", "STR");
    }

    function _world(bytes32 marketId) private returns (string memory) {
        MarketParams memory params = _params();
        string memory inner = string.concat(
            '{"loanToken":"',
            vm.toString(params.loanToken),
            '","collateralToken":"',
            vm.toString(params.collateralToken),
            '","oracle":"',
            vm.toString(params.oracle),
            '","irm":"',
            vm.toString(params.irm),
            '","lltv":"860000000000000000"}'
        );
        return string.concat(
            '{"morpho":[{"morpho":"',
            vm.toString(MORPHO),
            '","marketId":"',
            vm.toString(marketId),
            '","marketParams":',
            inner,
            "}]}"
        );
    }
}
