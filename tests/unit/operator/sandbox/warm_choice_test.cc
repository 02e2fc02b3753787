// Which pod of a pool a Sandbox takes, and from what its spec comes: from values alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pool/design.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/warm.h"
#include "operator/template/revision.h"
#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using std::chrono::minutes;
using test::actionsOf;
using test::aSandbox;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

api::SandboxTemplate aTemplate(const std::string& image = "python:3") {
  api::SandboxTemplate made;
  made.metadata.name = "python";
  made.metadata.namespace_ = "team";
  made.metadata.uid = "template-uid";
  made.spec.sandbox.image = image;
  return made;
}

api::SandboxPool aPool() {
  api::SandboxPool made;
  made.metadata.name = "warm";
  made.metadata.namespace_ = "team";
  made.metadata.uid = "pool-uid";
  made.spec.templateRef.name = "python";
  return made;
}

// hello, which names the pool.
api::Sandbox wish() {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.poolRef = api::LocalReference{"warm"};
  return sandbox;
}

std::shared_ptr<const api::ControllerRevision> revisionOf(const api::SandboxTemplate& from) {
  return std::make_shared<const api::ControllerRevision>(
      *json::decode<api::ControllerRevision>(templates::revisionOf(from)));
}

// The pod NAME, ready, as the pool once made it.
Offer offer(const std::string& name, const api::SandboxTemplate& from) {
  const auto design = pool::designOf(aPool(), &from, {});
  const auto pod = json::decode<api::Pod>(pool::podNamed(*design, name));
  return {.pod = std::make_shared<const api::Pod>(test::ready(*pod)),
          .revision = revisionOf(from),
          .shape = design->shape};
}

Observed seen(const api::Sandbox& sandbox, const std::vector<Offer>& offers,
              const api::SandboxTemplate& from = aTemplate()) {
  Observed observed = test::seen(sandbox);
  observed.pool = std::make_shared<const api::SandboxPool>(aPool());
  observed.template_ = std::make_shared<const api::SandboxTemplate>(from);
  observed.presentRevision = templates::revisionName(from);
  observed.presentShape = plainShape(from, {});
  observed.offers = offers;
  return observed;
}

Start startOf(const Observed& observed, const Config& config = {}) {
  const Completed whole = complete(observed, nullptr);
  return chooseStart(observed, whole.spec, resolve(whole.spec, config), config);
}

// The name of the pod that it takes; empty: none.
std::string taken(const Observed& observed, const Config& config = {}) {
  const Start start = startOf(observed, config);
  return start.offer == nullptr ? "" : start.offer->pod->metadata.name;
}

TEST(WarmChoice, PrefersThePresentRevisionHoweverPodsAreOffered) {
  const Offer older = offer("old", aTemplate("python:2"));
  const Offer present = offer("new", aTemplate());
  EXPECT_EQ(taken(seen(wish(), {older, present})), "new");
  EXPECT_EQ(taken(seen(wish(), {present, older})), "new");
  EXPECT_EQ(taken(seen(wish(), {older})), "old");
}

TEST(WarmChoice, ASandboxThatSetsNothingHasTheShapeOfThePoolsPods) {
  EXPECT_EQ(plainShape(aTemplate(), {}), offer("warm-0", aTemplate()).shape);
}

TEST(WarmChoice, TakesNoPodThatNobodyOwns) {
  Offer orphan = offer("orphan", aTemplate());
  api::Pod pod = *orphan.pod;
  pod.metadata.ownerReferences.clear();
  orphan.pod = std::make_shared<const api::Pod>(pod);
  EXPECT_EQ(taken(seen(wish(), {orphan})), "");
}

TEST(WarmChoice, TakesNoOlderPodThatLacksWhatTheSandboxSets) {
  api::Sandbox sandbox = wish();
  sandbox.spec.env = {{"KEY", "1"}};
  EXPECT_EQ(taken(seen(sandbox, {offer("old", aTemplate("python:2"))})), "");
}

TEST(WarmChoice, TakesNoPodOfARevisionThatRefusesTheSandbox) {
  api::SandboxTemplate strict = aTemplate("");
  strict.spec.overridable = std::vector<std::string>{};
  api::Sandbox sandbox = wish();
  sandbox.spec.lifecycle.ttl = minutes(3);
  EXPECT_EQ(taken(seen(sandbox, {offer("strict", strict)})), "");
  EXPECT_EQ(taken(seen(wish(), {offer("strict", strict)})), "strict");
}

TEST(WarmChoice, TakesNoPodThatIsNotAllowedAnyMore) {
  api::SandboxTemplate kata = aTemplate();
  kata.spec.sandbox.runtime = api::Runtime::kata;
  Config config;
  EXPECT_EQ(taken(seen(wish(), {offer("kata", kata)}), config), "kata");
  config.runtimes.kata.allowed = false;
  EXPECT_EQ(taken(seen(wish(), {offer("kata", kata)}), config), "");
}

// It has had a pod of that revision, which was lost before it started.
TEST(WarmChoice, StaysWithTheRevisionThatItIsPinnedTo) {
  api::Sandbox sandbox = wish();
  sandbox.status.templateRevision = templates::revisionName(aTemplate("python:2"));
  Observed observed = seen(sandbox, {offer("older", aTemplate("python:1")), offer("new", aTemplate())});
  observed.pinned = revisionOf(aTemplate("python:2"));
  EXPECT_EQ(taken(observed), "");
  EXPECT_THAT(startOf(observed).message, HasSubstr("another revision"));
  observed.offers.push_back(offer("pinned", aTemplate("python:2")));
  EXPECT_EQ(taken(observed), "pinned");
  observed.offers.clear();
  observed.template_ = nullptr;
  EXPECT_EQ(startOf(observed).reason, reason::poolMismatch) << "its template is gone meanwhile";
}

