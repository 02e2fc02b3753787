#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/own.h"
#include "operator/sandbox/plan.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/sandbox/planning.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::actionsOf;
using test::aSandbox;
using test::ended;
using test::epoch;
using test::isStill;
using test::leaving;
using test::planAt;
using test::podOf;
using test::ready;
using test::readyReason;
using test::refusedByNode;
using test::running;
using test::scheduled;
using test::seen;
using test::written;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// --- The end

TEST(Plan, DoesNotStartAgainWhatHasEnded) {
  const api::Sandbox sandbox = aSandbox();
  for (const api::Pod& end : {ended(podOf(sandbox), 0, "Completed"), ended(podOf(sandbox), 1, "Error"),
                              refusedByNode(podOf(sandbox), "NodeAffinity", "x")}) {
    const api::Sandbox over = written(sandbox, planAt(seen(sandbox, {end})));
    const Plan next = planAt(seen(over), epoch + minutes(1));
    EXPECT_TRUE(isStill(next)) << "the pod may go, the end stays told";
    EXPECT_FALSE(questions(seen(over), epoch + minutes(1)).pod);
  }
}

TEST(Plan, SaysStalledOfWhatWillNotRecover) {
  const api::Sandbox sandbox = aSandbox();
  const Plan failed = planAt(seen(sandbox, {ended(podOf(sandbox), 1, "Error")}));
  EXPECT_EQ(api::findCondition(failed.status->conditions, condition::stalled)->status, "True");
  const Plan succeeded = planAt(seen(sandbox, {ended(podOf(sandbox), 0, "Completed")}));
  EXPECT_EQ(api::findCondition(succeeded.status->conditions, condition::stalled), nullptr);
  EXPECT_EQ(succeeded.status->exitCode, 0);
}

TEST(Plan, KeepsSayingThatThePodWasDeletedHoweverItsContainerEnds) {
  const api::Sandbox sandbox = running();
  const api::Pod pod = podOf(sandbox);
  const Plan first = planAt(seen(sandbox, {leaving(ready(pod))}), epoch + minutes(1));
  ASSERT_TRUE(first.status);
  EXPECT_EQ(readyReason(*first.status), reason::podLost);
  const api::Sandbox told = written(sandbox, first);
  EXPECT_TRUE(isStill(planAt(seen(told, {leaving(ended(pod, 0, "Completed"))}), epoch + minutes(1))));
  EXPECT_TRUE(isStill(planAt(seen(told), epoch + minutes(2))));
}

TEST(Plan, KeepsSayingHowItEndedWhenSomebodyTidiesThePodAway) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = ended(podOf(sandbox), 0, "Completed");
  const api::Sandbox over = written(sandbox, planAt(seen(sandbox, {pod})));
  EXPECT_TRUE(isStill(planAt(seen(over, {leaving(pod)}), epoch + minutes(1))));
}

TEST(Plan, SaysTheSameOfALostPodWhoseTemplateWasNeverToldWhateverBecameOfThePool) {
  api::Sandbox sandbox = running();
  sandbox.spec.poolRef = api::LocalReference{"gone"};
  sandbox.status.podUID.clear();
  Observed observed = seen(sandbox);
  observed.podConfirmedGone = true;
  const Plan first = planAt(observed, epoch + minutes(1));
  ASSERT_TRUE(first.status);
  EXPECT_EQ(readyReason(*first.status), reason::podLost);
  observed.sandbox = std::make_shared<const api::Sandbox>(written(sandbox, first));
  EXPECT_TRUE(isStill(planAt(observed, epoch + minutes(1))));
}

// SANDBOX's pod, made a second time.
api::Pod secondPodOf(const api::Sandbox& sandbox) {
  api::Pod pod = podOf(sandbox);
  pod.metadata.uid = "uid-of-the-second";
  return pod;
}

