// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Test} from "forge-std/Test.sol";

import {Exponential} from "../../contracts/vault/Exponential.sol";

/// @notice The expected numbers are floors of the true values, computed with Python's `decimal` at 130 digits:
/// `int((Decimal(x) / 2**160).exp() * 2**160)`, `int((Decimal(a) / b).ln() * 2**160)`,
/// `int(-(1 - Decimal(bps) / 315360000000).ln() * seconds * 2**160)` and `int(amount * that_exponent.exp())`.
contract ExponentialTest is Test {
    uint256 private constant ONE = 1 << 160;

    function _exp(uint256 x, uint256 floor) private pure {
        _near(Exponential.expDown(x), floor, 64);
    }

    function _ln(uint256 dividend, uint256 divisor, uint256 floor) private pure {
        _near(Exponential.lnDown(dividend, divisor), floor, 600);
    }

    function _decay(uint256 bps, uint256 seconds_, uint256 floor) private pure {
        // Series cut after the fourth term: one part in 2^80 at the largest fee, and the last place of a rate, 2^−184
        // a
        // second, below.
        _near(Exponential.decayDown(bps, seconds_), floor, (floor >> 80) + (seconds_ >> 22) + 2);
    }

    function _grown(uint256 amount, uint256 bps, uint256 seconds_, uint256 floor) private pure {
        uint256 exponent = Exponential.decayDown(bps, seconds_);
        _near(Exponential.timesExpDown(amount, exponent, (1 << 144) - 1), floor, (floor >> 120) + 1);
    }

    function _near(uint256 result, uint256 floor, uint256 below) private pure {
        assertLe(result, floor, "never above the true value");
        assertGe(result + below, floor, "nor far below");
    }

    function test_ExpDown_AgainstReference() public pure {
        assertEq(Exponential.expDown(0), ONE);
        _exp(1, 1_461_501_637_330_902_918_203_684_832_716_283_019_655_932_542_977);
        _exp(1_208_925_819_614_629_174_706_176, 1_461_501_637_330_902_918_203_686_041_642_102_634_285_107_249_152);
        _exp(
            1_461_501_637_330_902_918_203_684_832_716_283_019_655,
            1_461_501_638_792_404_556_265_338_569_829_002_917_756_771_033_590
        );
        _exp(
            16_915_528_209_848_413_405_135_241_119_401_423_838_610_330,
            1_461_518_552_957_003_932_534_698_459_506_585_100_734_287_766_521
        );
        _exp(
            1_461_501_637_330_902_918_203_684_832_716_283_019_655_932_542,
            1_462_963_869_962_697_000_877_930_691_206_396_266_871_050_236_819
        );
        _exp(
            14_615_016_373_309_029_182_036_848_327_162_830_196_559_325_429,
            1_476_189_972_979_863_680_701_255_672_949_069_831_462_564_229_905
        );
        _exp(
            487_167_212_443_634_306_067_894_944_238_761_006_551_977_514_325,
            2_039_689_844_342_671_936_160_872_028_413_046_270_995_754_150_309
        );
        _exp(
            730_750_818_665_451_459_101_842_416_358_141_509_827_966_271_488,
            2_409_608_836_630_524_102_508_239_340_616_223_936_125_858_869_612
        );
        _exp(
            1_013_035_739_299_659_071_135_698_605_846_798_551_586_536_899_366,
            2_923_003_274_661_805_836_407_369_665_432_566_039_311_865_085_951
        );
    }

    function test_LnDown_AgainstReference() public pure {
        assertEq(Exponential.lnDown(5, 5), 0);
        assertEq(Exponential.lnDown(5, 6), 0);
        assertEq(Exponential.lnDown(0, 1), 0);
        _ln(2, 1, 1_013_035_739_299_659_071_135_698_605_846_798_551_586_536_899_366);
        _ln(3, 2, 592_587_919_380_633_804_828_723_612_596_108_501_961_335_177_139);
        _ln(4, 3, 420_447_819_919_025_266_306_974_993_250_690_049_625_201_722_227);
        _ln(1_000_000_000_000_000_001, 1_000_000_000_000_000_000, 1_461_501_637_330_902_917_472_934_014_050);
        _ln(10_001, 10_000, 146_142_856_712_034_315_131_238_210_274_756_696_263_466_121);
        _ln(11, 10, 139_295_983_838_323_539_265_800_923_362_552_124_124_439_198_283);
        _ln(7, 1, 2_843_950_868_943_161_745_843_923_991_259_482_558_376_684_408_420);
        _ln(
            86_844_066_927_987_146_567_678_238_756_515_930_889_952_488_499_230_423_029_593_188_005_934_847_229_952,
            57_896_044_618_658_097_711_785_492_504_343_953_926_634_992_332_820_282_019_728_792_003_956_564_819_967,
            592_587_919_380_633_804_828_723_612_596_108_501_961_335_177_139
        );
        _ln(
            115_792_089_237_316_195_423_570_985_008_687_907_853_269_984_665_640_564_039_457_584_007_913_129_639_935,
            115_792_089_237_316_193_816_632_940_749_697_632_311_307_892_324_477_961_517_254_590_225_120_294_338_560,
            20_282_409_603_651_670_564_684_739_641_344
        );
        _ln(
            115_792_089_237_316_195_423_570_985_008_687_907_853_269_984_665_640_564_039_457_584_007_913_129_639_935,
            1,
            259_337_149_260_712_722_210_738_843_096_780_429_206_153_446_237_810
        );
        _ln(
            123_456_789_012_345_678_901_234_567_890,
            98_765_432_109_876_543_210_987_654_321,
            326_124_652_287_616_181_030_801_840_764_388_670_400_681_736_420
        );
        _ln(
            374_310_603_613_032_309_809_712_068_174_945_032_601,
            340_282_366_920_938_463_463_374_607_431_768_211_456,
            139_295_983_838_323_539_265_800_923_362_552_124_122_096_488_849
        );
    }

    function test_DecayDown_AgainstReference() public pure {
        assertEq(Exponential.decayDown(200, 0), 0);
        assertEq(Exponential.decayDown(0, 1000), 0);
        _decay(1, 1, 4_634_391_290_376_776_109_363_503_441_783_452_826);
        _decay(1, 31_536_000, 146_150_163_733_322_011_384_887_444_540_082_968_346_773_850);
        _decay(25, 3600, 417_095_216_149_781_052_892_798_019_836_161_829_506_845);
        _decay(200, 1, 926_878_258_367_796_833_737_042_392_321_282_805_675);
        _decay(200, 31_536_000, 29_230_032_755_886_840_948_731_368_884_243_974_559_784_741_252);
        _decay(200, 315_360_000, 292_300_327_558_868_409_487_313_688_842_439_745_597_847_412_520);
        _decay(1000, 86_400, 400_411_408_122_766_731_037_511_909_338_619_292_126_821_395);
        _decay(10_000, 31_536_000, 1_461_501_660_502_859_859_902_784_096_697_309_230_847_178_096_738);
        _decay(65_535, 315_360_000, 95_779_519_754_457_898_843_785_423_599_552_802_934_746_284_038_815);
    }

    function test_TimesExpDown_AgainstReference() public pure {
        assertEq(Exponential.timesExpDown(0, type(uint256).max, 1), 0);
        assertEq(Exponential.timesExpDown(7, 0, 100), 7);
        _grown(100_000_000_000_000, 200, 31_536_000, 102_020_134_003_322);
        _grown(1_000_000_000_000_000_000_000_000_000_000, 200, 31_536_000, 1_020_201_340_033_225_884_617_661_228_604);
        _grown(
            11_150_372_599_265_311_570_767_859_136_324_180_752_990_207,
            200,
            31_536_000,
            11_375_625_067_640_234_873_441_995_286_343_899_994_709_557
        );
        _grown(1_000_000_000_000_000_000_000_000, 1, 1, 1_000_000_000_003_170_979_198_386);
        _grown(1_000_000_000_000_000_000_000_000, 200, 86_400, 1_000_054_796_021_812_482_339_922);
        _grown(100_000_000_000_000_000_000, 200, 315_360_000, 122_140_275_823_763_068_873);
        _grown(100_000_000_000_000, 10_000, 315_360_000, 2_202_646_928_708_030_964);
    }

    function test_TimesExpDown_StopsAtTheMost() public pure {
        uint256 most = (1 << 144) - 1;
        assertEq(Exponential.timesExpDown(1, type(uint256).max, most), most);
        assertEq(Exponential.timesExpDown(most, 1 << 150, most), most);
        assertEq(Exponential.timesExpDown(most, 0, most), most);
        // e^99.8 is just below 2^144, e^99.9 above it.
        assertLt(Exponential.timesExpDown(1, ONE * 998 / 10, most), most);
        assertEq(Exponential.timesExpDown(1, ONE * 999 / 10, most), most);
    }

    /// @dev 1 + x + x²/2 ≤ e^x ≤ 1 ÷ (1 − x).
    function testFuzz_ExpDown_BetweenItsBounds(uint256 x) public pure {
        x = bound(x, 0, ONE / 2);
        uint256 result = Exponential.expDown(x);
        assertLe(Math.mulDiv(result, ONE - x, ONE), ONE);
        assertGe(result + 64, ONE + x + Math.mulDiv(x, x, 2 * ONE));
    }

    /// @dev e^ln(a ÷ b) is never above a ÷ b, and ln is not far below either: 2(a − b) ÷ (a + b) ≤ ln(a ÷ b).
    function testFuzz_LnAndExp_NeverAboveTheTruth(uint256 dividend, uint256 divisor) public pure {
        divisor = bound(divisor, 1, type(uint128).max);
        dividend = bound(dividend, divisor, type(uint128).max);
        uint256 ln = Exponential.lnDown(dividend, divisor);
        uint256 most = (1 << 144) - 1;
        assertLe(Exponential.timesExpDown(divisor, ln, most), dividend);
        assertGe(Exponential.timesExpDown(divisor, ln + 600, most) + 1, dividend);
        assertGe(ln + 600, 2 * Math.mulDiv(dividend - divisor, ONE, dividend + divisor));
    }

    /// @dev However a time is split, n accruals bring no more than one over the whole, but for a unit each.
    function testFuzz_Decay_SplitsWithoutGain(uint256 amount, uint256 bps, uint256 whole, uint256 parts, uint256 seed)
        public
        pure
    {
        amount = bound(amount, 1, 1 << 120);
        bps = bound(bps, 1, 2000);
        whole = bound(whole, 1, 3650 days);
        parts = bound(parts, 1, 40);
        uint256 most = (1 << 144) - 1;
        uint256 atOnce = Exponential.timesExpDown(amount, Exponential.decayDown(bps, whole), most);
        uint256 split = amount;
        uint256 left = whole;
        for (uint256 i = 1; i <= parts; ++i) {
            uint256 part = i == parts ? left : uint256(keccak256(abi.encode(seed, i))) % (left + 1);
            left -= part;
            split = Exponential.timesExpDown(split, Exponential.decayDown(bps, part), most);
        }
        assertLe(split, atOnce + parts, "splitting gains nothing");
        // A unit lost early grows like the rest: e^2 at most over ten years of 20 %.
        assertGe(split + 8 * parts, atOnce, "nor does it starve the fee");
    }

    function testFuzz_Performance_SplitsWithoutGain(
        uint256 amount,
        uint256 low,
        uint256 middle,
        uint256 high,
        uint256 bps
    ) public pure {
        amount = bound(amount, 1, 1 << 120);
        low = bound(low, 1 << 60, 1 << 120);
        middle = bound(middle, low, low * 8);
        high = bound(high, middle, low * 8);
        bps = bound(bps, 1, 10_000);
        uint256 most = (1 << 144) - 1;
        uint256 atOnce = Exponential.timesExpDown(amount, Exponential.lnDown(high, low) * bps / 10_000, most);
        uint256 split = Exponential.timesExpDown(amount, Exponential.lnDown(middle, low) * bps / 10_000, most);
        split = Exponential.timesExpDown(split, Exponential.lnDown(high, middle) * bps / 10_000, most);
        assertLe(split, atOnce + 2);
        assertGe(split + 10, atOnce);
    }
}
