#include "node/agent/versions.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sim_clock.h"
#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/net/loopback.h"
#include "tests/unit/node/files_stub.h"

namespace cloister::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Names = std::set<std::string>;

class VersionsTest : public testing::Test {
 protected:
  VersionsTest() { EXPECT_TRUE(vault_.open()); }

  static std::string textOf(const std::string& version, const std::string& build) {
    return "#!/bin/sh\necho runsc version " + version + "\n" + build;
  }
  // As a package manager does it.
  void install(const std::string& version, const std::string& build = "") {
    std::filesystem::rename(folder_.writeProgram("bin/new", textOf(version, build)), installed_);
  }
  Versions versions(Files& files) {
    return Versions({.files = files,
                     .runsc = *runsc_,
                     .installed = installed_,
                     .folder = copies_,
                     .vault = vault_,
                     .clock = clock_,
                     .disk = context_.get_executor()});
  }
  std::string keep(Versions& versions) {
    return test::run(context_, versions.keepInstalled()).value_or("none");
  }
  Names others(Versions& versions) { return test::run(context_, versions.others()).value(); }
  // Twice, as long as both succeed.
  bool remove(Versions& versions, const Names& unneeded) {
    const auto once = [&] { return test::run(context_, versions.removeUnneeded(unneeded)).has_value(); };
    return once() && once();
  }
  std::vector<std::string> kept() {
    auto names = files_->list(copies_).value();
    std::erase_if(names, [](const std::string& name) { return !isVersion(name); });
    return names;
  }
  std::string programOf(const std::string& version) {
    return test::run(context_, runsc_->programOf(version)).value();
  }
  // Each copy that is told of is whole.
  void expectWhole() {
    for (const std::string& version : kept()) {
      if (!files_->read(copies_ + "/" + version + "/of")) continue;
      EXPECT_EQ(files_->read(copyOf(copies_, version)).value(), textOf(version, ""));
    }
  }

  boost::asio::io_context context_{1};
  test::TempFolder folder_;
  std::string installed_ = folder_.path("bin/runsc");
  std::string copies_ = folder_.path("copies");
  std::unique_ptr<Files> files_ = realFiles();
  FailingFiles disk_;  // of which the vault tells how much room there is
  Vault vault_{disk_, folder_.path("store")};
  cloister::test::SimClock clock_;
  std::unique_ptr<Runsc> runsc_ = realRunsc(context_.get_executor(), installed_, "/run/runsc", copies_);
};

TEST_F(VersionsTest, KeepsACopyOfWhatIsInstalled) {
  install("v1");
  Versions all = versions(*files_);
  EXPECT_EQ(keep(all), "v1");
  EXPECT_THAT(kept(), ElementsAre("v1"));
  EXPECT_THAT(others(all), IsEmpty());
  EXPECT_EQ(programOf("v1"), installed_);
  const std::string bundle = std::filesystem::path(folder_.write("bundle/config.json", "")).parent_path();
  ASSERT_TRUE(noteCreation(bundle, {.path = installed_, .file = fileAt(installed_)}));
  install("v2");
  EXPECT_EQ(keep(all), "v2");
  EXPECT_THAT(kept(), ElementsAre("v1", "v2"));
  EXPECT_THAT(others(all), ElementsAre("v1"));
  EXPECT_EQ(programOf("v1"), copyOf(copies_, "v1"));
  EXPECT_EQ(programOf("v2"), installed_);
  EXPECT_EQ(programOf("v3"), "");
  EXPECT_EQ(programOf("../v1"), "");
  EXPECT_EQ(test::run(context_, runsc_->versionOf(bundle)).value(), "v1");
  EXPECT_EQ(test::run(context_, runsc_->versionOf(folder_.path("bin"))).value(), "v2")
      << "nothing is noted there";
  expectWhole();
}

TEST_F(VersionsTest, KnowsWhatIsInstalledAgain) {
  install("v1");
  Versions all = versions(*files_);
  keep(all);
  const std::string first = fileAt(installed_);
  install("v2");
  keep(all);
  install("v1");
  EXPECT_EQ(keep(all), "v1");
  EXPECT_EQ(versionOf(copies_, {.path = installed_, .file = first}), "v1");
  EXPECT_EQ(versionOf(copies_, {.path = installed_, .file = fileAt(installed_)}), "v1");
  EXPECT_THAT(kept(), ElementsAre("v1", "v2"));
  Versions after = versions(*files_);
  FailingFiles untouched;
  EXPECT_EQ(keep(after), "v1");
}

