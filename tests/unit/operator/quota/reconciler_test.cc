// The quota controller with those of Sandboxes and pools against an API server: what they leave behind, and
// how many writes that took.
#include "operator/quota/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pool/reasons.h"
#include "operator/quota/reasons.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/pool/pools.h"
#include "tests/unit/operator/quota/quota_world.h"

namespace cloister::quota {
namespace {

using std::chrono::minutes;
using test::aQuota;
using test::Crash;
using test::QuotaWorld;
using test::running;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* quotaStatus = "PATCH sandboxquotas/status";

TEST(QuotaReconciler, CostsNothingWhereThereIsNone) {
  QuotaWorld world;
  world.create("a");
  world.settle();
  EXPECT_THAT(world.server.writes(), ElementsAre("POST pods", "PATCH sandboxes/status"));
  EXPECT_THAT(world.stores->requests.sandboxes("team"), IsEmpty());
}

TEST(QuotaReconciler, CostsNothingWhereItCountsNoPods) {
  QuotaWorld world;
  api::SandboxQuotaSpec spec;
  spec.maxLifetime = minutes(30);
  world.put(aQuota(spec));
  world.settle();
  const size_t before = world.server.writes().size();
  world.create("a");
  world.settle();
  EXPECT_EQ(world.server.writes().size() - before, 2);
}

TEST(QuotaReconciler, AnswersAllWithOneWrite) {
  QuotaWorld world;
  world.put(aQuota(running(10)));
  world.settle();
  const size_t before = world.server.count(quotaStatus);
  for (const char* name : {"a", "b", "c", "d"}) world.create(name);
  ASSERT_TRUE(world.turn());
  ASSERT_TRUE(world.turn());
  EXPECT_EQ(world.server.count(quotaStatus) - before, 1);
  EXPECT_THAT(world.pods(), SizeIs(4));
  world.settle();
  EXPECT_EQ(world.server.count("PATCH sandboxes/status"), 4) << "no more than without a quota";
  EXPECT_EQ(world.server.count(quotaStatus) - before, 1) << "what nobody waits for is told later";
  world.clock.advance(seconds(10));
  world.settle();
  EXPECT_EQ(world.server.count(quotaStatus) - before, 2);
  EXPECT_THAT(world.quota().status.grants, IsEmpty());
  EXPECT_EQ(world.quota().status.used.running, 4);
}

TEST(QuotaReconciler, QueuesWhatDoesNotFitAndStartsItInTurn) {
  QuotaWorld world;
  world.put(aQuota(running(1)));
  world.create("a");
  world.settle();
  world.clock.advance(seconds(1));
  world.create("b");
  world.clock.advance(seconds(1));
  world.create("c");
  world.settle();
  EXPECT_FALSE(world.sandbox("b").status.phase) << "a start is quiet at first";
  world.clock.advance(seconds(10));
  world.settle();
  const api::Sandbox waits = world.sandbox("c");
  EXPECT_EQ(waits.status.phase, api::Phase::Queued);
  EXPECT_EQ(waits.status.queuePosition, 2);
  const api::Condition* ready = api::findCondition(waits.status.conditions, sandbox::condition::ready);
  EXPECT_EQ(ready->reason, sandbox::reason::queued);
  EXPECT_THAT(ready->message, HasSubstr("spec.running: 1"));
  world.clock.advance(seconds(10));
  world.settle();
  EXPECT_EQ(world.quota().status.queued, 2);

  world.server.erase("pods", {"team", sandbox::podName(world.sandbox("a"))});
  world.server.erase("sandboxes", {"team", "a"});
  world.settle();
  EXPECT_TRUE(world.hasPod("b"));
  EXPECT_FALSE(world.hasPod("c"));
  EXPECT_EQ(world.sandbox("b").status.phase, api::Phase::Running);
  EXPECT_FALSE(world.sandbox("b").status.queuePosition);
  world.clock.advance(seconds(10));
  world.settle();
  EXPECT_EQ(world.sandbox("c").status.queuePosition, 1);
}

TEST(QuotaReconciler, TellsPlacesNoMoreOftenThanEveryTenSeconds) {
  QuotaWorld world;
  api::SandboxQuotaSpec spec;
  spec.creationsPerMinute = 1;
  world.put(aQuota(spec));
  for (int i = 0; i < 5; ++i) {
    world.create("s" + std::to_string(i));
    world.clock.advance(seconds(1));
  }
  world.clock.advance(seconds(5));
  world.settle();
  EXPECT_EQ(world.sandbox("s4").status.queuePosition, 4);
  world.clock.advance(seconds(55));
  world.settle();
  const size_t before = world.server.count("PATCH sandboxes/status");
  world.server.erase("sandboxes", {"team", "s1"});
  world.settle();
  world.server.erase("sandboxes", {"team", "s2"});
  world.settle();
  EXPECT_LE(world.server.count("PATCH sandboxes/status") - before, 3);
  world.clock.advance(seconds(10));
  world.settle();
  EXPECT_EQ(world.quota().status.queued.value_or(0), 1);
}

TEST(QuotaReconciler, DoesNotOverwriteAnotherAsFastAsItCan) {
  QuotaWorld world;
  world.put(aQuota(running(1)));
  world.create("a");
  world.settle();
  const int before = int(world.server.count(quotaStatus));
  const auto right = world.quota().status;
  for (int i = 0; i < 500; ++i) {
    api::SandboxQuota wrong = world.quota();
    wrong.status.conditions = {};
    wrong.status.observedGeneration = 0;
    world.put(wrong);
    world.server.sync(*world.stores);
    ASSERT_TRUE(world.reconcileQuota());
    world.clock.advance(milliseconds(2));
  }
  EXPECT_LE(int(world.server.count(quotaStatus)) - before, 50) << "20, and 20 in each second";
  world.clock.advance(milliseconds(100));
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_EQ(world.quota().status.observedGeneration, right.observedGeneration);
  EXPECT_THAT(world.quota().status.conditions, SizeIs(right.conditions.size()));
}

TEST(QuotaReconciler, SaysWhatNeverFits) {
  QuotaWorld world;
  api::SandboxQuotaSpec spec;
  spec.memory = {"256Mi"};
  world.put(aQuota(spec));
  world.create("large");
  world.create("small", [](api::Sandbox& sandbox) { sandbox.spec.resources.memory = {"128Mi"}; });
  world.settle();
  EXPECT_TRUE(world.hasPod("small"));
  world.clock.advance(seconds(4));
  world.settle();
  const api::Sandbox large = world.sandbox("large");
  EXPECT_EQ(api::findCondition(large.status.conditions, "Ready")->reason, sandbox::reason::quotaTooSmall);
  EXPECT_FALSE(large.status.queuePosition);
}

TEST(QuotaReconciler, EndsNothingWhenLoweredAndStartsAllWhenDeleted) {
  QuotaWorld world;
  world.put(aQuota(running(2)));
  world.create("a");
  world.create("b");
  world.create("c");
  world.settle();
  EXPECT_THAT(world.pods(), SizeIs(2));
  world.edit([](auto& spec) { spec.running = 0; });
  world.clock.advance(seconds(10));
  world.settle();
  EXPECT_THAT(world.pods(), SizeIs(2));
  EXPECT_EQ(world.quota().status.used.running, 2);
  EXPECT_EQ(world.quota().status.hard.running, 0);
  world.server.erase("sandboxquotas", QuotaWorld::key);
  world.settle();
  EXPECT_THAT(world.pods(), SizeIs(3));
}

TEST(QuotaReconciler, AnUnreadableOneStartsNothing) {
  QuotaWorld world;
  world.put(aQuota(running(5)));
  world.settle();
  api::SandboxQuota unreadable = world.quota();
  unreadable.unreadable = "spec.cpu: no";
  unreadable.metadata.resourceVersion = "1000000";
  world.stores->quotas.learn(unreadable);
  world.create("a");
  world.stores->sandboxes.learn(world.sandbox("a"));
  ASSERT_TRUE(world.reconcile("a"));
  EXPECT_THAT(world.pods(), IsEmpty());
}

// Whoever begins meanwhile has never read its limits.
TEST(QuotaReconciler, GoesOnCountingWhileItCannotBeRead) {
  QuotaWorld world;
  api::SandboxQuotaSpec spec;
  spec.creationsPerMinute = 2;
  spec.sandboxHoursPerDay = 5;
  world.put(aQuota(spec));
  world.create("a");
  world.settle();
  world.clock.advance(minutes(1));
  ASSERT_TRUE(world.turn());
  world.create("b");
  world.settle();
  const api::SandboxQuotaStatus before = world.quota().status;
  ASSERT_TRUE(before.hours);
  json::value garbled = world.server.get("sandboxquotas", QuotaWorld::key);
  const json::value good = garbled.at("spec");
  garbled.at("spec").as_object()["maxLifetime"] = "plenty";
  world.server.put("sandboxquotas", garbled);
  world.restart();
  world.settle();
  const json::value told = world.server.get("sandboxquotas", QuotaWorld::key).at("status");
  const auto meanwhile = json::decode<api::SandboxQuotaStatus>(told).value();
  EXPECT_EQ(meanwhile.recent, before.recent);
  EXPECT_EQ(meanwhile.hard, before.hard);
  EXPECT_EQ(meanwhile.used, before.used);
  ASSERT_TRUE(meanwhile.hours);
  EXPECT_GE(meanwhile.hours->seconds, before.hours->seconds);
  json::value mended = world.server.get("sandboxquotas", QuotaWorld::key);
  mended.at("spec") = good;
  world.server.put("sandboxquotas", mended);
  for (const char* name : {"c", "d"}) world.create(name);
  world.settle();
  EXPECT_TRUE(world.hasPod("c"));
  EXPECT_FALSE(world.hasPod("d")) << "one has started within this minute";
}

TEST(QuotaReconciler, PinsTheLifetimeOfWhatStarts) {
  QuotaWorld world;
  api::SandboxQuotaSpec spec;
  spec.maxLifetime = minutes(30);
  world.put(aQuota(spec));
  world.create("a");
  world.settle();
  const api::Sandbox started = world.sandbox("a");
  EXPECT_EQ(started.status.maxLifetime, minutes(30));
  EXPECT_EQ(started.status.expiresAt, started.metadata.creationTimestamp + minutes(30));
  world.edit([](auto& changed) { changed.maxLifetime = seconds(1); });
  world.clock.advance(minutes(1));
  world.settle();
  EXPECT_EQ(world.sandbox("a").status.expiresAt, started.status.expiresAt);
  EXPECT_TRUE(world.hasPod("a"));
  world.create("b");
  world.settle();
  EXPECT_TRUE(world.server.get("sandboxes", {"team", "b"}).is_null() ||
              world.sandbox("b").status.expiresAt ==
                  world.sandbox("b").metadata.creationTimestamp + seconds(1));
}

TEST(QuotaReconciler, CountsTheHours) {
  QuotaWorld world;
  api::SandboxQuotaSpec spec;
  spec.sandboxHoursPerDay = 1;
  world.put(aQuota(spec));
  world.create("a");
  world.create("b");
  world.settle();
  for (int i = 0; i < 30; ++i) {
    world.clock.advance(minutes(1));
    ASSERT_TRUE(world.turn());
    if (i == 10) world.restart();
  }
  EXPECT_NEAR(double(world.quota().status.hours->seconds), 3600, 120);
  world.clock.advance(minutes(2));
  world.create("c");
  world.settle();
  EXPECT_FALSE(world.hasPod("c"));
  EXPECT_TRUE(world.hasPod("a")) << "what runs goes on";
}

TEST(QuotaReconciler, PoolsMakeWhatIsAllowedAndSayWhy) {
  QuotaWorld world;
  world.put(aQuota(running(2)));
  world.server.put("sandboxtemplates", json::encode(test::aTemplate()));
  world.server.put("sandboxpools", json::encode(test::aPool(3)));
  world.settle();
  EXPECT_THAT(world.pods(), SizeIs(2));
  world.clock.advance(seconds(11));
  world.settle();
  const auto pool = *json::decode<api::SandboxPool>(world.server.get("sandboxpools", {"team", "warm"}));
  const api::Condition* ready = api::findCondition(pool.status.conditions, pool::condition::ready);
  EXPECT_EQ(ready->status, "False");
  EXPECT_EQ(ready->reason, sandbox::reason::quotaExceeded);
  const size_t calls = world.transport.requests().size();
  for (int i = 0; i < 20; ++i) {
    world.clock.advance(seconds(1));
    world.turn();
  }
  EXPECT_EQ(world.transport.requests().size(), calls) << "no hot loop";
  world.edit([](auto& spec) { spec.running = 3; });
  world.settle();
  EXPECT_THAT(world.pods(), SizeIs(3));
}

TEST(QuotaReconciler, AWarmStartWritesNoMoreThanWithoutAQuota) {
  QuotaWorld world;
  world.put(aQuota(running(1)));
  world.server.put("sandboxtemplates", json::encode(test::aTemplate()));
  world.server.put("sandboxpools", json::encode(test::aPool(1)));
  world.settle();
  const size_t before = world.server.count(quotaStatus);
  world.create("a", [](api::Sandbox& sandbox) { sandbox.spec.poolRef = api::LocalReference{"warm"}; });
  world.settle();
  EXPECT_EQ(world.sandbox("a").status.phase, api::Phase::Running);
  EXPECT_EQ(world.server.count(quotaStatus), before);
  EXPECT_EQ(world.server.count("PATCH sandboxes/status"), 1);
}

TEST(QuotaReconciler, KeepsItsGuardsAndTellsWhenItCannot) {
  QuotaWorld world;
  world.put(aQuota(running(2)));
  world.settle();
  EXPECT_EQ(world.guarded(), reason::resourceQuotas);
  json::value guard = world.server.get("resourcequotas", {"team", std::string(podsGuard)});
  guard.at("spec").at("hard").as_object()["pods"] = "99";
  world.server.put("resourcequotas", guard);
  world.settle();
  guard = world.server.get("resourcequotas", {"team", std::string(podsGuard)});
  EXPECT_EQ(json::findString(guard, "spec.hard.pods"), "2");

  world.server.admission = [](const net::Request& request) -> std::optional<net::Response> {
    if (!request.target.contains("resourcequotas")) return std::nullopt;
    return test::refusal(403, "Forbidden", "no right to it");
  };
  world.edit([](auto& spec) { spec.running = 4; });
  world.turn();
  EXPECT_EQ(world.guarded(), reason::guardFailed);
  world.create("a");
  world.turn();
  world.turn();
  EXPECT_THAT(world.pods(), SizeIs(1)) << "the grants are what counts";
  world.server.admission = nullptr;
  world.clock.advance(seconds(11));
  world.settle();
  EXPECT_EQ(world.guarded(), reason::resourceQuotas);
}

// --- A queue of three for two places, with each call failed in turn

enum class Mishap { Refused, LostAnswer, ServerError, Conflict, CrashBefore, CrashAfter };

class QuotaMishaps : public testing::TestWithParam<Mishap> {};

void arrange(QuotaWorld& world, size_t call, Mishap mishap) {
  if (mishap == Mishap::Refused) world.transport.failCall(call, test::Fault::Refused);
  if (mishap == Mishap::LostAnswer) world.transport.failCall(call, test::Fault::LostAnswer);
  const auto isIt = [&world, call] { return world.transport.requests().size() == call + 1; };
  world.server.admission = [=](const net::Request&) -> std::optional<net::Response> {
    if (!isIt()) return std::nullopt;
    if (mishap == Mishap::CrashBefore) throw Crash();
    if (mishap == Mishap::ServerError) return test::refusal(500, "InternalError", "etcd is away");
    if (mishap == Mishap::Conflict) return test::refusal(409, "Conflict", "somebody was faster");
    return std::nullopt;
  };
  if (mishap != Mishap::CrashAfter) return;
  world.server.afterwards = [=](const net::Request&) {
    if (isIt()) throw Crash();
  };
}

TEST_P(QuotaMishaps, EndAsUndisturbed) {
  for (size_t call = 0; call < 16; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    QuotaWorld world;
    world.put(aQuota(running(2)));
    arrange(world, call, GetParam());
    for (const char* name : {"a", "b", "c"}) world.create(name);
    const auto check = [&] { EXPECT_LE(world.pods().size(), 2U); };
    world.settle();
    check();
    world.clock.advance(seconds(61));
    world.settle();
    check();
    EXPECT_TRUE(world.hasPod("a") && world.hasPod("b"));
    EXPECT_THAT(world.quota().status.grants, IsEmpty());
    EXPECT_EQ(world.quota().status.used.running, 2);
    EXPECT_EQ(world.quota().status.queued, 1);
    EXPECT_EQ(world.sandbox("c").status.phase, api::Phase::Queued);
  }
}
INSTANTIATE_TEST_SUITE_P(All, QuotaMishaps,
                         testing::Values(Mishap::Refused, Mishap::LostAnswer, Mishap::ServerError,
                                         Mishap::Conflict, Mishap::CrashBefore, Mishap::CrashAfter));

}  // namespace
}  // namespace cloister::quota
