#include "operator/quota/amount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/quota/figures.h"
#include "tests/unit/operator/quota/quotas.h"

namespace cloister::quota {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(QuotaAmounts, AreWrittenAsPeopleWould) {
  EXPECT_EQ(cores(2000).text, "2");
  EXPECT_EQ(cores(2500).text, "2500m");
  EXPECT_EQ(cores(0).text, "0");
  EXPECT_EQ(bytes(int64_t(64) << 30).text, "64Gi");
  EXPECT_EQ(bytes(1536 << 20).text, "1536Mi");
  EXPECT_EQ(bytes(1001).text, "1001");
  EXPECT_EQ(bytes(0).text, "0");
  EXPECT_EQ(bytes(int64_t(1) << 60).text, "1024Pi");
}

TEST(QuotaAmounts, OfAPodAreItsContainersLimitsTogether) {
  const auto pod = json::decode<api::Pod>(*json::parse(
      R"({"spec":{"containers":[{"resources":{"limits":{"cpu":"500m","memory":"1Gi","ephemeral-storage":"1Ki"}}},)"
      R"({"resources":{"limits":{"cpu":"1"}}},{"name":"unlimited"}]}})"));
  const Amount expected{.pods = 1,
                        .limits = {.cpuMilli = 1500, .memoryBytes = 1 << 30, .diskBytes = 1 << 10}};
  EXPECT_EQ(amountOf(*pod), expected);
  EXPECT_EQ(amountOf(*json::decode<api::Pod>(json::encode(*pod))), expected);
}

TEST(QuotaAmounts, OfAGrantThatTakesAPoolsPodAreNothing) {
  EXPECT_EQ(amountOf(api::QuotaGrant{}), Amount());
}

TEST(QuotaAmounts, ExceedOnlyWhatTheyAddTo) {
  api::SandboxQuotaSpec spec = test::running(1);
  spec.cpu = {"1"};
  const Amount two{.pods = 2, .limits = {.cpuMilli = 500}};
  EXPECT_EQ(exceeded(spec, two, {.pods = 1}), Limit::Running);
  EXPECT_EQ(exceeded(spec, two, {.limits = {.cpuMilli = 501}}), Limit::Cpu);
  EXPECT_EQ(exceeded(spec, two, {.limits = {.cpuMilli = 500}}), std::nullopt);
  EXPECT_EQ(exceeded({}, two, two), std::nullopt);
  EXPECT_EQ(exceeded(spec, {.pods = 1, .limits = {.cpuMilli = 1}}, {.pods = 0, .limits = {.cpuMilli = 999}}),
            std::nullopt);
}

TEST(QuotaFigures, AreOfTheLimitsThatAreSet) {
  api::QuotaAmounts amounts;
  amounts.running = 3;
  amounts.cpu = {"1500m"};
  amounts.memory = {"1Ki"};
  EXPECT_THAT(figuresOf(amounts), ElementsAre(Pair("cpu", 1.5), Pair("memory", 1024), Pair("running", 3)));
}

}  // namespace
}  // namespace cloister::quota
