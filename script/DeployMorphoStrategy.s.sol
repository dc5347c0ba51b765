// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Script} from "forge-std/Script.sol";

import {MorphoBlueStrategy} from "../contracts/strategies/MorphoBlueStrategy.sol";
import {MarketParams} from "../contracts/strategies/interfaces/IMorphoBlue.sol";
import {JsonFile, StrictJson} from "./lib/StrictJson.sol";

/// @title Wraps a Morpho Blue market as a strategy
/// @notice Inputs and outputs are described in script/README.md.
contract DeployMorphoStrategy is Script {
    using StrictJson for JsonFile;

    string private constant PARAMS_KEYS = "loanToken,collateralToken,oracle,irm,lltv";

    /// @notice An input is missing, or the market is not what its file says.
    error Refusal(string sentence);

    /// @notice Deploys the market at VAGUS_MARKET of the file VAGUS_WORLD, and writes VAGUS_STRATEGY_OUT.
    function run() external returns (MorphoBlueStrategy strategy) {
        string memory path = _environment("VAGUS_STRATEGY_OUT", "the path of the file to write");
        strategy = deployMarket(
            _environment("VAGUS_WORLD", "the path of a JSON file that describes the market"),
            vm.envOr("VAGUS_MARKET", string(".morpho[0]")),
            _environment("VAGUS_STRATEGY_NAME", "the name of the strategy's shares"),
            _environment("VAGUS_STRATEGY_SYMBOL", "the symbol of the strategy's shares")
        );
        vm.writeFile(path, _render(strategy));
    }

    /// @notice Deploys a strategy for the market that `path` describes at `at`.
    function deployMarket(string memory path, string memory at, string memory name, string memory symbol)
        public
        returns (MorphoBlueStrategy strategy)
    {
        JsonFile memory file = StrictJson.open(path);
        address morpho = file.account(string.concat(at, ".morpho"));
        bytes32 marketId = file.word(string.concat(at, ".marketId"));
        MarketParams memory params = _params(file, string.concat(at, ".marketParams"));
        if (keccak256(abi.encode(params)) != marketId) {
            file.refuse(string.concat(at, ".marketId"), "is not the hash of marketParams");
        }
        if (morpho.code.length == 0) file.refuse(string.concat(at, ".morpho"), "is no contract on this chain");
        vm.startBroadcast();
        strategy = new MorphoBlueStrategy(morpho, params, name, symbol);
        vm.stopBroadcast();
    }

    function _params(JsonFile memory file, string memory at) private view returns (MarketParams memory params) {
        file.requireKeys(at, PARAMS_KEYS);
        params.loanToken = file.account(string.concat(at, ".loanToken"));
        params.collateralToken = file.account(string.concat(at, ".collateralToken"));
        params.oracle = file.account(string.concat(at, ".oracle"));
        params.irm = file.account(string.concat(at, ".irm"));
        params.lltv = file.number(string.concat(at, ".lltv"), 1, 1e18);
    }

    function _environment(string memory name, string memory expected) private view returns (string memory) {
        if (!vm.envExists(name)) revert Refusal(string.concat(name, " is not set; expected ", expected, "."));
        return vm.envString(name);
    }

    function _render(MorphoBlueStrategy strategy) private view returns (string memory) {
        return string.concat(
            '{\n  "schemaVersion": 1,\n  "chainId": ',
            vm.toString(block.chainid),
            ',\n  "strategy": "',
            vm.toString(address(strategy)),
            '",\n  "asset": "',
            vm.toString(strategy.asset()),
            '",\n  "morpho": "',
            vm.toString(strategy.morpho()),
            '",\n  "marketId": "',
            vm.toString(strategy.marketId()),
            '"\n}\n'
        );
    }
}
