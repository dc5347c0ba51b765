// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ITransferHook} from "../mocks/UnusualToken.sol";

/// @notice Called in the middle of something, it calls everything it was told to and keeps what came of it.
contract Prober is ITransferHook {
    struct Probe {
        address target;
        bytes data;
        bool isDone;
        bytes answer;
    }

    Probe[] private _probes;
    /// @notice How often it was called in the middle of something; only the first time counts.
    uint256 public calls;

    function add(address target, bytes memory data) external {
        Probe storage probe = _probes.push();
        (probe.target, probe.data) = (target, data);
    }

    function clear() external {
        delete _probes;
        calls = 0;
    }

    function probes() external view returns (Probe[] memory) {
        return _probes;
    }

    /// @notice Does as its owner says, so that it can hold shares and allowances.
    function act(address target, bytes memory data) external {
        (bool isDone,) = target.call(data);
        require(isDone);
    }

    function onTransfer(address, address, uint256) external {
        callBack();
    }

    function callBack() public {
        if (calls++ != 0) return;
        for (uint256 i = 0; i < _probes.length; ++i) {
            (_probes[i].isDone, _probes[i].answer) = _probes[i].target.call(_probes[i].data);
        }
    }
}
