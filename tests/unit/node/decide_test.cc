#include "node/runsc/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/file.h"
#include "node/runsc/bundle.h"

namespace cloister::node {
namespace {

using testing::Contains;
using testing::HasSubstr;
using Args = std::vector<std::string>;

const Args start{"--root=/r", "start", "id1"};

std::string config(const char* more) {
  return R"({"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-name":"pod",
    "io.kubernetes.cri.sandbox-namespace":"ns","io.kubernetes.cri.sandbox-uid":"u")" +
         std::string(more) + "}}";
}
const std::string ordinary = config("");
const std::string restored = config(R"(,"cloister.dev/restore-from":"snap")");

// Of a pod that may be held.
std::string heldConfig(const char* kind) {
  return R"({"annotations":{"io.kubernetes.cri.container-type":")" + std::string(kind) +
         R"(","io.kubernetes.cri.sandbox-id":"root","io.kubernetes.cri.sandbox-name":"pod",
    "io.kubernetes.cri.sandbox-namespace":"ns","io.kubernetes.cri.sandbox-uid":"u","cloister.dev/hold":"true"}})";
}

class Decide : public testing::Test {
 protected:
  Result<Args> operator()(const Args& args, const std::string& text) {
    auto decided = decide(
        args, "/bundle",
        {.readConfig =
             [&](const std::string& folder) {
               read_.push_back(folder);
               return text;
             },
         .writeConfig = [this](const std::string& folder, std::string_view config) -> Result<void> {
           if (!writes_) return fail(Errc::Internal, "no space");
           written_ = {folder, std::string(config)};
           return {};
         },
         .ask =
             [this](const StartRequest& request) {
               asked_.push_back(request);
               return answer_;
             },
         .isHeld = [this](const std::string& folder) { return folder == held_; },
         .isRestored = [this](const std::string& folder) { return folder == restoredRoot_; },
         .program = [](const std::string& folder) { return "runsc of " + folder; },
         .restored = [this](const std::string& folder) { return folder == withFiles_ ? "/s/1" : ""; }});
    if (!decided) return fail(decided.error());
    hold_ = std::move(decided->hold);
    restoresRoot_ = decided->restoresRoot;
    creation_ = std::move(decided->creation);
    return std::move(decided->args);
  }

  // Of a container in the pod: the root container is started anyway.
  static std::string inner() {
    std::string text = restored;
    return text.replace(text.find(R"("sandbox")"), 9, R"("container")");
  }

  Result<StartAnswer> answer_ = StartAnswer{.action = StartAction::Start, .image = {}, .message = {}};
  std::vector<StartRequest> asked_;
  bool restoresRoot_ = false;
  std::vector<std::string> read_;
  std::pair<std::string, std::string> written_;
  bool writes_ = true;
  std::string held_;          // the folder of a container that is held
  std::string restoredRoot_;  // ... of one whose start became a restore
  std::string withFiles_;     // ... of one that was created with the files of /s/1
  std::optional<Hold> hold_;
  std::optional<Creation> creation_;
};

TEST_F(Decide, PassesOtherCallsThroughUnread) {
  const Args state{"--root=/r", "state", "id1"};
  EXPECT_EQ((*this)(state, restored), state);
  EXPECT_TRUE(read_.empty());
}

// A container that may have PROCESSES.
std::string limited(const std::string& processes, const char* rlimits = "") {
  return R"({"process":{"args":["sh"])" + std::string(rlimits) +
         R"(},"annotations":{"io.kubernetes.cri.container-type":"container","cloister.dev/processes":")" +
         processes + R"("}})";
}
const Args create{"--root=/r", "create", "--bundle", "/b", "--pid-file", "/b/init.pid", "id1"};

TEST_F(Decide, LimitsTheProcessesOfWhatIsCreated) {
  for (const Args& args : {create, Args{"--root=/r", "create", "--bundle=/b", "id1"}}) {
    written_ = {};
    EXPECT_EQ(
        (*this)(
            args,
            limited(
                "12",
                R"(,"rlimits":[{"type":"RLIMIT_NOFILE","hard":7,"soft":7},{"type":"RLIMIT_NPROC","hard":99,"soft":99}])")),
        args);
    EXPECT_EQ(read_.back(), "/b");
    EXPECT_EQ(written_.first, "/b");
    EXPECT_THAT(
        written_.second,
        HasSubstr(
            R"("rlimits":[{"type":"RLIMIT_NOFILE","hard":7,"soft":7},{"type":"RLIMIT_NPROC","hard":12,"soft":12}])"));
    EXPECT_THAT(written_.second, HasSubstr(R"("args":["sh"])"));
  }
  EXPECT_EQ((*this)(create, limited("4194304")), create);
  EXPECT_THAT(written_.second, HasSubstr(R"("hard":4194304)"));
  EXPECT_TRUE(asked_.empty());
}