TEST(Plan, DeletesASecondPodOfWhatRunsOrHasEnded) {
  const api::Sandbox fresh = aSandbox();
  const api::Sandbox ran = running();
  const api::Sandbox crashed =
      written(fresh, planAt(seen(fresh, {ended(scheduled(podOf(fresh)), 1, "StartError")})));
  for (const api::Sandbox& sandbox : {ran, crashed}) {
    for (const api::Pod& second : {secondPodOf(sandbox), ready(secondPodOf(sandbox))}) {
      Observed observed = seen(sandbox, {second});
      EXPECT_EQ(ownPod(observed), nullptr);
      EXPECT_FALSE(questions(observed, epoch + minutes(1)).sandbox) << "it is known whose it is";
      observed.podConfirmedGone = true;
      const Plan next = planAt(observed, epoch + minutes(1));
      ASSERT_THAT(next.actions, SizeIs(1));
      EXPECT_EQ(actionsOf<DeletePod>(next).at(0).pod->metadata.uid, "uid-of-the-second");
      EXPECT_EQ(written(sandbox, next).status.podUID, podOf(sandbox).metadata.uid);
    }
  }
  EXPECT_THAT(planAt(seen(ran, {leaving(secondPodOf(ran))}), epoch + minutes(1)).actions, IsEmpty());
}

TEST(Plan, MournsTheFirstPodBesideASecondOne) {
  const api::Sandbox sandbox = running();
  Observed observed = seen(sandbox, {ready(secondPodOf(sandbox))});
  EXPECT_TRUE(questions(observed, epoch + minutes(1)).pod);
  EXPECT_FALSE(planAt(observed, epoch + minutes(1)).status) << "not before the API server says so";
  observed.podConfirmedGone = true;
  EXPECT_EQ(readyReason(*planAt(observed, epoch + minutes(1)).status), reason::podLost);
}

TEST(Plan, TakesASecondPodForOneThatNeverRan) {
  const api::Sandbox fresh = aSandbox();
  const api::Sandbox told =
      written(fresh, planAt(seen(fresh, {scheduled(podOf(fresh))}), epoch + minutes(1)));
  ASSERT_FALSE(told.status.podUID.empty());
  const Plan next = planAt(seen(told, {ready(secondPodOf(told))}), epoch + minutes(2));
  EXPECT_THAT(next.actions, IsEmpty());
  EXPECT_EQ(next.status->podUID, "uid-of-the-second");
}

TEST(Plan, StartsAnotherPodForOneDeletedBeforeItStarted) {
  const api::Sandbox sandbox = aSandbox();
  const Plan wait = planAt(seen(sandbox, {leaving(scheduled(podOf(sandbox)))}), epoch + seconds(5));
  EXPECT_THAT(wait.actions, IsEmpty()) << "the name is still taken";
  ASSERT_TRUE(wait.status);
  EXPECT_EQ(readyReason(*wait.status), reason::starting);
  Observed gone = seen(written(sandbox, wait));
  EXPECT_TRUE(questions(gone, epoch + seconds(6)).pod);
  EXPECT_TRUE(isStill(planAt(gone, epoch + seconds(6)))) << "the store may merely lack it";
  gone.podConfirmedGone = true;
  EXPECT_THAT(actionsOf<CreatePod>(planAt(gone, epoch + seconds(6))), SizeIs(1));
}

// --- Expiry

TEST(Plan, ExpiresToTheSecond) {
  const api::Sandbox sandbox = running();
  const Time expiry = *sandbox.status.expiresAt;
  const auto observed = seen(sandbox, {ready(podOf(sandbox))});
  EXPECT_TRUE(isStill(planAt(observed, expiry - Duration(1))));
  EXPECT_EQ(planAt(observed, expiry - Duration(1)).again, expiry);
  const Plan next = planAt(observed, expiry);
  ASSERT_THAT(next.actions, SizeIs(2));
  ASSERT_TRUE(std::holds_alternative<DeleteSandbox>(next.actions[0]))
      << "guarded, so an extension in between wins";
  EXPECT_EQ(std::get<DeletePod>(next.actions[1]).pod->metadata.name, podName(sandbox));
  ASSERT_TRUE(next.report);
  EXPECT_EQ(next.report->reason, reason::expired);
  EXPECT_FALSE(next.report->warning);
  EXPECT_FALSE(next.status);
  EXPECT_EQ(next.again, expiry + seconds(10)) << "not at once: the watch may be slow to tell of the end";
}

TEST(Plan, ExtendsInPlace) {
  api::Sandbox sandbox = running();
  sandbox.metadata.generation = 2;
  sandbox.spec.lifecycle.ttl = hours(2);
  const Plan next = planAt(seen(sandbox, {ready(podOf(sandbox))}), epoch + minutes(59));
  EXPECT_THAT(next.actions, IsEmpty());
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->expiresAt, epoch + seconds(1) + hours(2));
  EXPECT_EQ(next.again, next.status->expiresAt);
}

