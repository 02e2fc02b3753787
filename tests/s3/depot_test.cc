// Two nodes with folders of their own, and a real server between them, which tests/s3/run starts.
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_client.h"
#include "node/agent/connect_depot.h"
#include "node/agent/evict.h"
#include "node/agent/fetcher.h"
#include "node/store/cipher.h"
#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/net/loopback.h"

namespace cloister::node {
namespace {

using testing::HasSubstr;

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set: run tests/s3/run");
  return value;
}

class TwoNodes : public testing::Test {
 protected:
  struct Node {
    Node(TwoNodes& with, const std::string& name)
        : vault(*with.files_, with.folder_.path(name)),
          depot(ConnectedDepot::open(with.context_.get_executor(), *with.clock_, *with.files_,
                                     with.context_.get_executor(), with.options_)
                    .value()),
          parts{.client = with.client_,
                .clock = *with.clock_,
                .stores = with.stores_,
                .vault = vault,
                .files = *with.files_,
                .runsc = *with.runsc_,
                .disk = with.context_.get_executor(),
                .node = name,
                .depot = &depot->depot()} {
      EXPECT_TRUE(vault.open());
    }
    Vault vault;
    std::unique_ptr<ConnectedDepot> depot;
    Parts parts;
  };

  // A snapshot that the first node has taken and stored: in parts, as it is larger than one.
  TwoNodes() {
    folder_.write("credentials/accessKey", setting("S3_ACCESS_KEY"));
    folder_.write("credentials/secretKey", setting("S3_SECRET_KEY"));
    folder_.write("keys/1", store::base64Of(store::randomBytes(store::keyBytes)));
    first_ = std::make_unique<Node>(*this, "first");
    second_ = std::make_unique<Node>(*this, "second");
    const std::string staged = first_->vault.stage(id_).value();
    EXPECT_TRUE(files_->write(staged + "/checkpoint.img", "state"));
    EXPECT_TRUE(files_->write(staged + "/pages.img", store::randomBytes(20'000'000)));
    Manifest manifest;
    manifest.snapshotUID = id_.uid;
    kept_ = first_->vault.publish(id_, std::move(manifest)).value();
    Depot& depot = first_->depot->depot();
    snapshot_.metadata.name = "saved";
    snapshot_.metadata.namespace_ = id_.namespace_;
    snapshot_.metadata.uid = id_.uid;
    snapshot_.status.phase = api::SnapshotPhase::Ready;
    snapshot_.status.digest = kept_.digest;
    api::Condition& stored = snapshot_.status.conditions.emplace_back();
    stored.type = "Stored";
    stored.status = "True";
    snapshot_.status.store = depot.choosePlace(id_, "cluster").value();
    snapshot_.status.store->sizeBytes = run(depot.store(id_, kept_, place())).value();
    stores_.snapshots.replace("", {snapshot_}, "1");
  }

  template <class T>
  T run(Task<T> task) {
    return cloister::test::run(context_, std::move(task));
  }
  const api::SnapshotStore& place() { return *snapshot_.status.store; }
  Result<void> fetch(Node& node) {
    Fetcher fetcher(node.parts, node.depot->depot(), 1);
    return run(fetcher.fetch(snapshot_));
  }
  Result<void> confirm() { return run(second_->depot->depot().confirm(id_, place(), kept_.digest)); }
  void expectWhole(Node& node) {
    const auto there = node.vault.find(id_).value();
    ASSERT_TRUE(there);
    EXPECT_EQ(there->digest, kept_.digest);
    EXPECT_TRUE(node.vault.verify(*there));
  }
  // What others do there.
  store::Bucket bucket() {
    return store::Bucket(http_, *clock_, placeOf(options_).value(),
                         store::atOnce([this] { return readCredentials(options_.credentials); }), {});
  }

  cloister::test::TempFolder folder_;
  boost::asio::io_context context_;
  std::unique_ptr<Clock> clock_ = realClock(context_.get_executor());
  std::unique_ptr<Files> files_ = realFiles();
  std::unique_ptr<Runsc> runsc_ = realRunsc(context_.get_executor(), "none", "none", "");
  net::HttpClient http_{context_.get_executor(), *net::parseBaseUrl(setting("S3_ENDPOINT")), nullptr};
  kube::Client client_{http_, *clock_};  // which is not asked
  DepotOptions options_{.endpoint = setting("S3_ENDPOINT"),
                        .bucket = "saved",
                        .prefix = store::base64Of(store::randomBytes(6)) + "/",
                        .credentials = folder_.path("credentials"),
                        .keys = folder_.path("keys"),
                        .currentKey = "1",
                        .ca = ""};
  Stores stores_;
  const SnapshotId id_{.namespace_ = "team", .uid = "uid-1"};
  Kept kept_;
  api::SandboxSnapshot snapshot_;
  std::unique_ptr<Node> first_;
  std::unique_ptr<Node> second_;
};

TEST_F(TwoNodes, OneHasWhatTheOtherStored) {
  EXPECT_TRUE(confirm());
  ASSERT_TRUE(first_->vault.remove(id_));
  for (Node* node : {second_.get(), first_.get()}) {
    const auto fetched = fetch(*node);
    ASSERT_TRUE(fetched) << fetched.error().message;
    expectWhole(*node);
  }
}

TEST_F(TwoNodes, FindAByteThatChangedInTheBucket) {
  store::Bucket there = bucket();
  for (const store::Object& object : run(there.list(place().location)).value()) {
    const std::string good = run(there.get(object.key, 0, 64 << 20)).value();
    std::string bad = good;
    bad[bad.size() / 2] ^= 1;
    ASSERT_TRUE(run(there.put(object.key, bad)));
    EXPECT_EQ(fetch(*second_).error().code, Errc::InvalidInput) << object.key;
    EXPECT_FALSE(second_->vault.find(id_).value());
    ASSERT_TRUE(run(there.put(object.key, good)));
  }
  ASSERT_TRUE(fetch(*second_));
  expectWhole(*second_);
}

TEST_F(TwoNodes, ConfirmOnlyWhatIsThereAsAWhole) {
  store::Bucket there = bucket();
  for (const store::Object& object : run(there.list(place().location)).value()) {
    const std::string good = run(there.get(object.key, 0, 64 << 20)).value();
    ASSERT_TRUE(run(there.put(object.key, good.substr(1))));
    EXPECT_EQ(confirm().error().code, Errc::InvalidInput) << object.key;
    ASSERT_TRUE(run(there.remove(object.key)));
    EXPECT_FALSE(confirm()) << object.key;
    ASSERT_TRUE(run(there.put(object.key, good)));
    EXPECT_TRUE(confirm()) << object.key;
  }
}

TEST_F(TwoNodes, EvictWhatTheServerHas) {
  const SnapshotId next{.namespace_ = "team", .uid = "next"};
  first_->parts.quota = 30'000'000;
  EXPECT_THAT(run(makeRoom(first_->parts, next, 15'000'000)).error().message,
              HasSubstr("snapshots.localQuota"))
      << "it has just been written";
  ASSERT_TRUE(first_->vault.use(id_, clock_->now() - std::chrono::hours(1)));
  const auto made = run(makeRoom(first_->parts, next, 15'000'000));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_FALSE(first_->vault.find(id_).value());
  first_->vault.release(next);
  ASSERT_TRUE(fetch(*first_));
  expectWhole(*first_);
}

}  // namespace
}  // namespace cloister::node
