#include "operator/quota/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/quota/quotas.h"

namespace cloister::quota {
namespace {

using test::aQuota;
using testing::HasSubstr;

const Request coldOne{.pod = "a-pod", .need = {.pods = 1, .limits = test::oneCore}};
const Request warmOne{};

api::SandboxQuota unreadable() {
  api::SandboxQuota quota = aQuota({});
  quota.unreadable = "spec.cpu: no";
  return quota;
}

TEST(QuotaGate, AsksOnlyAboutWhatIsCounted) {
  struct Case {
    api::SandboxQuota quota;
    bool isCold, isWarm, isPool;
  };
  api::SandboxQuotaSpec perMinute, perDay, lifetime;
  perMinute.creationsPerMinute = 1;
  perDay.sandboxHoursPerDay = 1;
  lifetime.maxLifetime = std::chrono::hours(1);
  for (const auto& [quota, isCold, isWarm, isPool] :
       {Case{aQuota(test::running(1)), true, false, true}, Case{aQuota(perMinute), true, true, false},
        Case{aQuota(perDay), true, true, false}, Case{aQuota(lifetime), false, false, false},
        Case{unreadable(), true, true, true}}) {
    SCOPED_TRACE(json::print(json::encode(quota.spec)));
    EXPECT_EQ(countsForSandbox(quota, coldOne), isCold);
    EXPECT_EQ(countsForSandbox(quota, warmOne), isWarm);
    EXPECT_EQ(countsForPool(quota), isPool);
  }
}

api::QuotaGrant grantOf(const Request& request) {
  api::QuotaGrant grant;
  grant.pod = request.pod;
  grant.uid = "uid-a";
  grant.cpu = cores(request.need.limits.cpuMilli);
  grant.memory = bytes(request.need.limits.memoryBytes);
  grant.disk = bytes(request.need.limits.diskBytes);
  return grant;
}

TEST(QuotaGate, LetsNobodyHaveMoreThanWasGranted) {
  EXPECT_TRUE(covers(grantOf(coldOne), coldOne));
  for (const auto limit : {&api::ContainerLimits::cpuMilli, &api::ContainerLimits::memoryBytes,
                           &api::ContainerLimits::diskBytes}) {
    Request more = coldOne;
    more.need.limits.*limit += 1;
    EXPECT_FALSE(covers(grantOf(coldOne), more));
    EXPECT_TRUE(covers(grantOf(more), coldOne)) << "it may have become smaller";
  }
}

TEST(QuotaGate, GrantsOneStartOfOnePod) {
  Request other = coldOne;
  other.pod = "b-pod";
  EXPECT_FALSE(covers(grantOf(coldOne), other));
  other = coldOne;
  other.restart = 1;
  EXPECT_FALSE(covers(grantOf(coldOne), other));
  EXPECT_TRUE(covers(grantOf(coldOne), warmOne)) << "it needs no room any more";
  api::QuotaGrant takenBack = grantOf(coldOne);
  takenBack.withdrawn = true;
  EXPECT_FALSE(covers(takenBack, coldOne));
  api::SandboxQuota quota = aQuota(test::running(1));
  quota.status.grants = {grantOf(coldOne)};
  EXPECT_TRUE(isGranted(quota, "uid-a", coldOne));
  EXPECT_FALSE(isGranted(quota, "uid-b", coldOne));
  EXPECT_TRUE(holdsGrant(quota, "uid-a"));
  EXPECT_FALSE(holdsGrant(quota, "uid-b"));
  EXPECT_FALSE(isGranted(quota, "uid-a", other));
}

TEST(QuotaGate, SaysWhatIsInTheWay) {
  api::SandboxQuotaSpec spec = test::running(3);
  spec.cpu = {"4"};
  spec.memory = {"5Gi"};
  spec.disk = {"6Gi"};
  spec.creationsPerMinute = 7;
  spec.sandboxHoursPerDay = 8;
  const auto said = [&](Limit limit) { return explain(aQuota(spec), Answer{.limit = limit}); };
  EXPECT_THAT(said(Limit::Running), HasSubstr("no room for it, or for those that have waited longer"));
  EXPECT_THAT(said(Limit::Running), HasSubstr("(spec.running: 3)"));
  EXPECT_THAT(said(Limit::Cpu), HasSubstr("(spec.cpu: 4)"));
  EXPECT_THAT(said(Limit::Memory), HasSubstr("(spec.memory: 5Gi)"));
  EXPECT_THAT(said(Limit::Disk), HasSubstr("(spec.disk: 6Gi)"));
  EXPECT_THAT(said(Limit::Creations), HasSubstr("no more start in a minute (spec.creationsPerMinute: 7)"));
  EXPECT_THAT(said(Limit::Hours), HasSubstr("are used up (spec.sandboxHoursPerDay: 8)"));
  EXPECT_THAT(explain(aQuota(spec), Answer{}), HasSubstr("Sandboxes that wait come first"));
  EXPECT_THAT(explain(unreadable(), Answer{}),
              HasSubstr("cannot read the namespace's SandboxQuota: spec.cpu: no"));
}

}  // namespace
}  // namespace cloister::quota