TEST(Plan, ExpiresWhatNeverStarted) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.lifecycle.expiresAt = epoch - hours(1);
  const Plan next = planAt(seen(sandbox));
  ASSERT_THAT(next.actions, SizeIs(1)) << "no pod is created first";
  EXPECT_TRUE(std::holds_alternative<DeleteSandbox>(next.actions[0]));
}

TEST(Plan, CountsFromTheRecordedStartAlsoAfterARestart) {
  api::Sandbox sandbox = running();
  const api::Pod later = ready(podOf(sandbox), epoch + minutes(30));
  EXPECT_EQ(planAt(seen(sandbox, {later}), epoch + minutes(31)).again, epoch + seconds(1) + hours(1));
}

TEST(Plan, TriesNothingTwiceInARoundThatFailed) {
  const api::Sandbox sandbox = running();
  Observed observed = seen(sandbox, {ready(podOf(sandbox))});
  observed.failure = Error{Errc::Conflict, "changed"};
  EXPECT_TRUE(isStill(planAt(observed, *sandbox.status.expiresAt)));
}

TEST(Plan, LeavesASandboxThatIsBeingDeletedAlone) {
  api::Sandbox sandbox = running();
  sandbox.metadata.deletionTimestamp = epoch + minutes(1);
  const Plan wait = planAt(seen(sandbox, {ready(podOf(sandbox))}), epoch + minutes(2));
  EXPECT_TRUE(isStill(wait));
  EXPECT_EQ(wait.again, sandbox.status.expiresAt);
  sandbox = aSandbox();
  sandbox.metadata.deletionTimestamp = epoch;
  EXPECT_TRUE(isStill(planAt(seen(sandbox))));
}

TEST(Plan, AFinalizerDoesNotLengthenThePodsTime) {
  api::Sandbox sandbox = running();
  sandbox.metadata.deletionTimestamp = epoch + minutes(1);
  const auto pod = ready(podOf(sandbox));
  const Plan over = planAt(seen(sandbox, {pod}), epoch + hours(2));
  EXPECT_EQ(actionsOf<DeletePod>(over).size(), 1U);
  EXPECT_EQ(over.actions.size(), 1U);
  EXPECT_TRUE(isStill(planAt(seen(sandbox, {leaving(pod)}), epoch + hours(2))));
}

// Found by seed 1500056972: it was stopped in the moment in which its Sandbox was deleted, which no status
// could tell.
TEST(Plan, ThatThePodStandsStillDoesNotLengthenItsTimeThen) {
  api::Sandbox sandbox = running();
  sandbox.metadata.deletionTimestamp = epoch + minutes(1);
  api::Pod pod = ready(podOf(sandbox));
  pod.metadata.annotations[std::string(api::freezeAnnotation)] = "7";
  pod.status.conditions.push_back({.type = std::string(api::frozenCondition),
                                   .status = "True",
                                   .reason = "Asked",
                                   .message = "7",
                                   .lastTransitionTime = {}});
  EXPECT_EQ(planAt(seen(sandbox, {pod}), epoch + minutes(2)).again, sandbox.status.expiresAt);
  EXPECT_EQ(actionsOf<DeletePod>(planAt(seen(sandbox, {pod}), *sandbox.status.expiresAt)).size(), 1U);
  sandbox.status.pausedAt = epoch + seconds(30);
  EXPECT_GT(planAt(seen(sandbox, {pod}), epoch + minutes(2)).again, sandbox.status.expiresAt)
      << "as was told";
}

TEST(Plan, AnEndIsFinalWhateverAnOlderViewOfThePodSays) {
  api::Sandbox sandbox = running();
  const auto pod = ready(podOf(sandbox));
  sandbox.status = *planAt(seen(sandbox, {ended(pod, 1, "Error")}), epoch + minutes(1)).status;
  ASSERT_EQ(sandbox.status.phase, api::Phase::Failed);
  for (const api::Pod& alive : {pod, podOf(sandbox)}) {
    const Plan next = planAt(seen(sandbox, {alive}), epoch + minutes(1));
    EXPECT_FALSE(next.status);
    ASSERT_THAT(next.actions, SizeIs(1)) << "another replica may have given it";
    EXPECT_TRUE(actionsOf<DeletePod>(next).at(0).asSeen) << "one that has ended since is kept for its logs";
  }
  EXPECT_TRUE(isStill(planAt(seen(sandbox, {leaving(pod)}), epoch + minutes(1))));
  api::Pod ending = ended(pod, 1, "Error");
  ending.status.phase = "Running";
  EXPECT_TRUE(isStill(planAt(seen(sandbox, {ending}), epoch + minutes(1)))) << "it is kept for its logs";
}