TEST_F(Decide, CreatesNothingThatItCannotLimit) {
  for (const char* text : {"0", "-1", "ten", "12 ", "4294967297"}) {
    const auto decided = (*this)(create, limited(text));
    ASSERT_FALSE(decided) << text;
    EXPECT_THAT(decided.error().message, HasSubstr("cloister.dev/processes"));
  }
  writes_ = false;
  EXPECT_FALSE((*this)(create, limited("12")));
}

TEST_F(Decide, LeavesOtherContainersAsTheyAre) {
  std::string root = limited("12");
  root.replace(root.find(R"("container")"), 11, R"("sandbox")");
  for (const std::string& text : {root, ordinary, restored, std::string("{"), std::string()})
    EXPECT_EQ((*this)(create, text), create);
  EXPECT_EQ((*this)(start, limited("12")), start);
  EXPECT_EQ((*this)(Args{"create", "--bundle"}, limited("12")), (Args{"create", "--bundle"}));
  EXPECT_EQ(written_.first, "");
}

TEST_F(Decide, CreatesContainersWithTheirSandboxesRunsc) {
  EXPECT_TRUE((*this)(create, ordinary));
  EXPECT_EQ(creation_, (Creation{.bundle = "/b", .program = "runsc of /b"}));
  const std::string rest = R"(,"io.kubernetes.cri.sandbox-id":"root")";
  EXPECT_TRUE((*this)(create, config(rest.c_str())));
  EXPECT_EQ(creation_, (Creation{.bundle = "/b", .program = "runsc of /root"}));
  EXPECT_TRUE(asked_.empty());
  EXPECT_TRUE((*this)(start, ordinary));
  EXPECT_EQ(creation_, std::nullopt);
}

TEST_F(Decide, AsksWithWhichRunscToCreateWhatContinuesFromASnapshot) {
  answer_ =
      StartAnswer{.action = StartAction::Start, .image = {}, .message = {}, .runsc = "/copies/v1/runsc"};
  EXPECT_TRUE((*this)(create, restored));
  EXPECT_EQ(creation_, (Creation{.bundle = "/b", .program = "/copies/v1/runsc"}));
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].stage, StartStage::Create);
  EXPECT_EQ(asked_[0].bundle, "/b");
  EXPECT_EQ(asked_[0].podUID, "u");
  for (const StartAnswer& answer : {refuse("an older cloister-node does not know the question"),
                                    StartAnswer{.action = StartAction::Start, .image = {}, .message = {}}}) {
    answer_ = answer;
    EXPECT_TRUE((*this)(create, restored));
    EXPECT_EQ(creation_->program, "runsc of /b");
  }
  asked_.clear();
  EXPECT_TRUE((*this)(create, heldConfig("sandbox")));
  EXPECT_TRUE((*this)(create, inner()));
  EXPECT_TRUE((*this)(create, config(R"(,"cloister.dev/restore-from":"golden/snap")")));
  EXPECT_EQ(creation_->program, "runsc of /b") << "what was mended since counts for all that begins";
  EXPECT_TRUE(asked_.empty());
}

TEST_F(Decide, CreatesASandboxWithTheFilesThatTheAgentSays) {
  answer_ = StartAnswer{
      .action = StartAction::Restore, .image = "/s/1", .message = {}, .runsc = "/copies/v1/runsc"};
  EXPECT_THAT((*this)(create, restored).value(),
              testing::ElementsAre("--root=/r", "create", "--fs-restore-image-path=/s/1", "--bundle", "/b",
                                   "--pid-file", "/b/init.pid", "id1"));
  EXPECT_EQ(creation_, (Creation{.bundle = "/b", .program = "/copies/v1/runsc", .restored = "/s/1"}));
  answer_->runsc.clear();
  EXPECT_TRUE((*this)(create, restored));
  EXPECT_EQ(creation_->program, "runsc of /b");
  EXPECT_EQ((*this)(create, inner()), create) << "that of its sandbox are all";
}