TEST_F(VersionsTest, RemovesWhatWasUnneededTheLastTimeAsWell) {
  Versions all = versions(*files_);
  for (const char* version : {"v1", "v2", "v3", "v4"}) {
    install(version);
    keep(all);
  }
  const auto removes = [&](Names unneeded) {
    EXPECT_TRUE(test::run(context_, all.removeUnneeded(std::move(unneeded))));
    return kept();
  };
  EXPECT_THAT(removes({"v1", "v2"}), ElementsAre("v1", "v2", "v3", "v4"));
  EXPECT_THAT(removes({"v2", "v3"}), ElementsAre("v1", "v3", "v4"));
  EXPECT_THAT(removes({"v1"}), ElementsAre("v1", "v3", "v4")) << "it was needed in between";
  EXPECT_THAT(removes({"v1", "v9"}), ElementsAre("v3", "v4"));
}

TEST_F(VersionsTest, TakesAnotherBuildOfTheSameVersionForAnother) {
  install("v1", "# half a file");
  Versions all = versions(*files_);
  keep(all);
  const std::string first = fileAt(installed_);
  install("v1");
  keep(all);
  EXPECT_THAT(kept(), ElementsAre("v1"));
  expectWhole();
  EXPECT_EQ(versionOf(copies_, {.path = installed_, .file = fileAt(installed_)}), "v1");
  EXPECT_EQ(versionOf(copies_, {.path = installed_, .file = first}), "");
}

TEST_F(VersionsTest, LeavesTheDiskToOthers) {
  install("v1");
  Versions all = versions(*files_);
  disk_.free = int64_t(256) << 20;
  EXPECT_EQ(keep(all), "v1");
  EXPECT_THAT(files_->list(copies_).value(), IsEmpty());
  disk_.free.reset();
  EXPECT_EQ(keep(all), "v1");
  EXPECT_THAT(kept(), IsEmpty()) << "not tried all the time";
  clock_.advance(std::chrono::minutes(10));
  EXPECT_EQ(keep(all), "v1");
  EXPECT_THAT(kept(), ElementsAre("v1"));
}

TEST_F(VersionsTest, LeavesNoHalfCopyBehind) {
  install("v1");
  for (int step = 1; step < 60; ++step) {
    FailingFiles broken;
    broken.failAt = step;
    Versions all = versions(broken);
    keep(all);
    if (broken.count < step) return;
    EXPECT_FALSE(std::filesystem::exists(copies_ + "/.new")) << step;
    std::filesystem::remove_all(copies_);
  }
  FAIL() << "it has no end";
}

TEST_F(VersionsTest, CountsOnNoCopyThatCannotBeRun) {
  install("v1");
  Versions all = versions(*files_);
  keep(all);
  const Program program{.path = installed_, .file = fileAt(installed_)};
  std::filesystem::permissions(copyOf(copies_, "v1"), std::filesystem::perms::owner_read);
  EXPECT_EQ(versionOf(copies_, program), "");
  EXPECT_EQ(versionOf(copies_, {.path = copyOf(copies_, "v1"), .file = "1"}), "");
  clock_.advance(std::chrono::minutes(10));
  keep(all);
  EXPECT_EQ(files_->read(copies_ + "/v1/of").value(), program.file + "\n")
      << "it is not told again and again";
}

TEST_F(VersionsTest, DoesNotTellTheVersionOfWhatIsGone) {
  install("v1");
  const std::string bundle = std::filesystem::path(folder_.write("bundle/config.json", "")).parent_path();
  ASSERT_TRUE(noteCreation(bundle, {.path = installed_, .file = fileAt(installed_)}));
  install("v2");
  EXPECT_EQ(test::run(context_, runsc_->versionOf(bundle)).error().code, Errc::NotFound);
}

TEST_F(VersionsTest, KeepsNoneUnderAStrangeName) {
  install("../v1");
  Versions all = versions(*files_);
  EXPECT_EQ(keep(all), "../v1");
  EXPECT_THAT(kept(), IsEmpty());
}

TEST_F(VersionsTest, KeepsWholeCopiesWhateverFails) {
  for (const bool dies : {false, true}) {
    for (int step = 1;; ++step) {
      std::filesystem::remove_all(copies_);
      install("v1");
      FailingFiles broken;
      broken.failAt = step;
      broken.dies = dies;
      Versions all = versions(broken);
      keep(all);
      expectWhole();
      install("v2");
      keep(all);
      install("v1");
      keep(all);
      expectWhole();
      const bool removed = remove(all, {"v2"});
      expectWhole();
      Versions after = versions(*files_);
      EXPECT_EQ(keep(after), "v1");
      EXPECT_TRUE(remove(after, {"v2"}));
      EXPECT_THAT(kept(), ElementsAre("v1")) << step;
      EXPECT_EQ(versionOf(copies_, {.path = installed_, .file = fileAt(installed_)}), "v1");
      expectWhole();
      if (removed && broken.count < step) break;
      ASSERT_LT(step, 60);
    }
  }
}

}  // namespace
}  // namespace cloister::node
