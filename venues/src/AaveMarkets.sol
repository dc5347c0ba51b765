// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {StataTokenFactory} from "aave-v3/contracts/extensions/stata-token/StataTokenFactory.sol";
import {StataTokenV2} from "aave-v3/contracts/extensions/stata-token/StataTokenV2.sol";
import {ATokenInstance} from "aave-v3/contracts/instances/ATokenInstance.sol";
import {PoolConfiguratorInstance} from "aave-v3/contracts/instances/PoolConfiguratorInstance.sol";
import {PoolInstance} from "aave-v3/contracts/instances/PoolInstance.sol";
import {VariableDebtTokenInstance} from "aave-v3/contracts/instances/VariableDebtTokenInstance.sol";
import {IDefaultInterestRateStrategyV2} from "aave-v3/contracts/interfaces/IDefaultInterestRateStrategyV2.sol";
import {IPool} from "aave-v3/contracts/interfaces/IPool.sol";
import {IPoolAddressesProvider} from "aave-v3/contracts/interfaces/IPoolAddressesProvider.sol";
import {IPoolConfigurator} from "aave-v3/contracts/interfaces/IPoolConfigurator.sol";
import {AaveOracle} from "aave-v3/contracts/misc/AaveOracle.sol";
import {DefaultReserveInterestRateStrategyV2} from "aave-v3/contracts/misc/DefaultReserveInterestRateStrategyV2.sol";
import {ACLManager} from "aave-v3/contracts/protocol/configuration/ACLManager.sol";
import {PoolAddressesProvider} from "aave-v3/contracts/protocol/configuration/PoolAddressesProvider.sol";
import {ConfiguratorInputTypes} from "aave-v3/contracts/protocol/libraries/types/ConfiguratorInputTypes.sol";
import {RewardsController} from "aave-v3/contracts/rewards/RewardsController.sol";
import {TransparentProxyFactory} from "solidity-utils/contracts/transparent-proxy/TransparentProxyFactory.sol";
import {
    ITransparentProxyFactory
} from "solidity-utils/contracts/transparent-proxy/interfaces/ITransparentProxyFactory.sol";

import {AaveConfig, AaveMarket, Tokens} from "./World.sol";

/// @notice What all Aave markets of a world share.
struct AaveShared {
    address configuratorImpl;
    RewardsController rewards;
    ITransparentProxyFactory proxyFactory;
}