TEST(Plan, DeletesThePodOfASandboxThatCannotBeDeleted) {
  const api::Sandbox sandbox = running();
  const Time expiry = *sandbox.status.expiresAt;
  Observed observed = seen(sandbox, {ready(podOf(sandbox))});
  observed.failure = Error{Errc::Forbidden, "admission webhook \"w\" denied the request"};
  observed.undeletable = true;
  EXPECT_TRUE(questions(observed, expiry).version);
  EXPECT_TRUE(isStill(planAt(observed, expiry))) << "its time may have been extended";
  observed.sandboxConfirmed = true;
  const Plan next = planAt(observed, expiry);
  ASSERT_THAT(next.actions, SizeIs(1));
  EXPECT_THAT(actionsOf<DeletePod>(next), SizeIs(1));
  ASSERT_TRUE(next.report);
  EXPECT_TRUE(next.report->warning);
  EXPECT_THAT(next.report->message, HasSubstr("webhook"));
}

TEST(Plan, TellsTheStartBeforeItDeletesThePodOfASandboxThatCannotBeDeleted) {
  api::Sandbox sandbox = aSandbox();  // no status could be written so far
  const Time late = epoch + hours(2);
  Observed observed = seen(sandbox, {ready(podOf(sandbox))});
  observed.failure = Error{Errc::Timeout, "the server closed the connection"};
  observed.undeletable = observed.sandboxConfirmed = true;
  const Plan first = planAt(observed, late);
  EXPECT_THAT(first.actions, SizeIs(0));
  ASSERT_TRUE(first.status);
  EXPECT_TRUE(first.status->startedAt);
  sandbox.status = *first.status;
  observed.sandbox = seen(sandbox, {}).sandbox;
  EXPECT_THAT(actionsOf<DeletePod>(planAt(observed, late)), SizeIs(1));
  Observed after = seen(sandbox, {});
  after.podConfirmedGone = true;
  EXPECT_THAT(actionsOf<CreatePod>(planAt(after, late)), SizeIs(0)) << "a sandbox runs once";
}

TEST(Plan, DeletesNoPodOfASandboxThatChangedMeanwhile) {
  const api::Sandbox sandbox = running();
  Observed observed = seen(sandbox, {ready(podOf(sandbox))});
  observed.failure = Error{Errc::Conflict, "the object has been modified"};
  observed.undeletable = true;
  EXPECT_FALSE(questions(observed, *sandbox.status.expiresAt).version);
}

// --- Pods of others, and stores that lag

api::Pod namesakesPod() {
  api::Sandbox earlier = aSandbox();
  earlier.metadata.uid = "uid-of-the-deleted-one";
  return ready(podOf(earlier));
}

TEST(Plan, NeverAdoptsThePodOfADeletedNamesake) {
  const Observed observed = seen(aSandbox(), {namesakesPod()});
  EXPECT_EQ(ownPod(observed), nullptr);
  const Plan next = planAt(observed);
  ASSERT_THAT(actionsOf<CreatePod>(next), SizeIs(1));
  EXPECT_NE(json::findString(actionsOf<CreatePod>(next)[0].pod, "metadata.name"),
            namesakesPod().metadata.name);
  EXPECT_FALSE(next.status);
}

TEST(Plan, DeletesAPodWhoseSandboxIsGoneOnceThatIsConfirmed) {
  Observed observed = seen(aSandbox(), {namesakesPod()});
  EXPECT_TRUE(questions(observed, epoch).sandbox);
  EXPECT_THAT(actionsOf<DeletePod>(planAt(observed)), IsEmpty()) << "the store may merely lag";
  observed.sandboxConfirmedGone = true;
  ASSERT_THAT(actionsOf<DeletePod>(planAt(observed)), SizeIs(1));
  EXPECT_EQ(actionsOf<DeletePod>(planAt(observed))[0].pod->metadata.uid, namesakesPod().metadata.uid);
  observed.sandbox = nullptr;
  EXPECT_THAT(actionsOf<DeletePod>(planAt(observed)), SizeIs(1));
  observed.sandboxConfirmedGone = false;
  EXPECT_TRUE(isStill(planAt(observed)));
}

