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

using std::chrono::hours;
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
  // By a clock that is wrong.
  Observed known = refill;
  for (const Duration off : {Duration(-hours(1)), Duration(hours(1))}) {
    known.unready[young.metadata.uid] = quietRefill - seconds(1);
    EXPECT_EQ(say(written(known, now + off), condition::ready), "True Filled");
    known.unready[young.metadata.uid] = quietRefill;
    EXPECT_EQ(say(written(known, now + off), condition::ready), "False Filling");
  }
  api::SandboxPool larger = full();
  larger.metadata.generation = 2;
  larger.spec.replicas = 3;
  EXPECT_EQ(say(written(seen(larger, {young}), now), condition::ready), "False Filling")
      << "its owner wants more";
}

TEST(PoolStatus, IsNotReadyJustBecauseItsPodsAreYoung) {
  const std::vector pods{ready(slotPod(aPool(), 0)), slotPod(aPool(), 1, aTemplate(), now)};
  EXPECT_EQ(say(written(seen(written(seen(aPool(2), pods)), pods)), condition::ready), "False Filling");
  const api::Pod failing = waiting(slotPod(aPool(), 1, aTemplate(), now), "InvalidImageName", "what?");
  EXPECT_EQ(say(written(seen(full(), {pods[0], failing})), condition::ready), "False InvalidImageName")
      << "told at once";
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
  Observed reversed = observed;
  std::ranges::reverse(reversed.idle);
  EXPECT_EQ(say(written(reversed), condition::ready), "False ImagePullFailed");
  const Observed other = seen(pool, {waiting(slotPod(aPool(), 0), "ImagePullBackOff", "back-off 10 s"),
                                     waiting(slotPod(aPool(), 1), "InvalidImageName", "what?")});
  EXPECT_FALSE(account(other, now).status) << "other words for the same";
  EXPECT_FALSE(account(other, now).report);
}

TEST(PoolStatus, TellsOfAnotherTroubleInItsOwnWords) {
  const auto messageOf = [](const api::SandboxPool& pool) {
    return api::findCondition(pool.status.conditions, condition::ready)->message;
  };
  const api::SandboxPool pool =
      written(seen(aPool(1), {waiting(slotPod(aPool(), 0), "ErrImagePull", "no such image")}));
  const Observed next = seen(pool, {waiting(slotPod(aPool(), 1), "ErrImagePull", "denied")});
  EXPECT_THAT(messageOf(written(next)), StartsWith("Pod " + slotPrefix(aPool()) + "1: denied"));
  const Observed worse = seen(pool, {waiting(slotPod(aPool(), 0), "InvalidImageName", "what?")});
  EXPECT_THAT(messageOf(written(worse)), HasSubstr("what?"));
}

