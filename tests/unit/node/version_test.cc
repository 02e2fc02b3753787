#include "node/version.h"

#include <gtest/gtest.h>

#include "tests/unit/kube/temp_folder.h"

namespace cloister::node {
namespace {

class VersionTest : public testing::Test {
 protected:
  VersionTest() { std::filesystem::create_directories(bundle_); }

  void create(const std::string& path) {
    ASSERT_TRUE(noteCreation(bundle_, {.path = path, .file = fileAt(path)}));
  }
  // As a package manager does it.
  void replace(const std::string& text) {
    std::filesystem::rename(folder_.writeProgram("bin/new", text), installed_);
  }
  void keep(const std::string& version, const std::string& file) {
    folder_.write("copies/" + version + "/of", "another\n" + file + "\n");
    folder_.writeProgram("copies/" + version + "/runsc", version);
  }
  std::string program() const { return programFor(installed_, copies_, bundle_); }

  test::TempFolder folder_;
  std::string bundle_ = folder_.path("bundle");
  std::string copies_ = folder_.path("copies");
  std::string installed_ = folder_.writeProgram("bin/runsc", "one");
};

TEST_F(VersionTest, KnowsAnotherFileOfTheSameName) {
  const std::string before = fileAt(installed_);
  EXPECT_FALSE(before.empty());
  EXPECT_EQ(fileAt(installed_), before);
  replace("two");
  EXPECT_NE(fileAt(installed_), before);
  EXPECT_EQ(fileAt(folder_.path("none")), "");
}

TEST_F(VersionTest, SpeaksWithWhatIsInstalledWhereNothingElseIsKnown) {
  EXPECT_EQ(createdWith(bundle_), std::nullopt);
  EXPECT_EQ(program(), installed_);
  for (const char* text : {"", "{", "[]", R"({"path":"runsc","file":"1"})", R"({"path":1})"}) {
    folder_.write("bundle/cloister-created-with.json", text);
    EXPECT_EQ(createdWith(bundle_), std::nullopt) << text;
    EXPECT_EQ(program(), installed_);
  }
}

TEST_F(VersionTest, GoesOnWithTheCopyOfWhatWasReplaced) {
  create(installed_);
  EXPECT_EQ(createdWith(bundle_)->path, installed_);
  const std::string file = fileAt(installed_);
  EXPECT_EQ(program(), installed_);
  replace("two");
  EXPECT_EQ(program(), installed_) << "there is no copy";
  keep("v1", file);
  EXPECT_EQ(program(), copies_ + "/v1/runsc");
  EXPECT_EQ(versionOf(copies_, *createdWith(bundle_)), "v1");
  EXPECT_EQ(programFor(installed_, "", bundle_), installed_);
  std::filesystem::remove(copies_ + "/v1/runsc");
  EXPECT_EQ(program(), installed_) << "it cannot be run";
}

TEST_F(VersionTest, GoesOnWithACopyThatItWasCreatedWith) {
  keep("v0", "of long ago");
  create(copies_ + "/v0/runsc");
  EXPECT_EQ(program(), copies_ + "/v0/runsc");
  EXPECT_EQ(versionOf(copies_, *createdWith(bundle_)), "v0");
  folder_.writeProgram("copies/v0/runsc", "copied once more");
  EXPECT_EQ(program(), copies_ + "/v0/runsc");
  std::filesystem::remove_all(copies_);
  EXPECT_EQ(program(), installed_);
}

// A copy without a version would be what happens to be in the folder of all, or in "/".
TEST_F(VersionTest, RunsNothingOutsideOfTheFolders) {
  create(installed_);
  replace("two");
  folder_.writeProgram("copies/runsc", "planted");
  folder_.writeProgram("copies//runsc", "planted");
  EXPECT_EQ(program(), installed_);
}

TEST_F(VersionTest, SaysThatItCouldNotBeNoted) {
  EXPECT_FALSE(noteCreation(folder_.path("none"), {.path = installed_, .file = fileAt(installed_)}));
}

TEST_F(VersionTest, KnowsAFileThatIsOpenByItself) {
  const int file = ::open(installed_.c_str(), O_RDONLY | O_CLOEXEC);
  const std::string before = fileAt(installed_);
  replace("two");
  // Whoever renames over it changes the time of the one that goes.
  EXPECT_EQ(fileOf(file).substr(0, before.rfind('-')), before.substr(0, before.rfind('-')));
  EXPECT_NE(fileAt(installed_), before);
  ::close(file);
}

TEST_F(VersionTest, TakesWholeLinesForFiles) {
  keep("v1", "12-34-5.6");
  EXPECT_EQ(versionOf(copies_, {.path = installed_, .file = "12-34-5.6"}), "v1");
  EXPECT_EQ(versionOf(copies_, {.path = installed_, .file = "12-34-5"}), "");
  EXPECT_EQ(versionOf(copies_, {.path = installed_, .file = "2-34-5.6"}), "");
}

TEST_F(VersionTest, NamesNoFolderOutsideOfItsOwn) {
  EXPECT_TRUE(isVersion("release-20260101.0"));
  EXPECT_TRUE(isVersion("v0.0.0-20260905035102-160fafc42237+dirty"));
  for (const std::string& version : {std::string(), std::string(".."), std::string(".new"),
                                     std::string("a/b"), std::string("a b"), std::string(129, 'a')})
    EXPECT_FALSE(isVersion(version)) << version;
}

}  // namespace
}  // namespace cloister::node