TEST_F(Decide, TellsTheAgentWhichFilesASandboxWasCreatedWith) {
  withFiles_ = "/root";
  const std::string of = R"(,"cloister.dev/restore-from":"snap","io.kubernetes.cri.sandbox-id":"root")";
  std::string box = config(of.c_str());
  box.replace(box.find(R"("sandbox")"), 9, R"("container")");
  EXPECT_EQ((*this)(start, box), start);
  EXPECT_EQ(asked_.back().files, "/s/1");
  EXPECT_FALSE(restoresRoot_);
  withFiles_ = "/other";
  EXPECT_EQ((*this)(start, box), start);
  EXPECT_EQ(asked_.back().files, "");
}

// It reads the files then, and gVisor's shim never gets rid of a root container whose start fails.
TEST_F(Decide, LetsNoStartOfASandboxWithFilesFail) {
  EXPECT_EQ((*this)(start, restored), start);
  EXPECT_FALSE(restoresRoot_);
  withFiles_ = "/bundle";
  EXPECT_EQ((*this)(start, restored), start);
  EXPECT_TRUE(restoresRoot_);
  answer_ = refuse("gone");
  EXPECT_EQ((*this)(start, restored), start);
  EXPECT_TRUE(restoresRoot_);
}

// With another runsc it could never be restored.
TEST_F(Decide, CreatesNothingWhoseRunscIsNotKnown) {
  answer_ = fail(Errc::Unavailable, "nobody listens");
  EXPECT_THAT((*this)(create, restored).error().message, HasSubstr("nobody listens"));
  answer_ =
      StartAnswer{.action = StartAction::Refuse, .image = {}, .message = "cannot find out", .unknown = true};
  EXPECT_EQ((*this)(create, restored).error().message, "cannot find out");
}

TEST_F(Decide, StartsOrdinaryPodsWithoutAsking) {
  answer_ = fail(Errc::Unavailable, "away");
  EXPECT_EQ((*this)(start, ordinary), start);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(Decide, AsksForAPodThatContinuesFromASnapshot) {
  EXPECT_EQ((*this)(start, restored), start);
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_.front(), (StartRequest{.container = "id1",
                                          .kind = ContainerKind::sandbox,
                                          .bundle = "/bundle",
                                          .podNamespace = "ns",
                                          .podName = "pod",
                                          .podUID = "u"}));
}

TEST_F(Decide, RestoresFromWhereTheAgentSays) {
  answer_ = StartAnswer{.action = StartAction::Restore, .image = "/s/1", .message = {}};
  EXPECT_THAT((*this)(start, restored).value(), Contains("--image-path=/s/1"));
  EXPECT_TRUE(restoresRoot_);
  EXPECT_THAT((*this)(start, inner()).value(), Contains("--image-path=/s/1"));
  EXPECT_FALSE(restoresRoot_) << "of this one the shim is to know what happens";
}

TEST_F(Decide, DoesNotStartWhatIsRefused) {
  answer_ = refuse("the snapshot is gone");
  const auto decided = (*this)(start, inner());
  ASSERT_FALSE(decided);
  EXPECT_EQ(decided.error().message, "the snapshot is gone");
}

TEST_F(Decide, DoesNotStartWhileTheAgentIsAway) {
  answer_ = fail(Errc::Unavailable, "nobody listens");
  const auto decided = (*this)(start, inner());
  ASSERT_FALSE(decided);
  EXPECT_THAT(decided.error().message, HasSubstr("nobody listens"));
  EXPECT_THAT(decided.error().message, HasSubstr("continues from a snapshot"));
}

// A golden snapshot saves time alone.
TEST_F(Decide, StartsWhatWouldBeginFromAGoldenSnapshotWhileTheAgentIsAway) {
  answer_ = fail(Errc::Unavailable, "nobody listens");
  std::string golden = inner();
  golden.replace(golden.find("\"snap\""), 6, "\"golden/snap\"");
  EXPECT_EQ((*this)(start, golden), start);
  answer_ = refuse("its Sandbox is gone");
  EXPECT_FALSE((*this)(start, golden));
  answer_->unknown = true;
  EXPECT_EQ((*this)(start, golden), start) << "nobody could find out";
  EXPECT_FALSE((*this)(start, inner())) << "what continues waits for an answer";
  answer_ = fail(Errc::Unavailable, "nobody listens");
  golden.replace(golden.find("\"cloister.dev/restore-from\""), 0, "\"cloister.dev/hold\":\"true\",");
  EXPECT_FALSE((*this)(start, golden));
}

