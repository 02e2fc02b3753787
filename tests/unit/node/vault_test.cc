#include "node/agent/vault.h"

#include <filesystem>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/node/files_stub.h"

namespace cloister::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const SnapshotId id{.namespace_ = "ns", .uid = "uid-1"};

class VaultTest : public testing::Test {
 protected:
  VaultTest() { EXPECT_TRUE(vault_.open()); }

  static Manifest manifest() {
    return {.snapshotUID = id.uid,
            .podUID = "pod",
            .runtimeVersion = "v1",
            .duration = milliseconds(40),
            .files = {},
            .containers = {{.name = "", .spec = json::object{{"a", 1}}}}};
  }
  void stageFiles() {
    const auto folder = vault_.stage(id);
    ASSERT_TRUE(folder) << folder.error().message;
    files_->write(*folder + "/checkpoint.img", "state").value();
    files_->write(*folder + "/pages.img", std::string(5000, 'p')).value();
  }
  // As a new process finds it.
  size_t debris() { return files_->list(root_ + "/.staging")->size(); }

  cloister::test::TempFolder folder_;
  std::string root_ = folder_.path("store");
  std::unique_ptr<Files> files_ = realFiles();
  Vault vault_{*files_, root_};
};

TEST_F(VaultTest, KeepsWhatIsPublished) {
  stageFiles();
  EXPECT_FALSE(vault_.find(id).value()) << "not yet";
  const auto made = vault_.publish(id, manifest());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(sizeOf(made->manifest), 5005);
  const auto found = vault_.find(id).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->manifest, made->manifest);
  EXPECT_EQ(found->digest, made->digest);
  EXPECT_TRUE(vault_.check(*found));
  EXPECT_THAT(vault_.all().value(), ElementsAre(id));
  EXPECT_EQ(debris(), 0U);
}

TEST_F(VaultTest, IsRootsAlone) {
  stageFiles();
  const std::string folder = vault_.publish(id, manifest())->folder;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
    struct stat found{};
    ASSERT_EQ(::stat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0077, 0U) << entry.path();
  }
}

