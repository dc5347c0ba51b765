// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ITreasuryFactory, TreasuryParameters} from "../../../contracts/interfaces/ITreasuryFactory.sol";

/// Stores the hash of what it reads back from its factory while it is constructed.
contract DeploymentReader {
    bytes32 public seen;

    constructor() {
        (TreasuryParameters memory parameters, address vault, address guard) = ITreasuryFactory(msg.sender).deployment();
        seen = keccak256(abi.encode(parameters, vault, guard));
    }
}

/// The same under another code hash.
contract GuardReader is DeploymentReader {
    bool public constant IS_GUARD = true;
}

/// Calls its asset while it is constructed, as a vault does that asks for decimals.
contract AssetCaller {
    constructor() {
        (TreasuryParameters memory parameters,,) = ITreasuryFactory(msg.sender).deployment();
        ReenteringAsset(parameters.asset).decimals();
    }
}

/// Asset that starts a deployment of its own when it is asked for its decimals.
contract ReenteringAsset {
    ITreasuryFactory private immutable _FACTORY;
    TreasuryParameters private _hostile;
    bytes private _vaultCode;
    bytes private _guardCode;
    bool public wasAsked;
    bytes[2] public refusals;

    constructor(
        ITreasuryFactory factory,
        TreasuryParameters memory hostile,
        bytes memory vaultCode,
        bytes memory guardCode
    ) {
        _FACTORY = factory;
        _hostile = hostile;
        _vaultCode = vaultCode;
        _guardCode = guardCode;
    }

    function decimals() external returns (uint8) {
        wasAsked = true;
        try _FACTORY.deployVault(_hostile, _vaultCode) {}
        catch (bytes memory reason) {
            refusals[0] = reason;
        }
        try _FACTORY.deployGuard(_hostile, _guardCode) {}
        catch (bytes memory reason) {
            refusals[1] = reason;
        }
        return 6;
    }
}
