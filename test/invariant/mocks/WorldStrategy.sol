// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @notice Called whenever its strategy is at work for somebody.
interface IIntruder {
    function intrude(address caller) external;
}

/// @notice OpenZeppelin's ERC-4626 in a world with accomplices and accidents. Every switch is off at birth, and the
/// truth stays readable behind all of them.
contract WorldStrategy is ERC4626 {
    using SafeERC20 for IERC20;
    using Math for uint256;

    enum Fault {
        None,
        Revert,
        EatGas,
        Garbage,
        Huge
    }

    uint256 private constant WAD = 1e18;
    uint256 private constant BPS = 10_000;

    /// @notice Price in use over the true one, 1e18 = the truth. Trades are made at it.
    uint256 public pushWad = WAD;
    /// @notice Part of every deposit and payout that goes to `thief`, 1e18 = all.
    uint256 public skimWad;
    address public thief;
    /// @notice Most assets that can leave now.
    uint256 public liquidity = type(uint256).max;
    /// @notice Kept back from every payout, for those who stay.
    uint256 public exitFeeBps;
    /// @notice Values are reported at this many times the price in use; trades are not made at it. 10,000 = no lie.
    uint256 public reportBps = BPS;
    /// @notice Kept back from every payout without a word.
    uint256 public shortPayBps;
    /// @notice What reads of value, redemptions, share transfers and `balanceOf` do.
    Fault public readFault;
    Fault public exitFault;
    Fault public transferFault;
    Fault public balanceFault;
    IIntruder public intruder;

    error Broken();
    error TooLittleLeft(uint256 asked, uint256 left);

    constructor(IERC20 asset_) ERC20("Strategy", "STR") ERC4626(asset_) {}

    function push(uint256 pushWad_) external {
        pushWad = pushWad_;
    }

    function skim(uint256 skimWad_, address thief_) external {
        (skimWad, thief) = (skimWad_, thief_);
    }

    function setLiquidity(uint256 liquidity_) external {
        liquidity = liquidity_;
    }

    function setExitFeeBps(uint256 bps) external {
        exitFeeBps = bps;
    }

    function setReportBps(uint256 bps) external {
        reportBps = bps;
    }

    function setShortPayBps(uint256 bps) external {
        shortPayBps = bps;
    }

    function setFaults(Fault read, Fault exit, Fault transfer_, Fault balance) external {
        (readFault, exitFault, transferFault, balanceFault) = (read, exit, transfer_, balance);
    }

    function setIntruder(IIntruder intruder_) external {
        intruder = intruder_;
    }

    /// @notice All switches off but the exit fee.
    function heal() external {
        (pushWad, skimWad, liquidity, reportBps, shortPayBps) = (WAD, 0, type(uint256).max, BPS, 0);
        (readFault, exitFault, transferFault, balanceFault) = (Fault.None, Fault.None, Fault.None, Fault.None);
    }

    /// @notice What `owner`'s shares are worth at the true price.
    function trueAssetsOf(address owner) external view returns (uint256) {
        return trueBalanceOf(owner).mulDiv(IERC20(asset()).balanceOf(address(this)) + 1, totalSupply() + 1);
    }

    /// @notice The balance behind the fault.
    function trueBalanceOf(address owner) public view returns (uint256) {
        return super.balanceOf(owner);
    }

    function totalAssets() public view override returns (uint256) {
        return super.totalAssets().mulDiv(pushWad, WAD);
    }

    function convertToAssets(uint256 shares) public view override returns (uint256) {
        _fail(readFault);
        return super.convertToAssets(shares).mulDiv(reportBps, BPS);
    }

    function previewRedeem(uint256 shares) public view override returns (uint256) {
        _fail(readFault);
        return payoutOf(shares).mulDiv(reportBps, BPS);
    }

    function previewWithdraw(uint256 assets) public view override returns (uint256) {
        _fail(readFault);
        return super.previewWithdraw(assets.mulDiv(BPS, BPS - exitFeeBps, Math.Rounding.Ceil));
    }

    function maxWithdraw(address owner) public view override returns (uint256) {
        _fail(readFault);
        return Math.min(payoutOf(trueBalanceOf(owner)), _liquid());
    }

    function maxRedeem(address owner) public view override returns (uint256) {
        _fail(readFault);
        uint256 liquid = _liquid();
        uint256 shares = trueBalanceOf(owner);
        return liquid >= payoutOf(shares) ? shares : _convertToShares(liquid, Math.Rounding.Floor);
    }

    function balanceOf(address account) public view override(ERC20, IERC20) returns (uint256) {
        _fail(balanceFault);
        return super.balanceOf(account);
    }

    function transfer(address to, uint256 shares) public override(ERC20, IERC20) returns (bool) {
        _fail(transferFault);
        return super.transfer(to, shares);
    }

    function redeem(uint256 shares, address receiver, address owner) public override returns (uint256 assets) {
        assets = payoutOf(shares);
        _withdraw(_msgSender(), receiver, owner, assets, shares);
    }

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override {
        _work();
        // Fewer shares for what was skimmed, so that the price stays and the loss is the depositor's alone.
        super._deposit(caller, receiver, assets, shares - shares.mulDiv(skimWad, WAD));
        _skim(assets);
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
    {
        _work();
        _fail(exitFault);
        if (caller != owner) _spendAllowance(owner, caller, shares);
        _burn(owner, shares);
        if (assets > liquidity) revert TooLittleLeft(assets, liquidity);
        if (liquidity != type(uint256).max) liquidity -= assets;
        IERC20(asset()).safeTransfer(receiver, assets - _skim(assets) - assets.mulDiv(shortPayBps, BPS));
        emit Withdraw(caller, receiver, owner, assets, shares);
    }

    /// @notice What a redemption pays, whatever previews report.
    function payoutOf(uint256 shares) public view returns (uint256 assets) {
        assets = _convertToAssets(shares, Math.Rounding.Floor);
        assets -= assets.mulDiv(exitFeeBps, BPS, Math.Rounding.Ceil);
    }

    function _work() private {
        if (address(intruder) != address(0)) intruder.intrude(_msgSender());
    }

    function _skim(uint256 assets) private returns (uint256 skimmed) {
        skimmed = assets.mulDiv(skimWad, WAD);
        if (skimmed != 0) IERC20(asset()).safeTransfer(thief, skimmed);
    }

    function _liquid() private view returns (uint256) {
        return Math.min(liquidity, IERC20(asset()).balanceOf(address(this)));
    }

    function _fail(Fault fault) private pure {
        if (fault == Fault.None) return;
        if (fault == Fault.Revert) revert Broken();
        assembly {
            // All gas at once; 31 bytes, which is no whole word; more than any amount.
            if eq(fault, 2) { invalid() }
            if eq(fault, 3) { return(0x00, 0x1f) }
            mstore(0x00, not(0))
            return(0x00, 0x20)
        }
    }
}
