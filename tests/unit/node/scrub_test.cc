#include "node/agent/scrub.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/node/files_stub.h"

namespace cloister::node {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const SnapshotId first{.namespace_ = "ns", .uid = "uid-1"};
const SnapshotId second{.namespace_ = "ns", .uid = "uid-2"};

TEST(NextScrub, IsTheOneThatWasReadLongestAgo) {
  const Instant now = Instant(hours(1000));
  EXPECT_FALSE(nextScrub({}, {}, now));
  EXPECT_EQ(nextScrub({first, second}, {{first, now}}, now)->id, second) << "never";
  EXPECT_EQ(nextScrub({first, second}, {{first, now}}, now)->at, now);
  const auto later = nextScrub({first, second}, {{first, now - hours(2)}, {second, now - hours(3)}}, now);
  EXPECT_EQ(later->id, second);
  EXPECT_EQ(later->at, now + hours(21));
  EXPECT_EQ(nextScrub({first}, {{second, now - hours(9)}}, now)->id, first) << "what is gone does not count";
}

class ScrubberTest : public testing::Test {
 protected:
  ScrubberTest() {
    EXPECT_TRUE(vault_.open());
    for (const SnapshotId& id : {first, second}) {
      const std::string folder = vault_.stage(id).value();
      files_.write(folder + "/checkpoint.img", "state").value();
      files_.write(folder + "/pages.img", std::string(3 * scrubBlock / 2, 'p')).value();
      folders_[id] = vault_
                         .publish(id, {.snapshotUID = id.uid,
                                       .podUID = "pod",
                                       .runtimeVersion = "v1",
                                       .files = {},
                                       .containers = {}})
                         ->folder;
    }
    group_.spawn("scrub", scrubber_.run());
  }
  ~ScrubberTest() override { cloister::test::run(clock_, group_.stop()); }

  // One byte in the middle of the file is another, as a disk may forget it.
  void forget(const SnapshotId& id, const std::string& file) {
    std::fstream stream(folders_[id] + "/" + file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(2);
    stream.put('!');
  }

  cloister::test::TempFolder folder_;
  FailingFiles files_;
  Vault vault_{files_, folder_.path("store")};
  std::map<SnapshotId, std::string> folders_;
  cloister::test::SimClock clock_;
  std::vector<std::string> reports_;
  Scrubber scrubber_{{.clock = clock_,
                      .files = files_,
                      .vault = vault_,
                      .disk = clock_.executor(),
                      .report = [this](const SnapshotId& id, const std::string& why) {
                        reports_.push_back(id.uid + ": " + why);
                      }}};
  TaskGroup group_{clock_.executor()};
};

TEST_F(ScrubberTest, FindsAByteThatChangedWithinADay) {
  clock_.advance(hours(1));
  EXPECT_THAT(reports_, IsEmpty());
  forget(second, "pages.img");
  clock_.advance(hours(24));
  EXPECT_THAT(reports_, ElementsAre("uid-2: its file pages.img is not as it was saved"));
  EXPECT_EQ(vault_.find(second).error().code, Errc::InvalidInput) << "nothing continues from it";
  EXPECT_TRUE(vault_.find(first).value());
  clock_.advance(hours(72));
  EXPECT_THAT(reports_, SizeIs(1)) << "once";
}

TEST_F(ScrubberTest, FindsAFileThatIsGone) {
  clock_.advance(hours(1));
  std::filesystem::remove(folders_[first] + "/checkpoint.img");
  clock_.advance(hours(24));
  EXPECT_THAT(reports_, ElementsAre("uid-1: its file checkpoint.img is missing"));
}

TEST_F(ScrubberTest, TakesWhatWasRemovedMeanwhileForNoDamage) {
  clock_.advance(hours(1));
  EXPECT_TRUE(vault_.remove(first));
  clock_.advance(hours(48));
  EXPECT_THAT(reports_, IsEmpty());
}

// The bound holds from the first byte on: both hold 12 MiB and 10 bytes.
TEST_F(ScrubberTest, ReadsNoFasterThanItMay) {
  const int before = files_.count;
  clock_.advance(milliseconds(100));
  EXPECT_LE(files_.count - before, 8) << "a file of five bytes and the first block of the other";
}

// A disk that cannot be read proves nothing of what it has.
TEST_F(ScrubberTest, CondemnsNothingThatItCannotRead) {
  files_.failAt = files_.count + 1;
  files_.dies = true;
  clock_.advance(hours(30));
  EXPECT_THAT(reports_, IsEmpty());
  files_.failAt = 0;
  forget(first, "checkpoint.img");
  clock_.advance(hours(30));
  EXPECT_THAT(reports_, ElementsAre(HasSubstr("uid-1")));
}

}  // namespace
}  // namespace cloister::node
