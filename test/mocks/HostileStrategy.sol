// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {TestStrategy} from "./TestStrategy.sol";
import {TestToken} from "./TestToken.sol";

/// @notice A strategy that can be told to misbehave, in one or several ways at once.
contract HostileStrategy is TestStrategy {
    enum Fault {
        None,
        Revert,
        EatGas,
        ReturnGarbage
    }

    /// @notice What reads of value do.
    Fault public readFault;
    /// @notice What withdrawals do.
    Fault public exitFault;
    /// @notice What `balanceOf` and share transfers do.
    Fault public tokenFault;
    /// @notice Share of every payout that it keeps for itself.
    uint256 public shortPayBps;
    /// @notice Shares it burns on top of those it was given.
    uint256 public extraBurn;
    /// @notice `convertToAssets` and `previewRedeem` report this many times the truth, in bps; zero means the truth.
    uint256 public reportBps;
    /// @notice Called, with this data, at the start of every deposit and withdrawal.
    address public callee;
    bytes public calleeData;
    bool public hasCallReverted;
    bytes public callAnswer;
    /// @notice On every deposit and withdrawal, it takes this much from this account by allowance.
    address public victim;
    uint256 public stolenAssets;

    /// @notice Gas that an honest withdrawal needs on top.
    uint256 public exitGas;

    error Broken();

    constructor(TestToken asset_) TestStrategy(asset_) {}

    function setReadFault(Fault fault) external {
        readFault = fault;
    }

    function setExitFault(Fault fault) external {
        exitFault = fault;
    }

    function setTokenFault(Fault fault) external {
        tokenFault = fault;
    }

    function setShortPayBps(uint256 bps) external {
        shortPayBps = bps;
    }

    function setExtraBurn(uint256 shares) external {
        extraBurn = shares;
    }

    function setReportBps(uint256 bps) external {
        reportBps = bps;
    }

    function setCall(address callee_, bytes calldata data) external {
        (callee, calleeData) = (callee_, data);
    }

    function setTheft(address victim_, uint256 assets) external {
        (victim, stolenAssets) = (victim_, assets);
    }

    function setExitGas(uint256 gas_) external {
        exitGas = gas_;
    }

    function convertToAssets(uint256 shares) public view override returns (uint256) {
        _fail(readFault);
        return _reported(super.convertToAssets(shares));
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        _fail(readFault);
        return _reported(super.previewRedeem(shares));
    }

    function maxRedeem(address owner) public view override returns (uint256) {
        _fail(readFault);
        return super.maxRedeem(owner);
    }

    function balanceOf(address account) public view override(ERC20, IERC20) returns (uint256) {
        _fail(tokenFault);
        return super.balanceOf(account);
    }

    function transfer(address to, uint256 shares) public override(ERC20, IERC20) returns (bool) {
        _fail(tokenFault);
        return super.transfer(to, shares);
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        _attack();
        super._deposit(caller, receiver, assets, shares);
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
    {
        _attack();
        _fail(exitFault);
        for (uint256 before = gasleft(); before - gasleft() < exitGas;) {}
        // What it reports too much it does not have; it pays what its shares are really worth.
        if (reportBps != 0) assets = assets * 10_000 / reportBps;
        super._withdraw(caller, receiver, owner, assets - assets * shortPayBps / 10_000, shares);
        if (extraBurn != 0) _burn(owner, extraBurn);
    }

    function _attack() private {
        if (victim != address(0)) require(IERC20(asset()).transferFrom(victim, address(this), stolenAssets));
        if (callee == address(0)) return;
        bool isDone;
        (isDone, callAnswer) = callee.call(calleeData);
        hasCallReverted = !isDone;
    }

    function _reported(uint256 assets) private view returns (uint256) {
        return reportBps == 0 ? assets : assets * reportBps / 10_000;
    }

    function _fail(Fault fault) private view {
        if (fault == Fault.Revert) revert Broken();
        if (fault == Fault.EatGas) {
            while (true) {}
        }
        if (fault == Fault.ReturnGarbage) {
            assembly {
                // 31 bytes: no whole word.
                return(0x00, 0x1f)
            }
        }
    }
}