TEST(PoolStatus, SaysThatItsPodsEndByThemselves) {
  const Observed observed = seen(aPool(1), {test::ended(slotPod(aPool(), 0), 0, "Completed")});
  EXPECT_EQ(say(written(observed), condition::ready), "False Completed");
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

// One that was full, and whose pods have not been Ready since NOW.
api::SandboxPool failing() {
  const std::vector pods{slotPod(aPool(), 0), slotPod(aPool(), 1)};
  return written(seen(full(), pods), epoch + minutes(5));
}

TEST(PoolStatus, SaysWhatItHasSaidWhileAnotherPodIsTried) {
  EXPECT_EQ(say(failing(), condition::ready), "False Filling") << "not what it was when it was full";
  const std::vector pods{waiting(slotPod(aPool(), 0), "ErrImagePull", "no such image"), slotPod(aPool(), 1)};
  const api::SandboxPool told = written(seen(failing(), pods), epoch + minutes(5));
  EXPECT_EQ(say(told, condition::ready), "False ImagePullFailed");
  const std::vector tried{slotPod(aPool(), 2, aTemplate(), epoch + minutes(5)), slotPod(aPool(), 1)};
  EXPECT_FALSE(account(seen(told, tried), epoch + minutes(5)).urgent) << "no news yet";
  const std::vector corrected{slotPod(aPool(), 3, aTemplate("python:4"), epoch + minutes(5))};
  EXPECT_EQ(say(written(seen(told, corrected, aTemplate("python:4")), epoch + minutes(5)), condition::ready),
            "False Filling");
}

TEST(PoolStatus, CallsNothingAFailureThatIsNoneOfItsPodsNow) {
  const auto progressAt = [](const Observed& observed, Time at) {
    return say(written(observed, at), condition::progressing);
  };
  const Observed old = seen(aPool(1), {slotPod(aPool(), 0)}, aTemplate("python:4"));
  EXPECT_EQ(progressAt(old, epoch + minutes(6)), "True Updating") << "pods of before are no measure";
  const Observed ended = seen(aPool(1), {test::ended(slotPod(aPool(), 0), 1, "Error")});
  EXPECT_EQ(progressAt(ended, epoch + minutes(5) - Duration(1)), "False ProgressDeadlineExceeded");
  EXPECT_EQ(progressAt(ended, epoch + minutes(5)), "True Filling") << "it has run for long enough";
  Observed closed = seen(aPool(1), {ready(slotPod(aPool(), 0))});
  closed.closedNodes = {"node-1"};
  EXPECT_EQ(progressAt(closed, now), "True Filling") << "its node is to blame";
}

TEST(PoolStatus, GivesWhatItsOwnerChangesAnotherTry) {
  api::SandboxPool edited = failing();
  ++edited.metadata.generation;
  const api::Pod next = slotPod(aPool(), 2, aTemplate(), epoch + minutes(5));
  EXPECT_EQ(say(written(seen(edited, {next}), epoch + minutes(5)), condition::progressing), "True Filling");
  Observed lost = seen(failing(), {});
  lost.design = designOf(failing(), nullptr, {});
  EXPECT_EQ(say(written(lost), condition::progressing), "False TemplateNotFound");
}

TEST(PoolStatus, ReportsNothingThatIsNoNews) {
  EXPECT_FALSE(account(seen(full(), {ready(slotPod(aPool(), 0)), ready(slotPod(aPool(), 1))}), now).report);
  const api::SandboxPool filling = written(seen(aPool(1), {slotPod(aPool(), 0)}));
  EXPECT_FALSE(account(seen(filling, {ready(slotPod(aPool(), 0))}), now).report) << "filled, as it should be";
}

TEST(PoolStatus, IsShortOfPodsWhileTheyAreRecreated) {
  api::SandboxPool pool = full();
  pool.spec.updateStrategy.type = api::PoolUpdate::Recreate;
  const Observed observed = seen(
      pool, {ready(slotPod(aPool(), 0)), slotPod(aPool(), 2, aTemplate("python:4"))}, aTemplate("python:4"));
  EXPECT_EQ(say(written(observed), condition::ready), "False Filling");
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
  Observed shrunk = seen(aPool(2), {ready(slotPod(aPool(), 0))});
  shrunk.design = designOf(aPool(2), nullptr, {});
  EXPECT_EQ(say(written(shrunk), condition::ready), "False TemplateNotFound") << "one is missing for good";
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

TEST(PoolStatus, ForgetsWhatAQuotaAnsweredThatIsGone) {
  Observed observed = seen(aPool(1), {slotPod(aPool(), 0)});
  observed.answer = quota::Answer{.limit = quota::Limit::Running};
  EXPECT_EQ(say(written(observed), condition::progressing), "True Filling");
  EXPECT_FALSE(account({}, now).status) << "as of a pool that is gone";
}

TEST(PoolStatus, CountsWhatLives) {
  Observed observed = seen(aPool(0), {});
  for (const api::Pod& pod :
       {takenBy("a", ready(slotPod(aPool(), 0))), takenBy("b", test::leaving(ready(slotPod(aPool(), 1)))),
        takenBy("c", test::ended(slotPod(aPool(), 2), 0, "Completed")),
        takenBy("d", test::ended(slotPod(aPool(), 3), 1, "Error"))}) {
    observed.taken.push_back(std::make_shared<const api::Pod>(pod));
  }
  EXPECT_EQ(written(observed).status.claimed, 1);
}

}  // namespace
}  // namespace cloister::pool
