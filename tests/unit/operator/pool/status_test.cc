#include "operator/pool/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pool/plan.h"
#include "operator/pool/reasons.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/pool/pools.h"

namespace cloister::pool {
namespace {

using std::chrono::minutes;
using test::aPool;
using test::aTemplate;
using test::epoch;
using test::ready;
using test::seen;
using test::slotPod;
using test::takenBy;
using test::waiting;
using test::written;
using testing::HasSubstr;
using testing::StartsWith;

const Time now = test::poolTime;

std::string say(const api::SandboxPool& pool, std::string_view type) {
  const api::Condition* found = api::findCondition(pool.status.conditions, type);
  return found == nullptr ? "" : found->status + " " + found->reason;
}

api::SandboxPool full() {
  return written(seen(aPool(2), {ready(slotPod(aPool(), 0)), ready(slotPod(aPool(), 1))}));
}

TEST(PoolStatus, TellsOfAFullPool) {
  const api::SandboxPool pool = full();
  EXPECT_EQ(say(pool, condition::ready), "True Filled");
  EXPECT_EQ(say(pool, condition::progressing), "True UpToDate");
  EXPECT_EQ(say(pool, condition::stalled), "");
  EXPECT_EQ(say(pool, condition::guarded), "False NoAdmissionPolicy");
  Observed guarded = seen(pool, {});
  guarded.guarded = true;
  EXPECT_EQ(say(written(guarded), condition::guarded), "True AdmissionPolicy");
  EXPECT_EQ(pool.status.observedGeneration, 1);
  EXPECT_EQ(pool.status.updatedReplicas, 2);
  EXPECT_FALSE(account(seen(pool, {ready(slotPod(pool, 0)), ready(slotPod(pool, 1))}), now).status)
      << "nothing new";
  EXPECT_EQ(say(written(seen(aPool(0), {})), condition::ready), "True Filled");
}

TEST(PoolStatus, TellsOfOneThatIsBeingFilled) {
  const api::SandboxPool pool = written(seen(aPool(2), {ready(slotPod(aPool(), 0))}));
  EXPECT_EQ(say(pool, condition::ready), "False Filling");
  EXPECT_EQ(say(pool, condition::progressing), "True Filling");
  EXPECT_FALSE(account(seen(aPool(2), {}), now).report);
}

TEST(PoolStatus, StaysReadyWhileTakenPodsAreReplaced) {
  const api::Pod young = slotPod(aPool(), 2, aTemplate(), now);
  const Observed refill = seen(full(), {ready(slotPod(aPool(), 1)), young});
  const Account told = account(refill, now + seconds(9));
  ASSERT_TRUE(told.status);
  EXPECT_FALSE(told.urgent) << "counts alone";
  EXPECT_EQ(say(written(refill, now + seconds(9)), condition::ready), "True Filled");
  EXPECT_EQ(say(written(refill, now + quietRefill), condition::ready), "False Filling") << "it takes long";
  EXPECT_EQ(say(written(refill, now - std::chrono::hours(1)), condition::ready), "False Filling")
      << "by a clock that is wrong";
  api::SandboxPool larger = full();
  larger.metadata.generation = 2;
  larger.spec.replicas = 3;
  EXPECT_EQ(say(written(seen(larger, {young}), now), condition::ready), "False Filling")
      << "its owner wants more";
}

TEST(PoolStatus, SaysWhatTheOldestPodInTroubleSuffersFrom) {
  const Observed observed = seen(aPool(2), {waiting(slotPod(aPool(), 0), "ErrImagePull", "no such image"),
                                            waiting(slotPod(aPool(), 1), "InvalidImageName", "what?")});
  const api::SandboxPool pool = written(observed);
  EXPECT_EQ(say(pool, condition::ready), "False ImagePullFailed");
  EXPECT_THAT(api::findCondition(pool.status.conditions, condition::ready)->message,
              StartsWith("Pod " + slotPrefix(aPool()) + "0: no such image"));
  EXPECT_EQ(say(pool, condition::stalled), "") << "it may yet be pushed";
  EXPECT_EQ(account(observed, now).report->reason, sandbox::reason::imagePullFailed);
  const Observed other = seen(pool, {waiting(slotPod(aPool(), 0), "ImagePullBackOff", "back-off 10 s"),
                                     waiting(slotPod(aPool(), 1), "InvalidImageName", "what?")});
  EXPECT_FALSE(account(other, now).status) << "other words for the same";
  EXPECT_FALSE(account(other, now).report);
}

TEST(PoolStatus, ReportsThatTheDeadlinePassed) {
  const Observed observed = seen(aPool(1), {slotPod(aPool(), 0)});
  const api::SandboxPool pool = written(observed, epoch + minutes(5));
  EXPECT_EQ(say(pool, condition::progressing), "False ProgressDeadlineExceeded");
  EXPECT_EQ(say(pool, condition::stalled), "True ProgressDeadlineExceeded");
  const auto report = account(observed, epoch + minutes(5)).report;
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->warning);
  EXPECT_EQ(report->reason, reason::progressDeadlineExceeded);
}

TEST(PoolStatus, TellsOfAnUpdateAndItsEnd) {
  const api::SandboxTemplate newer = aTemplate("python:4");
  const Observed begun = seen(full(), {ready(slotPod(aPool(), 0)), ready(slotPod(aPool(), 1))}, newer);
  const api::SandboxPool updating = written(begun);
  EXPECT_EQ(say(updating, condition::ready), "True Filled");
  EXPECT_EQ(say(updating, condition::progressing), "True Updating");
  EXPECT_EQ(updating.status.updatedReplicas, 0);
  EXPECT_TRUE(account(begun, now).urgent);
  EXPECT_FALSE(account(begun, now).report);
  const Observed half = seen(updating, {ready(slotPod(aPool(), 0)), slotPod(aPool(), 2, newer)}, newer);
  EXPECT_EQ(say(written(half), condition::ready), "True Filled") << "one may be missing";
  const Observed done =
      seen(updating, {ready(slotPod(aPool(), 2, newer)), ready(slotPod(aPool(), 3, newer))}, newer);
  EXPECT_EQ(say(written(done), condition::progressing), "True UpToDate");
  ASSERT_TRUE(account(done, now).report);
  EXPECT_FALSE(account(done, now).report->warning);
}

TEST(PoolStatus, SaysWhyNoPodCanBeMade) {
  const auto refused = [](const api::SandboxPool& pool, const api::SandboxTemplate* from) {
    Observed observed = seen(pool, {});
    observed.design = designOf(pool, from, {});
    return written(observed);
  };
  EXPECT_EQ(say(refused(aPool(1), nullptr), condition::ready), "False TemplateNotFound");
  EXPECT_EQ(say(refused(aPool(1), nullptr), condition::stalled), "True TemplateNotFound");
  EXPECT_EQ(say(refused(aPool(0), nullptr), condition::ready), "True Filled");
  api::SandboxTemplate greedy = aTemplate();
  greedy.spec.sandbox.resources.cpu = {"1000"};
  const api::SandboxPool pool = refused(aPool(1), &greedy);
  EXPECT_EQ(say(pool, condition::ready), "False NotAllowed");
  EXPECT_THAT(api::findCondition(pool.status.conditions, condition::ready)->message,
              HasSubstr("SandboxTemplate python: spec.resources.cpu"));
  api::SandboxTemplate strange = aTemplate();
  strange.unreadable = ".spec.sandbox.runtime: none of gvisor, kata, runc";
  EXPECT_EQ(say(refused(aPool(1), &strange), condition::ready), "False Unreadable");
  api::SandboxPool unreadable = aPool(0);
  unreadable.unreadable = ".spec.replicas: wanted integer";
  const api::SandboxTemplate fine = aTemplate();
  EXPECT_EQ(say(refused(unreadable, &fine), condition::ready), "False Unreadable");
}

TEST(PoolStatus, IsSilentAboutFailuresThatPass) {
  Observed observed = seen(full(), {ready(slotPod(aPool(), 0))});
  observed.failure = Error{.code = Errc::Unavailable, .message = "away"};
  EXPECT_FALSE(account(observed, now).status);
  observed.failure = Error{.code = Errc::Forbidden, .message = "exceeded quota: small"};
  EXPECT_EQ(say(written(observed), condition::ready), "False QuotaExceeded");
  EXPECT_EQ(say(written(observed), condition::progressing), "False QuotaExceeded");
}

TEST(PoolStatus, CountsWhatLives) {
  Observed observed = seen(aPool(0), {});
  for (const api::Pod& pod :
       {takenBy("a", ready(slotPod(aPool(), 0))), takenBy("b", test::leaving(ready(slotPod(aPool(), 1)))),
        takenBy("c", test::ended(slotPod(aPool(), 2), 0, "Completed"))}) {
    observed.taken.push_back(std::make_shared<const api::Pod>(pod));
  }
  EXPECT_EQ(written(observed).status.claimed, 1);
}

}  // namespace
}  // namespace cloister::pool
