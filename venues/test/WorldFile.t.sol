// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {AaveConfig, MorphoConfig} from "../src/World.sol";
import {Grant, Position, TokenConfig, WorldFile} from "../src/WorldFile.sol";

contract WorldFileTest is Test {
    string private constant MARKET =
        '{"seed": 7, "m": [{"supplier": 1, "borrower": 2, "supply": [10, 1000], "utilizationBps": [0, 10000]}]}';

    function test_Demo_ReadsAsWritten() public view {
        string memory json = vm.readFile("venues/worlds/demo.json");
        WorldFile.checkSchema(json);
        assertEq(WorldFile.seed(json), 1);
        assertEq(WorldFile.deployer(json), 9);
        assertEq(WorldFile.account(json, 9), 0xa0Ee7A142d267C1f36714E4a8F75612F20a79720);
        TokenConfig memory asset = WorldFile.token(json, ".asset");
        assertEq(asset.decimals, 6);
        assertEq(asset.price, 1e8);
        assertEq(WorldFile.count(json, ".aave"), 2);
        assertEq(WorldFile.count(json, ".morpho"), 1);
        assertEq(WorldFile.count(json, ".nothing"), 0);

        AaveConfig memory prime = WorldFile.aave(json, WorldFile.entry(".aave", 1));
        assertEq(prime.name, "Prime");
        assertEq(prime.optimalUsageBps, 8000);
        assertEq(prime.baseRateBps, 100);
        assertEq(prime.slope1Bps, 700);
        assertEq(prime.slope2Bps, 9000);
        assertEq(prime.reserveFactorBps, 2000);
        assertEq(prime.supplyCap, 40_000_000);
        assertEq(prime.borrowCap, 35_000_000);
        Position memory first = WorldFile.position(json, WorldFile.entry(".aave", 1));
        assertEq(first.supply, 12_000_000);
        assertEq(first.utilizationBps, 7600);
        assertEq(first.supplier, 8);
        assertEq(first.borrower, 7);

        MorphoConfig memory morpho = WorldFile.morpho(json, WorldFile.entry(".morpho", 0));
        assertEq(morpho.feeWad, 0.05e18);
        assertEq(morpho.lltvWad, 0.86e18);
        Grant memory grant = WorldFile.grant(json, WorldFile.entry(".grants", 1));
        assertEq(grant.account, 7);
        assertEq(grant.assets, 5_000_000);
    }

    function test_Position_IsDrawnFromItsRangesByTheSeed() public pure {
        Position memory drawn = WorldFile.position(MARKET, ".m[0]");
        assertGe(drawn.supply, 10);
        assertLe(drawn.supply, 1000);
        assertLe(drawn.utilizationBps, 10_000);
        assertEq(WorldFile.position(MARKET, ".m[0]").supply, drawn.supply);
        string memory other = vm.replace(MARKET, "\"seed\": 7", "\"seed\": 8");
        assertNotEq(WorldFile.position(other, ".m[0]").supply, drawn.supply);
    }

    function test_RevertWhen_SchemaIsAnother() public {
        vm.expectRevert(abi.encodeWithSelector(WorldFile.UnknownSchema.selector, 2, 1));
        this.checkSchema('{"schema": 2}');
    }

    function test_RevertWhen_RangeIsUpsideDown() public {
        vm.expectRevert(abi.encodeWithSelector(WorldFile.BadRange.selector, ".m[0].supply"));
        this.position(vm.replace(MARKET, "[10, 1000]", "[11, 10]"));
        assertEq(this.position(vm.replace(MARKET, "[10, 1000]", "[10, 10]")).supply, 10);
    }

    function test_RevertWhen_RangeHasNotTwoValues() public {
        vm.expectRevert(abi.encodeWithSelector(WorldFile.BadRange.selector, ".m[0].supply"));
        this.position(vm.replace(MARKET, "[10, 1000]", "[10]"));
    }

    function test_RevertWhen_MoreThanAllIsBorrowed() public {
        vm.expectRevert(abi.encodeWithSelector(WorldFile.BadUtilization.selector, ".m[0].utilizationBps", 10_001));
        this.position(vm.replace(MARKET, "[0, 10000]", "[10001, 10001]"));
        assertEq(this.position(vm.replace(MARKET, "[0, 10000]", "[10000, 10000]")).utilizationBps, 10_000);
    }

    function test_RevertWhen_NumberIsTooLarge() public {
        vm.expectRevert(abi.encodeWithSelector(WorldFile.TooLarge.selector, ".m[0].supplier", 2 ** 32));
        this.position(vm.replace(MARKET, "\"supplier\": 1", "\"supplier\": 4294967296"));
    }

    function checkSchema(string calldata json) external pure {
        WorldFile.checkSchema(json);
    }

    function position(string calldata json) external pure returns (Position memory) {
        return WorldFile.position(json, ".m[0]");
    }
}
