// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.19;

// Brings Morpho into the build under its own compiler; scripts deploy it from the artifact.
import {Morpho} from "morpho-blue/Morpho.sol";