/// @title Aave V3.6 markets, as small as they can be
/// @notice Deploys what lending, borrowing, liquidating and the static token need, from Aave's own contracts. Left out:
/// registry, data providers, treasury contract, config engine, periphery. The caller becomes every kind of admin.
library AaveMarkets {
    /// @dev Collateral terms; the asset itself is no collateral.
    uint256 internal constant LTV_BPS = 8000;
    uint256 internal constant LIQUIDATION_THRESHOLD_BPS = 8250;
    uint256 internal constant LIQUIDATION_BONUS_BPS = 10_500;

    /// @notice Deploys what the markets share.
    function deployShared(address admin) internal returns (AaveShared memory shared) {
        shared.configuratorImpl = address(new PoolConfiguratorInstance());
        // Static tokens ask it for their reward list when they are made; it never gets one.
        shared.rewards = new RewardsController(admin);
        shared.proxyFactory = ITransparentProxyFactory(address(new TransparentProxyFactory()));
    }

    /// @notice Deploys a market that lends the asset against the collateral, with the asset's static token.
    /// @param admin The calling account.
    function deploy(AaveShared memory shared, Tokens memory tokens, AaveConfig memory config, address admin)
        internal
        returns (AaveMarket memory market)
    {
        PoolAddressesProvider provider = new PoolAddressesProvider(config.name, admin);
        market.provider = address(provider);
        market.rateStrategy = address(new DefaultReserveInterestRateStrategyV2(market.provider));
        market.oracle = _deployOracle(provider, tokens);
        provider.setPriceOracle(market.oracle);

        provider.setACLAdmin(admin);
        ACLManager acl = new ACLManager(IPoolAddressesProvider(market.provider));
        provider.setACLManager(address(acl));
        acl.addPoolAdmin(admin);

        provider.setPoolImpl(
            address(
                new PoolInstance(
                    IPoolAddressesProvider(market.provider), DefaultReserveInterestRateStrategyV2(market.rateStrategy)
                )
            )
        );
        market.pool = provider.getPool();
        provider.setPoolConfiguratorImpl(shared.configuratorImpl);
        market.configurator = provider.getPoolConfigurator();

        _initReserves(shared, tokens, config, market, admin);
        _configure(tokens, config, IPoolConfigurator(market.configurator));
        _deployStataToken(shared, tokens, market, admin);
        market.aToken = IPool(market.pool).getReserveAToken(address(tokens.asset));
        market.debtToken = IPool(market.pool).getReserveVariableDebtToken(address(tokens.asset));
    }

    function _deployOracle(PoolAddressesProvider provider, Tokens memory tokens) private returns (address) {
        address[] memory assets = new address[](2);
        address[] memory sources = new address[](2);
        (assets[0], assets[1]) = (address(tokens.asset), address(tokens.collateral));
        (sources[0], sources[1]) = (address(tokens.assetFeed), address(tokens.collateralFeed));
        return address(
            new AaveOracle(IPoolAddressesProvider(address(provider)), assets, sources, address(0), address(0), 1e8)
        );
    }

    function _initReserves(
        AaveShared memory shared,
        Tokens memory tokens,
        AaveConfig memory config,
        AaveMarket memory market,
        address admin
    ) private {
        address aTokenImpl = address(new ATokenInstance(IPool(market.pool), address(shared.rewards), admin));
        address debtTokenImpl = address(new VariableDebtTokenInstance(IPool(market.pool), address(shared.rewards)));
        ConfiguratorInputTypes.InitReserveInput[] memory inputs = new ConfiguratorInputTypes.InitReserveInput[](2);
        inputs[0] = _input(config, aTokenImpl, debtTokenImpl, tokens.asset.symbol(), address(tokens.asset));
        // Nobody may borrow the collateral: its curve is never used, but Aave wants one.
        inputs[1] = _input(config, aTokenImpl, debtTokenImpl, tokens.collateral.symbol(), address(tokens.collateral));
        IPoolConfigurator(market.configurator).initReserves(inputs);
    }

    function _input(
        AaveConfig memory config,
        address aTokenImpl,
        address debtTokenImpl,
        string memory symbol,
        address token
    ) private pure returns (ConfiguratorInputTypes.InitReserveInput memory input) {
        input.aTokenImpl = aTokenImpl;
        input.variableDebtTokenImpl = debtTokenImpl;
        input.underlyingAsset = token;
        input.aTokenName = string.concat("Aave ", config.name, " ", symbol);
        input.aTokenSymbol = string.concat("a", config.name, symbol);
        input.variableDebtTokenName = string.concat("Aave ", config.name, " Variable Debt ", symbol);
        input.variableDebtTokenSymbol = string.concat("variableDebt", config.name, symbol);
        input.interestRateData = abi.encode(
            IDefaultInterestRateStrategyV2.InterestRateData({
                optimalUsageRatio: config.optimalUsageBps,
                baseVariableBorrowRate: config.baseRateBps,
                variableRateSlope1: config.slope1Bps,
                variableRateSlope2: config.slope2Bps
            })
        );
    }

    function _configure(Tokens memory tokens, AaveConfig memory config, IPoolConfigurator configurator) private {
        address asset = address(tokens.asset);
        configurator.setReserveBorrowing(asset, true);
        configurator.setReserveFactor(asset, config.reserveFactorBps);
        if (config.supplyCap != 0) configurator.setSupplyCap(asset, config.supplyCap);
        if (config.borrowCap != 0) configurator.setBorrowCap(asset, config.borrowCap);
        configurator.configureReserveAsCollateral(
            address(tokens.collateral), LTV_BPS, LIQUIDATION_THRESHOLD_BPS, LIQUIDATION_BONUS_BPS
        );
    }

    function _deployStataToken(AaveShared memory shared, Tokens memory tokens, AaveMarket memory market, address admin)
        private
    {
        address impl = address(new StataTokenV2(IPool(market.pool), shared.rewards));
        StataTokenFactory factory = new StataTokenFactory(IPool(market.pool), admin, shared.proxyFactory, impl);
        address[] memory underlyings = new address[](1);
        underlyings[0] = address(tokens.asset);
        market.stataFactory = address(factory);
        factory.createStataTokens(underlyings);
        market.stataToken = factory.getStataToken(address(tokens.asset));
    }
}