TEST(WarmChoice, NamesWhatTheSandboxSetsThatPodsOfThePoolDoNotHave) {
  api::SandboxTemplate open = aTemplate();
  open.spec.overridable = {"env", "lifecycle", "podMetadata", "restartPolicy"};
  api::Sandbox sandbox = wish();
  sandbox.spec.env = {{"KEY", "1"}};
  sandbox.spec.lifecycle.ttl = minutes(3);
  sandbox.spec.restartPolicy = api::RestartPolicy::Always;
  sandbox.spec.podMetadata.labels = {{"run", "1"}};
  EXPECT_THAT(startOf(seen(sandbox, {offer("warm", open)}, open)).message, HasSubstr("(env, podMetadata)"));
}

// --- The pod that comes of it

const Config config;

std::vector<std::string> labelsOf(const Observed& observed, std::string_view label) {
  std::vector<std::string> values;
  for (const CreatePod& action : actionsOf<CreatePod>(plan(observed, config, test::epoch)))
    values.push_back(api::labelOf(json::decode<api::Pod>(action.pod)->metadata, label));
  return values;
}

TEST(WarmChoice, TellsOnThePodWhatItWasMadeFrom) {
  const Observed present = seen(wish(), {});
  EXPECT_THAT(labelsOf(present, api::revisionLabel), ElementsAre(templates::revisionName(aTemplate())));
  const api::SandboxTemplate older = aTemplate("python:2");
  Observed pinned = present;
  api::Sandbox sandbox = wish();
  sandbox.status.templateRevision = templates::revisionName(older);
  pinned.sandbox = std::make_shared<const api::Sandbox>(sandbox);
  pinned.pinned = revisionOf(older);
  EXPECT_THAT(labelsOf(pinned, api::revisionLabel), ElementsAre(templates::revisionName(older)));
  const auto plain = actionsOf<CreatePod>(plan(test::seen(aSandbox()), config, test::epoch));
  ASSERT_THAT(plain, SizeIs(1));
  EXPECT_THAT(json::print(plain[0].pod), AllOf(Not(HasSubstr(std::string(api::revisionLabel))),
                                               Not(HasSubstr(std::string(api::coldStartAnnotation)))));
}

TEST(WarmChoice, KeepsTheRevisionOnlyOnceAndOnlyIfItIsItsOwn) {
  const auto kept = [](const Observed& observed) {
    return actionsOf<CreateRevision>(plan(observed, config, test::epoch)).size();
  };
  Observed observed = seen(wish(), {});
  EXPECT_EQ(kept(observed), 1);
  observed.presentIsKept = true;
  EXPECT_EQ(kept(observed), 0);
  observed.presentIsKept = false;
  observed.pinned = revisionOf(aTemplate("python:2"));
  EXPECT_EQ(kept(observed), 0);
}

TEST(WarmChoice, SaysNothingOfAStartInTheRoundThatTakesAPod) {
  const Plan next = plan(seen(wish(), {offer("warm", aTemplate())}), config, test::epoch + minutes(1));
  EXPECT_THAT(actionsOf<AdoptPod>(next), SizeIs(1));
  EXPECT_FALSE(next.status) << "the next round tells that it runs";
}

TEST(WarmChoice, KeepsTheTimeItWasToldWhenItsTemplateIsLost) {
  api::Sandbox sandbox = wish();
  sandbox.status.phase = api::Phase::Running;
  sandbox.status.templateRevision = "python-lost";
  sandbox.status.startedAt = test::epoch;
  sandbox.status.expiresAt = test::epoch + minutes(120);  // the template's ttl; without it, it would be 60
  const api::Pod pod = test::ready(test::podOf(sandbox));
  EXPECT_EQ(plan(test::seen(sandbox, {pod}), config, test::epoch + minutes(90)).again,
            sandbox.status.expiresAt);
  sandbox.spec.network.egress.mode = api::EgressMode::Internet;
  EXPECT_THAT(plan(test::seen(sandbox, {pod}), config, test::epoch + minutes(90)).actions, SizeIs(0))
      << "nobody knows whether its template would let it";
}

// --- Where the spec comes from

std::string refusalOf(const Observed& observed) {
  const auto refusal = complete(observed, nullptr).refusal;
  return refusal ? std::string(refusal->reason) + ": " + refusal->message : "";
}

TEST(WarmChoice, SaysWhereTheMissingTemplateIsNamed) {
  Observed observed = seen(wish(), {});
  observed.template_ = nullptr;
  EXPECT_THAT(refusalOf(observed),
              AllOf(HasSubstr("TemplateNotFound: spec.poolRef"), HasSubstr("\"python\"")));
  api::Sandbox direct = aSandbox();
  direct.spec.templateRef = api::LocalReference{"node"};
  observed = test::seen(direct);
  EXPECT_THAT(refusalOf(observed), AllOf(HasSubstr("TemplateNotFound: spec.templateRef"),
                                         HasSubstr("\"node\""), Not(HasSubstr("pool"))));
}

TEST(WarmChoice, StartsFromNoTemplateThatItCannotRead) {
  api::SandboxTemplate strange = aTemplate();
  strange.unreadable = ".spec.sandbox.runtime: none of gvisor, kata, runc";
  EXPECT_THAT(refusalOf(seen(wish(), {}, strange)),
              AllOf(HasSubstr("Unreadable: "), HasSubstr("none of gvisor")));
}

}  // namespace
}  // namespace cloister::sandbox
