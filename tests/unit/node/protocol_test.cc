#include "node/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::node {
namespace {

using testing::HasSubstr;

const StartRequest request{.container = "c1",
                           .kind = ContainerKind::container,
                           .bundle = "/run/c1",
                           .podNamespace = "ns",
                           .podName = "pod",
                           .podUID = "u"};

TEST(Protocol, BringsARequestAcross) {
  const std::string line = toLine(request);
  EXPECT_TRUE(line.ends_with('\n'));
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
  EXPECT_EQ(parseRequest(line).value(), request);
}

TEST(Protocol, BringsEachAnswerAcross) {
  for (const StartAnswer& answer :
       {StartAnswer{.action = StartAction::Start, .image = {}, .message = {}},
        StartAnswer{.action = StartAction::Restore, .image = "/s/1", .message = {}}, refuse("two\nlines")}) {
    const std::string line = toLine(answer);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_EQ(parseAnswer(line).value(), answer);
  }
}

struct Bad {
  const char* line;
  const char* complaint;
};

TEST(Protocol, RefusesWhatIsNoRequest) {
  for (const Bad& bad :
       {Bad{"", "not JSON"}, Bad{"{", "not JSON"}, Bad{"[]", "object"},
        Bad{R"({"container":"c"})", "podNamespace is missing"}, Bad{R"({"container":7})", "container"},
        Bad{R"({"container":"c","podNamespace":"n","podName":"p"})", "podUID is missing"},
        Bad{R"({"container":"c","podNamespace":"n","podName":"p","podUID":"u","bundle":"b"})",
            "no absolute path"},
        Bad{R"({"container":"c","kind":"pod"})", "none of sandbox, container"}}) {
    const auto parsed = parseRequest(bad.line);
    ASSERT_FALSE(parsed) << bad.line;
    EXPECT_THAT(parsed.error().message, HasSubstr(bad.complaint));
  }
}

TEST(Protocol, RefusesWhatIsNoAnswer) {
  for (const Bad& bad : {Bad{"yes", "not JSON"}, Bad{R"({"action":"Stop"})", "none of"},
                         Bad{R"({"action":"Restore"})", "no absolute path"},
                         Bad{R"({"action":"Restore","image":"../x"})", "no absolute path"}}) {
    const auto parsed = parseAnswer(bad.line);
    ASSERT_FALSE(parsed) << bad.line;
    EXPECT_THAT(parsed.error().message, HasSubstr(bad.complaint));
  }
}

TEST(Protocol, TakesAnAnswerWithoutActionForARefusal) {
  EXPECT_EQ(parseAnswer("{}")->action, StartAction::Refuse);
}

TEST(Protocol, BoundsALine) {
  StartRequest long_ = request;
  long_.podName.assign(longestLine, 'x');
  EXPECT_FALSE(parseRequest(toLine(long_)));
}

}  // namespace
}  // namespace cloister::node
