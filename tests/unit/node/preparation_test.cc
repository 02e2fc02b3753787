#include "node/agent/preparation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "node/runsc/decide.h"

namespace cloister::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<NodeFile> wanted{{.path = "/o/a", .text = "new"}, {.path = "/o/b", .text = "b"}};

Installed noted(const std::vector<NodeFile>& files) {
  Installed out;
  for (const NodeFile& file : files) out.files.push_back({.path = file.path, .sha256 = sha256Hex(file.text)});
  return out;
}

TEST(Preparation, NamesWhatIsThereAlready) {
  const auto files = wantedFiles({.runscFlags = {"platform=kvm", "debug-log=/a=b"}}, "elf").value();
  ASSERT_EQ(files.size(), 4U);
  EXPECT_EQ(files[0], (NodeFile{.path = "/opt/cloister/cloister-runsc", .text = "elf", .isProgram = true}));
  EXPECT_EQ(files[1].path, files[0].path + ".json") << "where the program looks";
  EXPECT_EQ(parseRunscConfig(files[1].text).value(),
            (RunscConfig{.runsc = "/usr/local/bin/runsc",
                         .socket = "/run/cloister/node.sock",
                         .versions = "/var/lib/cloister/snapshots/.versions"}));
  EXPECT_EQ(files[2].text,
            "binary_name = '/opt/cloister/cloister-runsc'\nroot = '/run/containerd/runsc'\n[runsc_config]\n"
            "  restore-spec-validation = 'warning'\n  'platform' = 'kvm'\n  'debug-log' = '/a=b'\n");
  EXPECT_EQ(files[3].path, "/etc/containerd/conf.d/cloister.toml");
  EXPECT_THAT(files[3].text, HasSubstr("version = 3\n"));
  EXPECT_THAT(files[3].text, HasSubstr(".runtimes.'runsc']\n"));
  EXPECT_THAT(
      files[3].text,
      HasSubstr("pod_annotations = ['dev.gvisor.*', 'cloister.dev/restore-from', 'cloister.dev/hold', "
                "'cloister.dev/processes']"));
  EXPECT_THAT(files[3].text, HasSubstr("ConfigPath = '/opt/cloister/runsc.toml'\n"));
}

TEST(Preparation, RefusesWhatItCannotWriteDown) {
  const std::pair<Preparation, const char*> bad[] = {
      {{.folder = "opt"}, "folder"},          {{.runsc = "/a'b"}, "runsc"},
      {{.runscRoot = "/a\nb"}, "runsc-root"}, {{.socket = ""}, "socket"},
      {{.dropIn = "x.toml"}, "drop-in"},      {{.handler = "a'"}, "handler"},
      {{.runscFlags = {"debug"}}, "debug"},   {{.runscFlags = {"=x"}}, "=x"},
      {{.runscFlags = {"a='"}}, "a='"}};
  for (const auto& [settings, name] : bad)
    EXPECT_THAT(wantedFiles(settings, "").error().message, HasSubstr(name));
}

TEST(PlanInstall, WritesWhatIsMissingOrOld) {
  const auto first = planInstall(wanted, {}, {}).value();
  EXPECT_EQ(first.write, wanted);
  EXPECT_EQ(first.after, noted(wanted));
  EXPECT_EQ(first.meanwhile, noted(wanted)) << "noted before it is there";
  const Installed before = noted({{.path = "/o/a", .text = "old"}, wanted[1]});
  const auto upgrade =
      planInstall(wanted, before, {{"/o/a", sha256Hex("old")}, {"/o/b", sha256Hex("b")}}).value();
  EXPECT_THAT(upgrade.write, ElementsAre(wanted[0]));
  EXPECT_THAT(upgrade.remove, IsEmpty());
  EXPECT_EQ(upgrade.after, noted(wanted));
  EXPECT_EQ(upgrade.meanwhile, noted({{.path = "/o/a", .text = "old"}, wanted[1], wanted[0]}))
      << "either may be there";
}

TEST(PlanInstall, LeavesWhatIsAsItShouldBe) {
  const auto changes =
      planInstall(wanted, noted(wanted), {{"/o/a", sha256Hex("new")}, {"/o/b", sha256Hex("b")}}).value();
  EXPECT_THAT(changes.write, IsEmpty());
  EXPECT_EQ(changes.after, noted(wanted));
}

TEST(PlanInstall, RefusesWhatIsNotOurs) {
  for (const Installed& before : {Installed{}, noted(wanted)}) {
    const auto changes = planInstall(wanted, before, {{"/o/b", sha256Hex("mine")}});
    ASSERT_FALSE(changes);
    EXPECT_EQ(changes.error().code, Errc::InvalidInput);
    EXPECT_THAT(changes.error().message,
                HasSubstr("/o/b is not Cloister's, or was changed since: move it away"));
  }
}

TEST(PlanInstall, RemovesWhatIsNotWantedAnyMore) {
  const Installed before = noted(
      {{.path = "/o/old", .text = "x"}, {.path = "/o/mine", .text = "y"}, {.path = "/o/gone", .text = "z"}});
  const auto changes =
      planInstall(wanted, before, {{"/o/old", sha256Hex("x")}, {"/o/mine", sha256Hex("mine")}}).value();
  EXPECT_THAT(changes.remove, ElementsAre("/o/old"));
  EXPECT_THAT(changes.left, ElementsAre("/o/mine"));
  EXPECT_EQ(changes.after, noted(wanted));
}

TEST(PlanRemoval, GoesBackwardsAndLeavesWhatWasChanged) {
  const Installed before =
      noted({{.path = "/o/a", .text = "old"}, wanted[0], wanted[1], {.path = "/o/c", .text = "c"}});
  const auto changes = planRemoval(
      before, {{"/o/a", sha256Hex("old")}, {"/o/b", sha256Hex("mine")}, {"/o/c", sha256Hex("c")}});
  EXPECT_THAT(changes.remove, ElementsAre("/o/c", "/o/a"));
  EXPECT_THAT(changes.left, ElementsAre("/o/b"));
  EXPECT_EQ(changes.after, Installed{});
  EXPECT_EQ(changes.meanwhile, before);
}

TEST(Installed, IsReadBack) {
  EXPECT_EQ(parseInstalled(textOf(noted(wanted))).value(), noted(wanted));
  for (const char* text :
       {"", "{", "[]", R"({"version":2,"files":[]})", R"({"version":1,"files":[{"path":1}]})"})
    EXPECT_FALSE(parseInstalled(text)) << text;
}

}  // namespace
}  // namespace cloister::node
