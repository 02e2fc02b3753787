// What no SandboxSnapshot refers to any more goes from the store, and nothing else.
#include "node/agent/sweep.h"

#include "tests/unit/node/storing.h"

namespace cloister::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Sweep : public Storing {
 protected:
  Sweep() { EXPECT_TRUE(store()); }

  Result<std::vector<SnapshotId>> sweep() {
    store::Bucket with = bucket();
    Depot from = depot(with, *files_);
    Sweeper sweeper({.client = client_, .clock = clock_, .depot = from});
    return test::run(clock_, sweeper.sweep());
  }
  void forget() { server_.storage().erase({"sandboxsnapshots", {"team", "saved"}}); }
  std::string cluster() {
    return json::findString(server_.storage().get({"namespaces", {"", "kube-system"}})->json, "metadata.uid");
  }
  void put(const std::string& key) { s3_.objects[key] = "x"; }
};

TEST_F(Sweep, TakesWhatWasDeleted) {
  forget();
  EXPECT_THAT(sweep().value(), ElementsAre(id_));
  EXPECT_THAT(s3_.objects, IsEmpty());
}

TEST_F(Sweep, LeavesWhatIsThere) {
  const auto before = s3_.objects;
  EXPECT_THAT(sweep().value(), IsEmpty());
  EXPECT_EQ(s3_.objects, before);
}

// Its finalizer keeps it: it may still be restored from.
TEST_F(Sweep, LeavesWhatIsBeingDeleted) {
  server_.edit("user", {"sandboxsnapshots", {"team", "saved"}}, [](json::value& object) {
    object.at("metadata").as_object()["finalizers"] = json::array{"example.com/backup"};
    object.at("metadata").as_object()["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  });
  EXPECT_THAT(sweep().value(), IsEmpty());
}

TEST_F(Sweep, LeavesWhatComesBackWithinTenMinutes) {
  const auto object = server_.storage().get({"sandboxsnapshots", {"team", "saved"}})->json;
  const auto before = s3_.objects;
  forget();
  clock_.at(clock_.instant() + sweepDoubt / 2,
            [&] { server_.storage().put({"sandboxsnapshots", {"team", "saved"}}, object); });
  EXPECT_THAT(sweep().value(), IsEmpty());
  EXPECT_EQ(s3_.objects, before);
}

TEST_F(Sweep, LeavesEverythingWhenAnotherClusterAnswers) {
  const auto before = s3_.objects;
  forget();
  clock_.at(clock_.instant() + sweepDoubt / 2, [&] {
    server_.edit("admin", {"namespaces", {"", "kube-system"}},
                 [](json::value& object) { object.at("metadata").as_object()["uid"] = "another"; });
  });
  EXPECT_THAT(sweep().error().message, HasSubstr("another cluster"));
  EXPECT_EQ(s3_.objects, before);
}

TEST_F(Sweep, LeavesWhatIsNotThisClusters) {
  forget();
  const std::string root = "saved/" + cluster();
  const std::vector<std::string> others = {"saved/other/team/uid/1/f",
                                           "saved/f",
                                           root + "/f",
                                           root + "/team/f",
                                           root + "2/team/uid/1/f",
                                           "other/" + cluster() + "/team/uid/1/f"};
  for (const std::string& key : others) put(key);
  EXPECT_THAT(sweep().value(), ElementsAre(id_));
  for (const std::string& key : others) EXPECT_TRUE(s3_.objects.contains(key)) << key;
  EXPECT_EQ(s3_.objects.size(), others.size());
}

TEST_F(Sweep, TakesFormerPlacesAndUploadsThatWereBegunAsWell) {
  forget();
  const std::string folder = "saved/" + cluster() + "/";
  put(folder + "team/" + id_.uid + "/former/manifest.json");
  s3_.uploads["1"] = {.key = folder + "team/" + id_.uid + "/former/pages.img", .parts = {}};
  s3_.uploads["2"] = {.key = folder + "team/begun-only/1/pages.img", .parts = {}};
  s3_.uploads["3"] = {.key = "saved/other/team/uid/1/pages.img", .parts = {}};
  EXPECT_THAT(sweep().value(), testing::UnorderedElementsAre(id_, SnapshotId{"team", "begun-only"}));
  EXPECT_THAT(s3_.objects, IsEmpty());
  EXPECT_EQ(s3_.uploads.size(), 1U);
  EXPECT_TRUE(s3_.uploads.contains("3"));
}

TEST_F(Sweep, ReadsAllPages) {
  forget();
  s3_.pageSize = 1;
  for (int i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    put("saved/" + cluster() + "/space-" + number + "/a/1/f");
    put("saved/" + cluster() + "/space-" + number + "/b/1/f");
  }
  EXPECT_EQ(sweep().value().size(), 7U);
  EXPECT_THAT(s3_.objects, IsEmpty());
}

// A list of many pages, of which each has some that are there.
TEST_F(Sweep, LeavesWhatIsOnAnyPageOfTheSandboxSnapshots) {
  for (int i = 0; i < 12; ++i) {
    const std::string name = "more-" + std::to_string(i);
    server_.create("user", "sandboxsnapshots", {{"metadata", {{"name", name}, {"namespace", "team"}}}});
    const auto object = server_.storage().get({"sandboxsnapshots", {"team", name}})->json;
    put("saved/" + cluster() + "/team/" + json::findString(object, "metadata.uid") + "/1/f");
  }
  server_.pageLimit = 5;
  const auto before = s3_.objects;
  EXPECT_THAT(sweep().value(), IsEmpty());
  EXPECT_EQ(s3_.objects, before);
}

TEST_F(Sweep, GoesOnAfterEachFailure) {
  forget();
  const auto all = s3_.objects;
  for (int call = 1;; ++call) {
    s3_.objects = all;
    s3_.count = 0;
    s3_.failAt = call;
    const bool done = sweep().has_value();
    const int calls = s3_.count;
    s3_.failAt = 0;
    ASSERT_TRUE(sweep());
    EXPECT_THAT(s3_.objects, IsEmpty()) << call;
    if (calls < call) {
      EXPECT_TRUE(done);
      break;
    }
    EXPECT_FALSE(done) << call;
  }
}

TEST_F(Sweep, SaysWhatToDoWhereItMayNotDelete) {
  forget();
  const auto before = s3_.objects;
  s3_.trouble = FakeS3::Trouble::Denied;
  s3_.failAt = s3_.count + 5 + 1;  // two lists of folders, one of uploads; then those of the snapshot
  const auto error = sweep().error();
  EXPECT_THAT(error.message, HasSubstr("snapshots.store.sweep"));
  EXPECT_EQ(s3_.objects, before);
}

TEST_F(Sweep, NothingGoesWhileTheListsCannotBeRead) {
  forget();
  const auto before = s3_.objects;
  clock_.at(clock_.instant() + sweepDoubt / 2, [&] {
    transport_.on("GET", "/apis/cloister.dev", [](const net::Request&) {
      return net::Response{.status = 503, .headers = {}, .body = "{}"};
    });
  });
  EXPECT_FALSE(sweep());
  EXPECT_EQ(s3_.objects, before);
}

}  // namespace
}  // namespace cloister::node
