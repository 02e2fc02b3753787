#include "node/agent/preparer.h"

#include <fstream>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/node/files_stub.h"

namespace cloister::node {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A node with gVisor, whose containerd started before anything is installed.
class PreparerTest : public testing::Test {
 protected:
  PreparerTest() {
    settings_ = {
        .program = folder_.write("image/cloister-runsc", "elf"),
        .folder = folder_.path("opt/cloister"),
        .runsc = folder_.write("bin/runsc", "runsc"),
        .runscRoot = folder_.path("run/runsc"),
        .containerdConfig = folder_.write("etc/config.toml", "version = 3\nimports = ['conf.d/*.toml']\n"),
        .containerdSocket = folder_.write("run/containerd.sock", ""),
        .dropIn = folder_.path("etc/conf.d/cloister.toml")};
    std::filesystem::create_directories(folder_.path("etc/conf.d"));
    std::filesystem::create_directories(folder_.path("opt"));
  }

  Result<Outcome> install() { return node::install(*files_, settings_); }
  Result<Outcome> uninstall() { return node::uninstall(*files_, settings_); }
  std::string read(const std::string& path) { return files_->read(path).value(); }
  // Everything below opt and etc/conf.d, by path.
  std::map<std::string, std::string> onNode() {
    std::map<std::string, std::string> found;
    for (const char* root : {"opt", "etc/conf.d"}) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path(root)))
        if (entry.is_regular_file()) found[entry.path()] = read(entry.path());
    }
    return found;
  }
  // The clock of the file system is coarse.
  void writeLater(const std::string& path, const std::string& text, const std::string& than) {
    do {
      std::ofstream(path) << text;
    } while (files_->changedAt(path).value() <= files_->changedAt(than).value());
  }

  cloister::test::TempFolder folder_;
  Preparation settings_;
  std::unique_ptr<Files> files_ = realFiles();
};

TEST_F(PreparerTest, InstallsAndSaysThatContainerdMustReadIt) {
  const auto outcome = install();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_THAT(outcome->written, SizeIs(4));
  EXPECT_EQ(outcome->written.back(), settings_.dropIn) << "when all that it names is there";
  EXPECT_TRUE(outcome->needsRestart);
  EXPECT_EQ(read(settings_.folder + "/cloister-runsc"), "elf");
  struct stat program{};
  ASSERT_EQ(::stat((settings_.folder + "/cloister-runsc").c_str(), &program), 0);
  EXPECT_EQ(program.st_mode & 0777, 0755U);
}

TEST_F(PreparerTest, ChangesNothingTheSecondTime) {
  install().value();
  const auto before = onNode();
  const auto written = files_->changedAt(settings_.dropIn).value();
  const auto again = install().value();
  EXPECT_THAT(again.written, IsEmpty());
  EXPECT_TRUE(again.needsRestart) << "not yet restarted";
  EXPECT_EQ(onNode(), before);
  EXPECT_EQ(files_->changedAt(settings_.dropIn).value(), written);
  writeLater(settings_.containerdSocket, "", settings_.dropIn);
  EXPECT_FALSE(install()->needsRestart);
  std::filesystem::remove(settings_.containerdSocket);
  EXPECT_FALSE(install()->needsRestart) << "it will read it when it starts";
}

TEST_F(PreparerTest, UpgradesWithoutARestart) {
  install().value();
  writeLater(settings_.containerdSocket, "", settings_.dropIn);
  folder_.write("image/cloister-runsc", "newer");
  const auto outcome = install().value();
  EXPECT_THAT(outcome.written, ElementsAre(settings_.folder + "/cloister-runsc"));
  EXPECT_FALSE(outcome.needsRestart);
  EXPECT_EQ(read(settings_.folder + "/cloister-runsc"), "newer");
}

