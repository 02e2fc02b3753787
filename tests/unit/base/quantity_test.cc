#include "base/quantity.h"

#include <gtest/gtest.h>

namespace cloister {
namespace {

struct Case {
  std::string_view text;
  std::optional<int64_t> units;
  std::optional<int64_t> milli;
};

class QuantityTest : public testing::TestWithParam<Case> {};

TEST_P(QuantityTest, Parses) {
  EXPECT_EQ(parseUnits(GetParam().text), GetParam().units) << GetParam().text;
  EXPECT_EQ(parseMilli(GetParam().text), GetParam().milli) << GetParam().text;
}

// As k8s.io/apimachinery's Quantity.Value() and MilliValue() give them.
INSTANTIATE_TEST_SUITE_P(
    Valid, QuantityTest,
    testing::Values(Case{"0", 0, 0}, Case{"1", 1, 1000}, Case{"500m", 1, 500}, Case{"1500m", 2, 1500},
                    Case{"0.1", 1, 100}, Case{"0.3", 1, 300}, Case{"0.7", 1, 700}, Case{"1.1", 2, 1100},
                    Case{"2.675", 3, 2675}, Case{"+2", 2, 2000}, Case{".5", 1, 500}, Case{"5.", 5, 5000},
                    Case{"1u", 1, 1}, Case{"1n", 1, 1}, Case{"1001u", 1, 2}, Case{"100u", 1, 1},
                    Case{"0.0000000001", 1, 1},  // finer than a billionth: rounded up to one
                    Case{"1.0000000000000000001", 2, 1001},
                    Case{"0.7Ei", 807'045'053'224'792'884, std::nullopt}, Case{"1e-99", 1, 1},
                    Case{"0e99", 0, 0}, Case{"0Ei", 0, 0}, Case{"1k", 1000, 1'000'000},
                    Case{"1M", 1'000'000, 1'000'000'000}, Case{"1G", 1'000'000'000, 1'000'000'000'000},
                    Case{"1Ki", 1024, 1'024'000}, Case{"512Mi", 536'870'912, 536'870'912'000},
                    Case{"1.5Gi", 1'610'612'736, 1'610'612'736'000},
                    Case{"1Ti", 1LL << 40, 1000 * (1LL << 40)}, Case{"1Pi", 1LL << 50, 1000 * (1LL << 50)},
                    Case{"1Ei", 1LL << 60, std::nullopt}, Case{"1E", 1'000'000'000'000'000'000, std::nullopt},
                    Case{"0.5Ki", 512, 512'000}, Case{"0.1Ki", 103, 102'400}, Case{"0.001Ki", 2, 1024},
                    Case{"2e3", 2000, 2'000'000}, Case{"2E3", 2000, 2'000'000}, Case{"2e-3", 1, 2},
                    Case{"2e+3", 2000, 2'000'000}, Case{"12e6", 12'000'000, 12'000'000'000},
                    Case{"4611686018427387904", 1LL << 62, std::nullopt},
                    Case{"000000000000000000000000000000000000001", 1, 1000}));

INSTANTIATE_TEST_SUITE_P(
    Invalid, QuantityTest,
    testing::Values(Case{"", {}, {}}, Case{" ", {}, {}}, Case{"-1", {}, {}}, Case{"+-1", {}, {}},
                    Case{"++1", {}, {}}, Case{"m", {}, {}}, Case{".", {}, {}}, Case{"Mi", {}, {}},
                    Case{"1 Mi", {}, {}}, Case{" 1", {}, {}}, Case{"1 ", {}, {}}, Case{"1mi", {}, {}},
                    Case{"1MI", {}, {}}, Case{"1K", {}, {}}, Case{"1ki", {}, {}}, Case{"1MB", {}, {}},
                    Case{"1.2.3", {}, {}}, Case{"1,5", {}, {}}, Case{"0x10", {}, {}}, Case{"1e", {}, {}},
                    Case{"1e+", {}, {}}, Case{"1e1.5", {}, {}}, Case{"1e3Mi", {}, {}}, Case{"nan", {}, {}},
                    Case{"inf", {}, {}}, Case{"1e99", {}, {}}, Case{"1e9999", {}, {}}, Case{"9Ei", {}, {}},
                    Case{"9223372036854775808", {}, {}}, Case{"4611686018427387905", {}, {}},
                    Case{"100000000000000000000000000000000000000000000000000", {}, {}}));

}  // namespace
}  // namespace cloister