TEST(Plan, DeletesAPodThatWasSetFreeToEscapeItsExpiry) {
  const api::Sandbox sandbox = running();
  api::Pod pod = ready(podOf(sandbox));
  pod.metadata.ownerReferences.clear();
  Observed observed = seen(sandbox, {pod});
  EXPECT_TRUE(questions(observed, epoch).sandbox);
  EXPECT_TRUE(questions(observed, epoch).pod);
  observed.sandboxConfirmedGone = true;
  observed.podConfirmedGone = true;
  const Plan next = planAt(observed, epoch + minutes(1));
  EXPECT_THAT(actionsOf<DeletePod>(next), SizeIs(1));
  EXPECT_EQ(readyReason(*next.status), reason::podLost);
}

TEST(Plan, DoesNotTakeAnOwnerForAController) {
  api::Pod pod = ready(podOf(aSandbox()));
  pod.metadata.ownerReferences[0].controller = false;
  EXPECT_EQ(ownPod(seen(aSandbox(), {pod})), nullptr);
}

TEST(Plan, LeavesPodsThatAreGoingAnyway) {
  Observed observed = seen(aSandbox(), {leaving(namesakesPod())});
  EXPECT_FALSE(questions(observed, epoch).sandbox);
  observed.sandboxConfirmedGone = true;
  EXPECT_THAT(actionsOf<DeletePod>(planAt(observed)), IsEmpty());
}

TEST(Plan, DoesNotMournAPodThatTheStoreMerelyLacks) {
  const api::Sandbox sandbox = running();
  Observed observed = seen(sandbox);
  EXPECT_TRUE(questions(observed, epoch + minutes(1)).pod);
  EXPECT_TRUE(isStill(planAt(observed, epoch + minutes(1))));
  observed.podConfirmedGone = true;
  const Plan next = planAt(observed, epoch + minutes(1));
  EXPECT_THAT(next.actions, IsEmpty())
      << "its memory and files are gone: it is not replaced behind its owner's back";
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::Phase::Failed);
  EXPECT_EQ(readyReason(*next.status), reason::podLost);
  EXPECT_TRUE(next.report);
}

TEST(Plan, ExpiresAlsoWhileThePodIsUnconfirmed) {
  const api::Sandbox sandbox = running();
  EXPECT_THAT(actionsOf<DeleteSandbox>(planAt(seen(sandbox), *sandbox.status.expiresAt)), SizeIs(1));
}

// --- What cannot be read

TEST(Plan, StartsNothingThatItCannotRead) {
  api::Sandbox sandbox = aSandbox();
  sandbox.unreadable = "spec.runtime: expected a string";
  const Plan next = planAt(seen(sandbox));
  EXPECT_THAT(next.actions, IsEmpty());
  ASSERT_TRUE(next.status);
  EXPECT_EQ(readyReason(*next.status), reason::unreadable);
  EXPECT_THAT(api::findCondition(next.status->conditions, condition::accepted)->message,
              HasSubstr("spec.runtime"));
  EXPECT_FALSE(next.status->runtime);
}

TEST(Plan, LeavesWhatRunsAsItIsWhenItCanNoLongerBeRead) {
  api::Sandbox sandbox = running();
  api::Pod pod = ready(podOf(sandbox));
  pod.metadata.labels[std::string(api::networkLabel)] = "of-the-old-spec";
  sandbox.unreadable = "spec.runtime: expected a string";
  sandbox.status.runtime = api::Runtime::kata;
  sandbox.status.expiresAt = epoch + hours(5);
  sandbox.spec = {};
  const Plan next = planAt(seen(sandbox, {pod}), epoch + hours(4));
  EXPECT_THAT(next.actions, IsEmpty());
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::Phase::Running);
  EXPECT_EQ(next.status->runtime, api::Runtime::kata);
  EXPECT_EQ(api::findCondition(next.status->conditions, condition::accepted)->reason, reason::unreadable);
  EXPECT_EQ(next.again, epoch + hours(5));
  EXPECT_THAT(planAt(seen(sandbox, {pod}), epoch + hours(5)).actions, SizeIs(2)) << "it ends in time";
}

}  // namespace
}  // namespace cloister::sandbox
