#include "operator/pool/idle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister::pool {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const kube::ObjectKey pool{"team", "ready"};

api::Pod idle(const std::string& name, const std::string& node, const std::string& revision = "r1") {
  api::Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "team";
  pod.metadata.labels = {{std::string(api::sandboxLabel), ""},
                         {std::string(api::poolLabel), "ready"},
                         {std::string(api::revisionLabel), revision}};
  pod.metadata.annotations = {{std::string(api::shapeAnnotation), "s1"}};
  pod.metadata.ownerReferences = {{.apiVersion = std::string(api::apiVersion),
                                   .kind = "SandboxPool",
                                   .name = "ready",
                                   .uid = "u",
                                   .controller = true,
                                   .blockOwnerDeletion = false}};
  return test::scheduled(test::ready(pod), node);
}

TEST(IdlePods, OffersTheBestOfEachGroup) {
  IdlePods pods;
  for (const api::Pod& pod : {idle("a", "n1"), idle("b", "n2"), idle("c", "n2"), idle("d", "n1", "r0")}) {
    pods.changed(nullptr, &pod);
  }
  EXPECT_EQ(pods.ready(pool), 4);
  const auto offers = pods.offers(pool, {});
  ASSERT_THAT(offers, SizeIs(2));
  EXPECT_EQ(offers[0].group.revision, "r0");
  EXPECT_EQ(offers[0].pod.name, "d");
  EXPECT_EQ(offers[1].group.shape, "s1");
  EXPECT_EQ(offers[1].pod.name, "a") << "as many on either node, and the first wins";
  EXPECT_EQ(pods.offers(pool, {"n1"})[0].pod.name, "b");
  EXPECT_THAT(pods.offers(pool, {"n1", "n2"}), IsEmpty());
  EXPECT_THAT(pods.offers({"other", "ready"}, {}), IsEmpty());
}

TEST(IdlePods, OffersNothingTwice) {
  IdlePods pods;
  const api::Pod a = idle("a", "n1");
  const api::Pod b = idle("b", "n1");
  pods.changed(nullptr, &a);
  pods.changed(nullptr, &b);
  pods.hold({"team", "a"});
  EXPECT_EQ(pods.offers(pool, {})[0].pod.name, "b");
  pods.hold({"team", "b"});
  EXPECT_THAT(pods.offers(pool, {}), IsEmpty());
  pods.letGo({"team", "a"});
  EXPECT_EQ(pods.offers(pool, {})[0].pod.name, "a");
}

TEST(IdlePods, ForgetsWhatIsTakenLeavesOrFails) {
  const api::Pod was = idle("a", "n1");
  const auto staysAfter = [&](const api::Pod* after) {
    IdlePods pods;
    pods.changed(nullptr, &was);
    pods.changed(&was, after);
    return pods.ready(pool) == 1 && !pods.offers(pool, {}).empty();
  };
  EXPECT_TRUE(staysAfter(&was));
  EXPECT_FALSE(staysAfter(nullptr));
  api::Pod taken = was;
  taken.metadata.labels[std::string(api::sandboxLabel)] = "hello";
  EXPECT_FALSE(staysAfter(&taken));
  const api::Pod leaving = test::leaving(was);
  EXPECT_FALSE(staysAfter(&leaving));
  const api::Pod unready = test::unready(was);
  EXPECT_FALSE(staysAfter(&unready));
  api::Pod orphan = was;
  orphan.metadata.ownerReferences.clear();
  EXPECT_FALSE(staysAfter(&orphan));
  for (const auto member : {&api::OwnerReference::kind, &api::OwnerReference::name}) {
    api::Pod forged = was;
    forged.metadata.ownerReferences[0].*member = "Other";
    EXPECT_FALSE(staysAfter(&forged));
  }
}

TEST(IdlePods, KeepsTheOthersWhenOneGoes) {
  const std::vector all{idle("a", "n1"), idle("b", "n1"), idle("c", "n1", "r0"), idle("d", "n2", "r0")};
  IdlePods pods;
  for (const api::Pod& pod : all) pods.changed(nullptr, &pod);
  for (size_t gone = 0; gone < all.size(); ++gone) {
    EXPECT_EQ(pods.ready(pool), all.size() - gone);
    pods.changed(&all[gone], nullptr);
  }
  EXPECT_EQ(pods.ready(pool), 0);
}

TEST(IdlePods, HasNothingToForgetOfWhatItNeverKnew) {
  const api::Pod known = idle("a", "n1");
  const std::vector unknown{idle("b", "n1", "r0"), idle("b", "n2"), idle("b", "n1")};
  IdlePods pods;
  pods.changed(&known, nullptr);
  pods.changed(nullptr, &known);
  for (const api::Pod& pod : unknown) pods.changed(&pod, nullptr);
  EXPECT_EQ(pods.ready(pool), 1);
}

}  // namespace
}  // namespace cloister::pool
