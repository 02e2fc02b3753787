#include "operator/quota/book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/quota/quotas.h"

namespace cloister::quota {
namespace {

using test::cold;
using test::poolOf;
using test::warm;
using testing::SizeIs;

TEST(QuotaBook, TellsWhenSomebodyWantsSomethingElse) {
  Book book;
  int told = 0;
  book.onChange([&](const std::string& namespace_) {
    EXPECT_EQ(namespace_, "team");
    ++told;
  });
  book.noteSandbox("team", cold("a", 1));
  EXPECT_EQ(told, 1);
  book.noteSandbox("team", cold("a", 1));
  EXPECT_EQ(told, 1) << "nothing new";
  book.noteSandbox("team", warm("a", 1));
  book.notePool("team", poolOf("pool", 1));
  EXPECT_EQ(told, 3);
  EXPECT_THAT(book.sandboxes("team"), SizeIs(1));
  EXPECT_THAT(book.pools("team"), SizeIs(1));
  book.forget("other", "uid-a");
  book.forget("team", "uid-b");
  EXPECT_EQ(told, 3) << "nobody was known";
  book.forget("team", "uid-a");
  book.forget("team", "uid-pool");
  EXPECT_EQ(told, 5);
  EXPECT_THAT(book.sandboxes("team"), SizeIs(0));
  EXPECT_THAT(book.sandboxes("other"), SizeIs(0));
}

TEST(QuotaBook, NeedsNobodyToTell) {
  Book book;
  book.noteSandbox("team", cold("a", 1));
  book.forget("team", "uid-a");
  EXPECT_THAT(book.sandboxes("team"), SizeIs(0));
}

TEST(QuotaBook, KeepsAnAnswerUntilThereIsNone) {
  Book book;
  EXPECT_EQ(book.answer("team", "uid-a"), std::nullopt);
  const Answer answer{.limit = Limit::Cpu, .position = 2};
  book.publish("team", "uid-a", answer);
  EXPECT_EQ(book.answer("team", "uid-a"), answer);
  EXPECT_EQ(book.answer("team", "uid-b"), std::nullopt);
  book.publish("team", "uid-a", std::nullopt);
  EXPECT_EQ(book.answer("team", "uid-a"), std::nullopt);
  book.publish("team", "uid-a", answer);
  book.forget("team", "uid-a");
  EXPECT_EQ(book.answer("team", "uid-a"), std::nullopt) << "it is gone";
}

}  // namespace
}  // namespace cloister::quota
