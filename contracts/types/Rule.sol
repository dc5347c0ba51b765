// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice The guard's rules. The number is the rule's stable id: `Rule.Turnover` is R7.
enum Rule {
    None,
    Mode,
    Mandate,
    Scope,
    Freshness,
    Cooldown,
    Shape,
    Turnover,
    Weight,
    Group,
    Floor,
    Idle,
    Loss,
    Price,
    Objective
}
