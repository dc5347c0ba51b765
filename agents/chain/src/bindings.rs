//! Bindings of the contracts, generated from their ABI alone: `cargo build` needs no Solidity build.

#![allow(missing_docs, unreachable_pub, missing_debug_implementations, clippy::all)]

/// The guard.
pub(crate) mod guard {
    alloy::sol!(
        #[sol(all_derives)]
        IPolicyGuard,
        "abi/IPolicyGuard.json"
    );
}

/// The vault.
pub(crate) mod vault {
    alloy::sol!(ITreasuryVault, "abi/ITreasuryVault.json");
}

/// The Governor.
pub(crate) mod governor {
    alloy::sol!(TreasuryGovernor, "abi/TreasuryGovernor.json");
}

/// Its timelock.
pub(crate) mod timelock {
    alloy::sol!(TimelockController, "abi/TimelockController.json");
}

/// A strategy.
pub(crate) mod strategy {
    alloy::sol!(IERC4626, "abi/IERC4626.json");
}

/// The lens.
pub(crate) mod lens {
    alloy::sol!(
        #[sol(all_derives)]
        ITreasuryLens,
        "abi/ITreasuryLens.json"
    );
}

/// Encodings inside the lens's `bytes curve`, which no ABI file names.
pub(crate) mod curve {
    alloy::sol! {
        struct AaveV3Curve {
            uint256 configuration;
            uint256 optimalUsageRay;
            uint256 baseRateRay;
            uint256 slope1Ray;
            uint256 slope2Ray;
            uint256 variableBorrowIndexRay;
            uint256 variableBorrowRateRay;
            uint256 scaledDebt;
            uint256 virtualBalance;
            uint256 deficit;
            uint256 lastUpdateAt;
            uint256 totalATokenSupply;
            uint256 accruedToTreasury;
            uint256 liquidityIndexRay;
        }

        struct MorphoBlueCurve {
            uint256 totalSupplyAssets;
            uint256 totalSupplyShares;
            uint256 totalBorrowAssets;
            uint256 totalBorrowShares;
            uint256 lastUpdateAt;
            uint256 feeWad;
            int256 rateAtTargetWad;
        }

        struct MorphoBlueHolding {
            bytes32 marketId;
            uint256 cap;
            uint256 supplyShares;
            MorphoBlueCurve curve;
        }

        struct MorphoBlueMarketsCurve {
            MorphoBlueHolding[] markets;
        }
    }
}