TEST_F(VaultTest, ClosesAFolderThatOthersMade) {
  ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
  EXPECT_TRUE(vault_.open());
  struct stat found{};
  ASSERT_EQ(::stat(root_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700U);
}

TEST_F(VaultTest, RemovesIt) {
  stageFiles();
  vault_.publish(id, manifest()).value();
  EXPECT_TRUE(vault_.remove(id));
  EXPECT_FALSE(vault_.find(id).value());
  EXPECT_THAT(vault_.all().value(), IsEmpty());
  EXPECT_EQ(debris(), 0U);
  EXPECT_TRUE(vault_.remove(id)) << "again";
}

TEST_F(VaultTest, NoticesAFileThatIsShorterOrGone) {
  stageFiles();
  const Kept kept = vault_.publish(id, manifest()).value();
  std::filesystem::resize_file(kept.folder + "/pages.img", 4999);
  EXPECT_THAT(vault_.check(kept).error().message, HasSubstr("pages.img has 4999 bytes in place of 5000"));
  std::filesystem::remove(kept.folder + "/pages.img");
  EXPECT_EQ(vault_.check(kept).error().code, Errc::NotFound);
}

TEST_F(VaultTest, HasAnotherDigestWhenTheManifestIsChanged) {
  stageFiles();
  const Kept kept = vault_.publish(id, manifest()).value();
  Manifest other = kept.manifest;
  other.files.back().sha256[0] ^= 1;
  std::filesystem::remove(kept.folder + "/manifest.json");
  files_->write(kept.folder + "/manifest.json", textOf(other)).value();
  EXPECT_NE(vault_.find(id).value()->digest, kept.digest);
}

TEST_F(VaultTest, RefusesAManifestOfAnotherSnapshotOrNone) {
  stageFiles();
  Manifest other = manifest();
  other.snapshotUID = "uid-2";
  vault_.publish(id, other).value();
  EXPECT_FALSE(vault_.find(id));
  stageFiles();
  for (const char* text : {"", "{", "[]", R"({"version":2})", R"({"files":[{"name":"../x"}]})"}) {
    EXPECT_FALSE(parseManifest(text)) << text;
  }
}

TEST_F(VaultTest, RefusesNamesThatLeadElsewhere) {
  for (const SnapshotId& bad : {SnapshotId{"..", "u"}, SnapshotId{"ns", ".."}, SnapshotId{"ns", "a/b"},
                                SnapshotId{"", "u"}, SnapshotId{".staging", "u"}, SnapshotId{"ns", ""}}) {
    EXPECT_FALSE(vault_.stage(bad));
    EXPECT_FALSE(vault_.find(bad));
    EXPECT_FALSE(vault_.remove(bad));
  }
}

TEST_F(VaultTest, FindsNoneThatWasCondemned) {
  stageFiles();
  vault_.publish(id, manifest()).value();
  vault_.condemn(id, "its file pages.img is not as it was saved");
  EXPECT_EQ(vault_.find(id).error().code, Errc::InvalidInput);
  EXPECT_THAT(vault_.all().value(), ElementsAre(id)) << "it goes with its object";
  EXPECT_TRUE(vault_.remove(id));
}

TEST_F(VaultTest, TellsWhatIsSound) {
  EXPECT_FALSE(vault_.sound(id, "sha256:1").value()) << "there is none";
  stageFiles();
  const Kept kept = vault_.publish(id, manifest()).value();
  EXPECT_EQ(vault_.sound(id, kept.digest).value()->digest, kept.digest);
  EXPECT_EQ(vault_.sound(id, "sha256:1").error().code, Errc::InvalidInput);
  for (const int step : {1, 2, 3}) {
    FailingFiles broken;
    broken.failAt = step;
    Vault vault(broken, root_);
    EXPECT_EQ(vault.sound(id, kept.digest).error().code, Errc::Internal) << "which proves nothing";
  }
  std::filesystem::remove(kept.folder + "/pages.img");
  EXPECT_EQ(vault_.sound(id, kept.digest).error().code, Errc::InvalidInput);
}

TEST_F(VaultTest, ReservesRoom) {
  FailingFiles disk;
  disk.free = 1000;
  Vault vault(disk, root_);
  const SnapshotId other{.namespace_ = "ns", .uid = "uid-2"};
  vault.reserve(id, 300);
  vault.reserve(other, 200);
  EXPECT_EQ(vault.room().value(), 500);
  vault.arrived(id, 200);
  vault.release(other);
  EXPECT_EQ(vault.room().value(), 900);
  EXPECT_EQ(vault.reserved(), 300) << "also what is there";
  vault.arrived(id, 200);
  EXPECT_EQ(vault.room().value(), 1000);
  vault.reserve(id, 2000);
  EXPECT_EQ(vault.room().value(), 0);
}

// What is bad serves until then for nothing, but proves that the disk is mounted.
TEST_F(VaultTest, ReplacesWhatWasThereWithWhatWasBrought) {
  stageFiles();
  const Kept kept = vault_.publish(id, manifest()).value();
  const std::string text = files_->read(kept.folder + "/manifest.json").value();
  std::filesystem::remove(kept.folder + "/pages.img");
  vault_.stage(id).value();
  EXPECT_FALSE(vault_.adopt(id, text)) << "nothing has been brought";
  EXPECT_TRUE(vault_.find(id).value()) << "what was there stays";
  stageFiles();
  ASSERT_TRUE(vault_.adopt(id, text));
  EXPECT_TRUE(vault_.verify(*vault_.find(id).value()));
  EXPECT_EQ(debris(), 0U);
}

TEST_F(VaultTest, RemovesItWhileItsSuccessorIsBrought) {
  stageFiles();
  vault_.publish(id, manifest()).value();
  stageFiles();
  ASSERT_TRUE(vault_.remove(id));
  EXPECT_EQ(debris(), 1U);
  EXPECT_TRUE(vault_.publish(id, manifest()));
}

TEST_F(VaultTest, PublishesNoEmptyCheckpoint) {
  vault_.stage(id).value();
  EXPECT_FALSE(vault_.publish(id, manifest()));
}

// Whatever fails, or dies, at whichever step: there is a whole snapshot or none, and after the next start
// nothing else.
TEST_F(VaultTest, IsWholeOrAbsentWhateverFails) {
  for (const bool dies : {false, true}) {
    for (int step = 1;; ++step) {
      FailingFiles broken;
      Vault vault(broken, root_);
      stageFiles();
      broken.failAt = step;
      broken.dies = dies;
      const auto made = vault.publish(id, manifest());
      const auto removed = vault.remove(id);
      EXPECT_TRUE(vault_.open());
      const auto found = vault_.find(id);
      ASSERT_TRUE(found) << step << ": " << found.error().message;
      if (*found) {
        EXPECT_TRUE(vault_.check(**found)) << step;
      }
      EXPECT_EQ(debris(), 0U) << step;
      EXPECT_THAT(vault_.all().value(), SizeIs(*found ? 1 : 0));
      EXPECT_TRUE(vault_.remove(id));
      if (made && removed) break;
      ASSERT_LT(step, 50);
    }
  }
}

TEST_F(VaultTest, BeginsAnewWhereSomethingWasLeft) {
  stageFiles();
  stageFiles();
  EXPECT_TRUE(vault_.publish(id, manifest()));
}

}  // namespace
}  // namespace cloister::node