// runsc's start would bring back the container in it, and nobody has looked whether it may.
TEST_F(Decide, DoesNotStartUnaskedWhatIsInARestoredRoot) {
  std::string golden = inner();
  golden.replace(golden.find("\"snap\""), 6, "\"golden/snap\",\"io.kubernetes.cri.sandbox-id\":\"root\"");
  StartAnswer unknown = refuse("the API server is away");
  unknown.unknown = true;
  for (const Result<StartAnswer>& answer :
       {Result<StartAnswer>(fail(Errc::Unavailable, "nobody listens")), Result<StartAnswer>(unknown)}) {
    answer_ = answer;
    restoredRoot_ = "";
    EXPECT_EQ((*this)(start, golden), start);
    restoredRoot_ = "/root";
    EXPECT_FALSE((*this)(start, golden));
  }
  answer_ = StartAnswer{.action = StartAction::Restore, .image = "/s/1", .message = {}};
  EXPECT_THAT((*this)(start, golden).value(), Contains("--image-path=/s/1"));
  restoredRoot_ = "";
  EXPECT_EQ((*this)(start, golden), start) << "there is nothing in its root that it could be restored into";
}

// It holds nothing of the sandbox's, and the shim could not get rid of it.
TEST_F(Decide, StartsTheRootContainerOfWhatIsRefused) {
  answer_ = refuse("the snapshot is gone");
  EXPECT_EQ((*this)(start, restored), start);
  answer_ = fail(Errc::Unavailable, "nobody listens");
  EXPECT_EQ((*this)(start, restored), start);
}

TEST_F(Decide, HoldsTheRootContainerUntilTheOtherOneIsDecided) {
  answer_ = fail(Errc::Unavailable, "nobody listens");
  EXPECT_EQ((*this)(start, heldConfig("sandbox")), start);
  ASSERT_TRUE(hold_);
  EXPECT_EQ(hold_->root, "");
  EXPECT_EQ(hold_->question.bundle, "/bundle");
  EXPECT_TRUE(asked_.empty());
}

TEST_F(Decide, HoldsWhatTheAgentSays) {
  held_ = "/root";
  for (const StartAction action : {StartAction::Hold, StartAction::Start, StartAction::Restore}) {
    answer_ = StartAnswer{.action = action, .image = "/s/1", .message = {}};
    EXPECT_EQ((*this)(start, heldConfig("container")), start);
    ASSERT_TRUE(hold_) << "both begin together";
    EXPECT_EQ(hold_->root, "root");
    EXPECT_EQ(hold_->question, asked_.back());
  }
}

TEST_F(Decide, HoldsNothingThatTheAgentRefuses) {
  held_ = "/root";
  answer_ = refuse("no");
  EXPECT_EQ((*this)(start, heldConfig("container")).error().message, "no");
  answer_ = fail(Errc::Unavailable, "nobody listens");
  EXPECT_THAT((*this)(start, heldConfig("container")).error().message, HasSubstr("nobody listens"));
}

// Its root container would have to be restored first.
TEST_F(Decide, HoldsNothingInASandboxThatHasBegun) {
  answer_ = StartAnswer{.action = StartAction::Hold, .image = {}, .message = {}};
  EXPECT_THAT((*this)(start, heldConfig("container")).error().message, HasSubstr("has begun already"));
}

// runsc itself says what is wrong with them.
TEST_F(Decide, LeavesAConfigThatCannotBeReadToRunsc) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string(R"({"annotations":[]})"),
        std::string(R"({"annotations":{"cloister.dev/restore-from":7}})"),
        std::string(largestFile + 1, ' ') + restored, std::string(100, '[')}) {
    EXPECT_EQ((*this)(start, text), start);
  }
  EXPECT_TRUE(asked_.empty());
}

TEST(RunscConfig, IsReadStrictly) {
  EXPECT_EQ(parseRunscConfig(R"({"runsc":"/opt/runsc","socket":"/run/s"})").value(),
            (RunscConfig{.runsc = "/opt/runsc", .socket = "/run/s"}));
  for (const char* text :
       {"", "{}", R"({"runsc":"runsc","socket":"/s"})", R"({"runsc":"/r","socket":""})",
        R"({"runsc":"/r","socket":"/s","versions":"v"})", R"({"runsc":1,"socket":"/s"})"}) {
    EXPECT_FALSE(parseRunscConfig(text)) << text;
  }
  // A later version's, whose program is not there yet, or no longer.
  EXPECT_EQ(parseRunscConfig(R"({"runsc":"/r","socket":"/s","later":{"a":1}})").value(),
            (RunscConfig{.runsc = "/r", .socket = "/s"}));
}

}  // namespace
}  // namespace cloister::node
