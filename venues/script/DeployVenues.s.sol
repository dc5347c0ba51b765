// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPool} from "aave-v3/contracts/interfaces/IPool.sol";
import {Script} from "forge-std/Script.sol";
import {IMorpho} from "morpho-blue/interfaces/IMorpho.sol";

import {AaveMarkets, AaveShared} from "../src/AaveMarkets.sol";
import {AdaptiveCurveIrm} from "../src/AdaptiveCurveIrm.sol";
import {MorphoMarket, MorphoMarkets} from "../src/MorphoMarkets.sol";
import {PriceFeed} from "../src/PriceFeed.sol";
import {AaveConfig, AaveMarket, MorphoConfig, Tokens} from "../src/World.sol";
import {Grant, Position, TokenConfig, WorldFile} from "../src/WorldFile.sol";
import {WorldToken} from "../src/WorldToken.sol";

/// @title Builds a world of lending venues on a local chain
/// @notice Reads the world file named by VENUES_WORLD, deploys its tokens and markets, lets suppliers and borrowers
/// take their first positions, and writes every address to the file named by VENUES_OUT. See venues/README.md.
contract DeployVenues is Script {
    /// @dev A borrower's collateral is worth this many times the market's first supply, so that a far larger loan is
    /// possible later.
    uint256 private constant COLLATERAL_MULTIPLE = 4;

    string private _json;
    Tokens private _tokens;
    string private _aaveOut = "[";
    string private _morphoOut = "[";

    /// @notice The tokens' prices must be positive.
    error BadPrice(string symbol, int256 price);

    function run() external {
        _json = vm.readFile(vm.envString("VENUES_WORLD"));
        WorldFile.checkSchema(_json);
        _deployTokens();
        _deployAave();
        _deployMorpho();
        _giveGrants();
        _writeOut();
    }

    function _deployTokens() private {
        TokenConfig memory asset = WorldFile.token(_json, ".asset");
        TokenConfig memory collateral = WorldFile.token(_json, ".collateral");
        if (asset.price <= 0) revert BadPrice(asset.symbol, asset.price);
        if (collateral.price <= 0) revert BadPrice(collateral.symbol, collateral.price);
        _startAs(WorldFile.deployer(_json));
        _tokens.asset = new WorldToken(asset.name, asset.symbol, asset.decimals);
        _tokens.collateral = new WorldToken(collateral.name, collateral.symbol, collateral.decimals);
        _tokens.assetFeed = new PriceFeed(asset.price);
        _tokens.collateralFeed = new PriceFeed(collateral.price);
        vm.stopBroadcast();
    }

    function _deployAave() private {
        uint256 markets = WorldFile.count(_json, ".aave");
        if (markets == 0) return;
        address admin = WorldFile.account(_json, WorldFile.deployer(_json));
        _startAs(WorldFile.deployer(_json));
        AaveShared memory shared = AaveMarkets.deployShared(admin);
        vm.stopBroadcast();
        for (uint256 i; i < markets; ++i) {
            string memory at = WorldFile.entry(".aave", i);
            AaveConfig memory config = WorldFile.aave(_json, at);
            _startAs(WorldFile.deployer(_json));
            AaveMarket memory market = AaveMarkets.deploy(shared, _tokens, config, admin);
            vm.stopBroadcast();
            _fillAave(IPool(market.pool), WorldFile.position(_json, at));
            _aaveOut = string.concat(_aaveOut, i == 0 ? "" : ",", _aaveJson(config, market, at));
        }
    }

    function _fillAave(IPool pool, Position memory position) private {
        (uint256 supplied, uint256 borrowed, uint256 collateral) = _amounts(position);
        (WorldToken asset, WorldToken weth) = (_tokens.asset, _tokens.collateral);
        address supplier = WorldFile.account(_json, position.supplier);
        address borrower = WorldFile.account(_json, position.borrower);
        _mint(asset, supplier, supplied);
        _mint(weth, borrower, collateral);

        _startAs(position.supplier);
        asset.approve(address(pool), type(uint256).max);
        if (supplied != 0) pool.supply(address(asset), supplied, supplier, 0);
        vm.stopBroadcast();

        _startAs(position.borrower);
        asset.approve(address(pool), type(uint256).max);
        weth.approve(address(pool), type(uint256).max);
        if (collateral != 0) pool.supply(address(weth), collateral, borrower, 0);
        if (borrowed != 0) pool.borrow(address(asset), borrowed, 2, 0, borrower);
        vm.stopBroadcast();
    }

    function _deployMorpho() private {
        uint256 markets = WorldFile.count(_json, ".morpho");
        if (markets == 0) return;
        address admin = WorldFile.account(_json, WorldFile.deployer(_json));
        _startAs(WorldFile.deployer(_json));
        IMorpho morpho = IMorpho(vm.deployCode("Morpho.sol:Morpho", abi.encode(admin)));
        AdaptiveCurveIrm irm = new AdaptiveCurveIrm(address(morpho));
        morpho.enableIrm(address(irm));
        morpho.setFeeRecipient(admin);
        vm.stopBroadcast();
        for (uint256 i; i < markets; ++i) {
            string memory at = WorldFile.entry(".morpho", i);
            MorphoConfig memory config = WorldFile.morpho(_json, at);
            _startAs(WorldFile.deployer(_json));
            MorphoMarket memory market = MorphoMarkets.deploy(morpho, irm, _tokens, config);
            vm.stopBroadcast();
            _fillMorpho(morpho, market, WorldFile.position(_json, at));
            _morphoOut = string.concat(_morphoOut, i == 0 ? "" : ",", _morphoJson(config, market, at));
        }
    }

    function _fillMorpho(IMorpho morpho, MorphoMarket memory market, Position memory position) private {
        (uint256 supplied, uint256 borrowed, uint256 collateral) = _amounts(position);
        address supplier = WorldFile.account(_json, position.supplier);
        address borrower = WorldFile.account(_json, position.borrower);
        _mint(_tokens.asset, supplier, supplied);
        _mint(_tokens.collateral, borrower, collateral);

        _startAs(position.supplier);
        _tokens.asset.approve(address(morpho), type(uint256).max);
        if (supplied != 0) morpho.supply(market.params, supplied, 0, supplier, "");
        vm.stopBroadcast();

        _startAs(position.borrower);
        _tokens.asset.approve(address(morpho), type(uint256).max);
        _tokens.collateral.approve(address(morpho), type(uint256).max);
        if (collateral != 0) morpho.supplyCollateral(market.params, collateral, borrower, "");
        if (borrowed != 0) morpho.borrow(market.params, borrowed, 0, borrower, borrower);
        vm.stopBroadcast();
    }

    function _giveGrants() private {
        uint256 grants = WorldFile.count(_json, ".grants");
        for (uint256 i; i < grants; ++i) {
            Grant memory grant = WorldFile.grant(_json, WorldFile.entry(".grants", i));
            address account = WorldFile.account(_json, grant.account);
            _mint(_tokens.asset, account, grant.assets * 10 ** _tokens.asset.decimals());
            _mint(_tokens.collateral, account, grant.collateral * 10 ** _tokens.collateral.decimals());
        }
    }

    /// @dev First supply, first loan and collateral in the tokens' smallest units.
    function _amounts(Position memory position)
        private
        view
        returns (uint256 supplied, uint256 borrowed, uint256 collateral)
    {
        supplied = position.supply * 10 ** _tokens.asset.decimals();
        borrowed = supplied * position.utilizationBps / 10_000;
        // forge-lint: disable-start(unsafe-typecast) Prices are positive.
        collateral = position.supply * COLLATERAL_MULTIPLE * uint256(_tokens.assetFeed.latestAnswer()) * 10
            ** _tokens.collateral.decimals() / uint256(_tokens.collateralFeed.latestAnswer());
        // forge-lint: disable-end(unsafe-typecast)
    }

    function _mint(WorldToken token, address account, uint256 amount) private {
        if (amount == 0) return;
        _startAs(WorldFile.deployer(_json));
        token.mint(account, amount);
        vm.stopBroadcast();
    }

    function _startAs(uint32 account) private {
        vm.startBroadcast(WorldFile.key(_json, account));
    }

    function _aaveJson(AaveConfig memory config, AaveMarket memory market, string memory at)
        private
        returns (string memory)
    {
        vm.serializeString(at, "name", config.name);
        vm.serializeAddress(at, "provider", market.provider);
        vm.serializeAddress(at, "pool", market.pool);
        vm.serializeAddress(at, "configurator", market.configurator);
        vm.serializeAddress(at, "rateStrategy", market.rateStrategy);
        vm.serializeAddress(at, "oracle", market.oracle);
        vm.serializeAddress(at, "aToken", market.aToken);
        vm.serializeAddress(at, "debtToken", market.debtToken);
        vm.serializeAddress(at, "stataFactory", market.stataFactory);
        vm.serializeAddress(at, "stataToken", market.stataToken);
        return _positionJson(at);
    }

    function _morphoJson(MorphoConfig memory config, MorphoMarket memory market, string memory at)
        private
        returns (string memory)
    {
        string memory params = string.concat(at, "params");
        vm.serializeAddress(params, "loanToken", market.params.loanToken);
        vm.serializeAddress(params, "collateralToken", market.params.collateralToken);
        vm.serializeAddress(params, "oracle", market.params.oracle);
        vm.serializeAddress(params, "irm", market.params.irm);
        string memory paramsJson = vm.serializeString(params, "lltv", vm.toString(market.params.lltv));
        vm.serializeString(at, "name", config.name);
        vm.serializeAddress(at, "morpho", market.morpho);
        vm.serializeBytes32(at, "marketId", market.marketId);
        vm.serializeString(at, "marketParams", paramsJson);
        return _positionJson(at);
    }

    /// @dev Adds who stands behind a market and with how much.
    function _positionJson(string memory at) private returns (string memory) {
        Position memory position = WorldFile.position(_json, at);
        (uint256 supplied, uint256 borrowed, uint256 collateral) = _amounts(position);
        vm.serializeUint(at, "supplierIndex", position.supplier);
        vm.serializeAddress(at, "supplier", WorldFile.account(_json, position.supplier));
        vm.serializeUint(at, "borrowerIndex", position.borrower);
        vm.serializeAddress(at, "borrower", WorldFile.account(_json, position.borrower));
        vm.serializeString(at, "supplied", vm.toString(supplied));
        vm.serializeString(at, "borrowed", vm.toString(borrowed));
        return vm.serializeString(at, "collateral", vm.toString(collateral));
    }

    function _tokenJson(WorldToken token, PriceFeed feed, string memory at) private returns (string memory) {
        vm.serializeAddress(at, "address", address(token));
        vm.serializeAddress(at, "priceFeed", address(feed));
        vm.serializeString(at, "symbol", token.symbol());
        return vm.serializeUint(at, "decimals", token.decimals());
    }

    function _writeOut() private {
        vm.serializeUint("out", "schema", WorldFile.SCHEMA);
        vm.serializeUint("out", "chainId", block.chainid);
        vm.serializeUint("out", "seed", WorldFile.seed(_json));
        vm.serializeUint("out", "deployerIndex", WorldFile.deployer(_json));
        vm.serializeAddress("out", "deployer", WorldFile.account(_json, WorldFile.deployer(_json)));
        vm.serializeString("out", "asset", _tokenJson(_tokens.asset, _tokens.assetFeed, "asset"));
        string memory json = vm.serializeString(
            "out", "collateral", _tokenJson(_tokens.collateral, _tokens.collateralFeed, "collateral")
        );
        // The serialiser knows no lists of objects: they are set into the finished object.
        json = string.concat(_withoutLast(json), ",\"aave\":", _aaveOut, "],\"morpho\":", _morphoOut, "]}");
        vm.writeJson(json, vm.envString("VENUES_OUT"));
    }

    /// @dev `json` without its closing brace.
    function _withoutLast(string memory json) private pure returns (string memory) {
        bytes memory text = bytes(json);
        assembly ("memory-safe") {
            // Shortens the copy in place; a serialised object has at least two characters.
            mstore(text, sub(mload(text), 1))
        }
        return string(text);
    }
}