TEST_F(PreparerTest, WritesNothingWhereTheNodeIsNotAsItHasToBe) {
  const std::pair<std::function<void()>, const char*> cases[] = {
      {[&] { std::filesystem::remove(settings_.runsc); }, "install gVisor"},
      {[&] { folder_.write("etc/config.toml", "version = 3\n"); }, "put this line above its first table"},
      {[&] { folder_.write("etc/config.toml", "version = 2\nimports = ['conf.d/*']"); },
       "containerd config migrate"},
      {[&] { std::filesystem::remove(settings_.containerdConfig); }, "containerd's configuration"},
      {[&] { folder_.write("etc/conf.d/cloister.toml", "mine"); }, "move it away"},
      {[&] { std::filesystem::remove(settings_.program); }, "image/cloister-runsc"}};
  for (const auto& [spoil, message] : cases) {
    folder_.write("bin/runsc", "runsc");
    folder_.write("etc/config.toml", "version = 3\nimports = ['conf.d/*.toml']\n");
    std::filesystem::remove(settings_.dropIn);
    folder_.write("image/cloister-runsc", "elf");
    spoil();
    const auto before = onNode();
    EXPECT_THAT(install().error().message, HasSubstr(message));
    EXPECT_EQ(onNode(), before);
  }
}

TEST_F(PreparerTest, UninstallsAllOfIt) {
  install().value();
  const auto outcome = uninstall();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->removed.front(), settings_.dropIn) << "before what it names";
  EXPECT_TRUE(outcome->needsRestart);
  EXPECT_THAT(onNode(), IsEmpty());
  EXPECT_THAT(uninstall()->removed, IsEmpty()) << "again";
}

TEST_F(PreparerTest, LeavesWhatWasChangedSince) {
  install().value();
  std::ofstream(settings_.folder + "/runsc.toml") << "mine";
  const auto outcome = uninstall().value();
  EXPECT_THAT(outcome.left, ElementsAre(settings_.folder + "/runsc.toml"));
  EXPECT_EQ(onNode(), (std::map<std::string, std::string>{{settings_.folder + "/runsc.toml", "mine"}}));
}

TEST_F(PreparerTest, StaysWhileSandboxesRun) {
  install().value();
  const auto before = onNode();
  folder_.write("run/runsc/k8s.io/abc_sandbox:abc.state", "{}");
  const auto outcome = uninstall();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::Conflict);
  EXPECT_THAT(outcome.error().message, HasSubstr("drain it first"));
  EXPECT_EQ(onNode(), before);
}

// Whatever fails, or dies, at whichever step: what stands in a file's place is the former or the new one, and
// the next try ends as if nothing had been.
TEST_F(PreparerTest, IsDoneAgainWhateverFails) {
  const auto isWhole = [&](int step) {
    for (const auto& [path, text] : onNode()) {
      if (path.ends_with("cloister-runsc")) EXPECT_THAT(text, AnyOf("elf", "newer", "newest")) << step;
      if (path == settings_.dropIn) EXPECT_TRUE(text.ends_with("runsc.toml'\n")) << step;
    }
  };
  for (const bool dies : {false, true}) {
    for (int step = 1;; ++step) {
      folder_.write("image/cloister-runsc", "elf");
      install().value();
      folder_.write("image/cloister-runsc", "newer");
      Preparation other = settings_;
      other.runscFlags = {"platform=kvm"};
      FailingFiles broken;
      broken.failAt = step;
      broken.dies = dies;
      const auto upgraded = node::install(broken, other);
      isWhole(step);
      folder_.write("image/cloister-runsc", "newest");  // what was written before is known, whichever it is
      const auto again = node::install(*files_, other);
      ASSERT_TRUE(again) << step << ": " << again.error().message;
      EXPECT_EQ(read(settings_.folder + "/cloister-runsc"), "newest");
      EXPECT_THAT(read(settings_.folder + "/runsc.toml"), HasSubstr("kvm"));
      EXPECT_THAT(onNode(), SizeIs(5)) << step;
      broken.count = 0;
      const auto removed = node::uninstall(broken, other);
      isWhole(step);
      ASSERT_TRUE(uninstall()) << step;
      EXPECT_THAT(onNode(), IsEmpty()) << step;
      if (upgraded && removed) break;
      ASSERT_LT(step, 100);
    }
  }
}

}  // namespace
}  // namespace cloister::node
