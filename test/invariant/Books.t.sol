// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Books} from "./Books.sol";

/// @notice The sums over time follow from the buckets, which are looked at first: in a campaign nothing can break them
/// alone. So it is shown here that they can fail, one unit past what they allow.
contract BooksTest is Books {
    uint256 private constant BASE = 1e12;
    uint256 private constant CAPACITY = BASE * HOSTILE_LOSS_BPS / BPS;
    uint256 private constant TURNOVER = BASE * HOSTILE_TURNOVER_BPS / BPS;

    function setUp() public override {
        super.setUp();
        adopt(policy());
        startedAt = block.timestamp;
        expectProperty("property_AStolenKeyLosesAtMostItsBudget");
        expectProperty("property_PushedPricesCostAtMostTwiceTheBand");
    }

    function test_Sums_HoldAtTheirLimit() public {
        _book(TURNOVER, CAPACITY);
        _sums();
        _pass(WINDOW / 2);
        _book(TURNOVER / 2, CAPACITY / 2);
        _sums();
        assertEq(times["property_AStolenKeyLosesAtMostItsBudget"], 2);
    }

    function test_RevertWhen_LossesPassTheirSum() public {
        _book(TURNOVER, CAPACITY);
        _pass(WINDOW / 2);
        // A unit of rounding is theirs.
        _book(1, CAPACITY / 2 + 2);
        _requireFails("loss over time");
    }

    function test_RevertWhen_TurnoverPassesItsSum() public {
        _book(TURNOVER, CAPACITY);
        _pass(WINDOW / 2);
        _book(TURNOVER / 2 + 2, 1);
        _requireFails("turnover over time");
    }

    function test_RevertWhen_PushedLossesPassTheirSum() public {
        uint256 most = TURNOVER * 2 * BAND_BPS / BPS;
        _bookPushed(most + 1);
        _sums();
        assertEq(times["property_PushedPricesCostAtMostTwiceTheBand"], 1);
        _bookPushed(1);
        _requireFails("pushed loss over time");
    }

    function sums() external {
        _sums();
    }

    function _sums() private {
        property_AStolenKeyLosesAtMostItsBudget(HOSTILE, HOSTILE_TURNOVER_BPS, HOSTILE_LOSS_BPS);
        property_PushedPricesCostAtMostTwiceTheBand(HOSTILE, HOSTILE_TURNOVER_BPS);
    }

    function _requireFails(string memory words) private {
        try this.sums() {
            revert("held");
        } catch (bytes memory reason) {
            bytes memory told = new bytes(reason.length - 4);
            for (uint256 i = 0; i < told.length; ++i) {
                told[i] = reason[i + 4];
            }
            assertEq(vm.split(abi.decode(told, (string)), ":")[0], words);
        }
    }

    /// @dev Under a mandate twice as wide, so that no bucket runs over.
    function _book(uint256 turnover, uint256 loss) private {
        Deed memory deed;
        (deed.agent, deed.turnover, deed.loss, deed.base) = (HOSTILE, turnover, loss, BASE);
        (deed.agentTurnoverBps, deed.agentLossBps) = (2 * HOSTILE_TURNOVER_BPS, 2 * HOSTILE_LOSS_BPS);
        (deed.valueBefore, deed.valueAfter) = (BASE, BASE - loss);
        this.recordRebalance(deed);
    }

    function _bookPushed(uint256 lost) private {
        Deed memory deed;
        (deed.agent, deed.base, deed.isPushed) = (HOSTILE, BASE, true);
        (deed.agentTurnoverBps, deed.agentLossBps) = (HOSTILE_TURNOVER_BPS, HOSTILE_LOSS_BPS);
        (deed.valueBefore, deed.valueAfter) = (BASE, BASE - lost);
        this.recordRebalance(deed);
    }

    function _pass(uint256 seconds_) private {
        passTo(block.timestamp + seconds_);
    }

    function _tellVenuesTheTruth() internal pure override returns (bool) {
        return true;
    }
}
