#include "node/store/bucket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/store/transfer.h"
#include "node/store/xml.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/node/store/fake_s3.h"

namespace cloister::store {
namespace {

using cloister::test::FakeS3;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Task<Result<std::string>> next() override {
    std::string piece = text_.substr(at_, 3'000'000);
    at_ += piece.size();
    co_return piece;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

class S3 : public testing::Test {
 protected:
  Bucket bucket(unsigned tries = 4) {
    return Bucket(s3_, clock_, cloister::test::fakePlace,
                  atOnce([] { return Credentials{.accessKey = "a", .secretKey = "s"}; }), {.tries = tries});
  }
  template <class T>
  T run(Task<T> task) {
    return cloister::test::run(clock_, std::move(task));
  }
  Result<int64_t> send(const std::string& text, unsigned tries = 1) {
    TextSource source(text);
    Bucket to = bucket(tries);
    return run(upload(to, "key", int64_t(text.size()), source));
  }

  cloister::test::SimClock clock_;
  FakeS3 s3_;
};

// 20 MB: three parts.
const std::string& large() {
  static const std::string made = [] {
    std::string text;
    while (text.size() < 20'000'000) text += std::to_string(text.size()) + "\n";
    return text;
  }();
  return made;
}

TEST_F(S3, KeepsObjects) {
  Bucket to = bucket();
  ASSERT_TRUE(run(to.put("a/b c", "text")));
  EXPECT_EQ(run(to.get("a/b c", 1, 2)).value(), "ex");
  EXPECT_EQ(run(to.get("a/b c", 4, 2)).value(), "") << "past its end";
  EXPECT_EQ(run(to.size("a/b c")).value(), 4);
  EXPECT_EQ(run(to.get("b", 0, 1)).error().code, Errc::NotFound);
  EXPECT_EQ(run(to.size("b")).value(), std::nullopt);
  ASSERT_TRUE(run(to.remove("a/b c")));
  EXPECT_THAT(s3_.objects, IsEmpty());
}

TEST_F(S3, TakesNoOtherPieceThanItAskedFor) {
  Bucket from = bucket();
  s3_.objects["a"] = "0123456789";
  s3_.ignoresRanges = true;
  EXPECT_EQ(run(from.get("a", 0, 10)).value(), "0123456789");
  EXPECT_EQ(run(from.get("a", 0, 9)).error().code, Errc::Protocol);
  EXPECT_EQ(run(from.get("a", 1, 10)).error().code, Errc::Protocol);
}

TEST_F(S3, ListsAllPages) {
  for (const char* key : {"a/1", "a/2", "a/3", "b/1"}) s3_.objects[key] = "xx";
  s3_.pageSize = 1;
  Bucket to = bucket();
  EXPECT_THAT(run(to.list("a/")).value(), ElementsAre(Object{"a/1", 2}, Object{"a/2", 2}, Object{"a/3", 2}));
  EXPECT_EQ(s3_.count, 3);
}

TEST_F(S3, ListsAllPagesOfUploadsAndParts) {
  for (const char* id : {"a", "b", "c"}) s3_.uploads[id] = {.key = "x/1", .parts = {}};
  s3_.uploads["d"] = {.key = "x/2", .parts = {{1, "1"}, {2, "22"}, {3, "333"}}};
  s3_.pageSize = 1;
  Bucket from = bucket();
  EXPECT_THAT(run(from.uploads("x/")).value(),
              ElementsAre(Upload{"x/1", "a"}, Upload{"x/1", "b"}, Upload{"x/1", "c"}, Upload{"x/2", "d"}));
  EXPECT_EQ(s3_.count, 4);
  const auto parts = run(from.parts({"x/2", "d"})).value();
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[2].number, 3);
  EXPECT_EQ(parts[2].size, 3);
  EXPECT_EQ(s3_.count, 7);
}

TEST_F(S3, ReadsNoListWithoutEnd) {
  for (int i = 0; i < 1001; ++i) s3_.objects["a/" + std::to_string(10'000 + i)] = "x";
  s3_.pageSize = 1;
  Bucket from = bucket();
  EXPECT_THAT(run(from.list("a/")).error().message, HasSubstr("longer than any"));
  EXPECT_EQ(s3_.count, 1000);
}

// What was begun by an answer that was lost is there; another one would be left over.
TEST_F(S3, BeginsAnUploadOnce) {
  Bucket to = bucket();
  s3_.failAt = 1;
  s3_.trouble = FakeS3::Trouble::LostAnswer;
  EXPECT_FALSE(run(to.begin("key")));
  EXPECT_EQ(s3_.uploads.size(), 1U);
  ASSERT_TRUE(send(large()));
  EXPECT_THAT(s3_.uploads, IsEmpty());
}

TEST_F(S3, TriesAgainWhatMayHelp) {
  Bucket to = bucket();
  for (const auto trouble :
       {FakeS3::Trouble::Refused, FakeS3::Trouble::LostAnswer, FakeS3::Trouble::Overloaded}) {
    s3_.trouble = trouble;
    s3_.failAt = s3_.count + 1;
    EXPECT_TRUE(run(to.put("a", "text")));
    EXPECT_EQ(s3_.count, s3_.failAt + 1);
  }
}

TEST_F(S3, GivesUpInTheEnd) {
  Bucket to = bucket();
  s3_.failAt = 1;
  s3_.lasts = true;
  EXPECT_EQ(run(to.put("a", "text")).error().code, Errc::Unavailable);
  EXPECT_EQ(s3_.count, 4);
}

TEST_F(S3, DoesNotRepeatWhatIsRefused) {
  Bucket to = bucket();
  s3_.failAt = 1;
  s3_.trouble = FakeS3::Trouble::Denied;
  const auto refused = run(to.put("a", "text"));
  EXPECT_EQ(refused.error().code, Errc::Forbidden);
  EXPECT_THAT(refused.error().message, HasSubstr("the bucket \"bucket\"; they need to get, put"));
  EXPECT_EQ(s3_.count, 1);
}

TEST_F(S3, UploadsSmallAndLargeFiles) {
  EXPECT_EQ(send("text").value(), 4);
  EXPECT_EQ(s3_.objects["key"], "text");
  EXPECT_EQ(send("").value(), 0);
  EXPECT_EQ(s3_.objects["key"], "");
  for (const size_t size : {size_t(smallestPart), size_t(2 * smallestPart), size_t(20'000'000)}) {
    const std::string text = large().substr(0, size);
    EXPECT_EQ(send(text).value(), int64_t(size));
    EXPECT_TRUE(s3_.objects["key"] == text) << size;
    EXPECT_THAT(s3_.uploads, IsEmpty());
  }
}

// Whatever call fails, in whichever way: the next attempt makes it whole, and nothing is left over.
TEST_F(S3, IsWholeAfterAnAttemptThatFailedAnywhere) {
  const std::string text = large();
  ASSERT_TRUE(send(text));
  const int calls = s3_.count;
  EXPECT_EQ(calls, 7);
  for (const auto trouble : {FakeS3::Trouble::Refused, FakeS3::Trouble::LostAnswer}) {
    for (int failAt = 1; failAt <= calls; ++failAt) {
      s3_ = FakeS3();
      s3_.failAt = failAt;
      s3_.trouble = trouble;
      EXPECT_FALSE(send(text)) << failAt;
      EXPECT_EQ(send(text).value(), int64_t(text.size())) << failAt;
      EXPECT_TRUE(s3_.objects["key"] == text) << failAt;
      EXPECT_THAT(s3_.uploads, IsEmpty()) << failAt;
    }
  }
}

TEST_F(S3, SendsNothingTwice) {
  s3_.failAt = 6;  // the third part
  EXPECT_FALSE(send(large()));
  s3_.received = 0;
  ASSERT_TRUE(send(large()));
  EXPECT_LT(s3_.received, 2 * smallestPart) << "only what was missing";
}

TEST_F(S3, SendsAgainWhatIsNotTheSame) {
  s3_.failAt = 6;
  EXPECT_FALSE(send(large()));
  s3_.uploads.begin()->second.parts[1][0] ^= 1;
  ASSERT_TRUE(send(large()));
  EXPECT_TRUE(s3_.objects["key"] == large());
}

TEST_F(S3, CompletesOnceWhoseAnswerWasLost) {
  s3_.failAt = 7;
  s3_.trouble = FakeS3::Trouble::LostAnswer;
  EXPECT_EQ(send(large(), 2).value(), int64_t(large().size()));
  EXPECT_TRUE(s3_.objects["key"] == large());
}

TEST_F(S3, RemovesOlderUploadsOfTheSameFile) {
  s3_.uploads["upload-a"] = {.key = "key", .parts = {}};
  s3_.uploads["upload-b"] = {.key = "key", .parts = {}};
  s3_.uploads["upload-c"] = {.key = "key2", .parts = {}};
  ASSERT_TRUE(send(large()));
  EXPECT_EQ(s3_.uploads.size(), 1U);
}

TEST(Parts, AreAsManyAsS3Allows) {
  EXPECT_EQ(partSizeFor(0), smallestPart);
  for (const int64_t size : {int64_t(1) << 30, int64_t(1) << 40, int64_t(5) << 40}) {
    EXPECT_LE((size + partSizeFor(size) - 1) / partSizeFor(size), mostParts);
    EXPECT_EQ(partSizeFor(size) % (1 << 20), 0);
  }
}

TEST(Answers, TellPeopleWhatToDo) {
  const auto told = [](int status, std::string_view code) {
    return errorOf({.status = status,
                    .headers = {},
                    .body = "<?xml version=\"1.0\"?><Error><Code>" + std::string(code) + "</Code></Error>"},
                   "saved");
  };
  EXPECT_THAT(told(404, "NoSuchBucket").message, HasSubstr("no bucket \"saved\"; create it"));
  EXPECT_EQ(told(404, "NoSuchBucket").code, Errc::InvalidInput) << "not as an object that is not there";
  EXPECT_THAT(told(403, "RequestTimeTooSkewed").message, HasSubstr("clock"));
  EXPECT_THAT(told(403, "InvalidAccessKeyId").message, HasSubstr("access key"));
  EXPECT_EQ(told(404, "NoSuchKey").code, Errc::NotFound);
  EXPECT_EQ(told(503, "SlowDown").code, Errc::TooManyRequests);
  EXPECT_EQ(told(500, "Whatever").code, Errc::Unavailable);
  EXPECT_EQ(errorOf({.status = 502, .headers = {}, .body = "<html>"}, "saved").code, Errc::Unavailable);
}

TEST(Answers, AreToldInBoundedWords) {
  std::string words;
  for (int i = 0; i < 500; ++i) words += "\xc3\xa4";
  const Error error =
      errorOf({.status = 400,
               .headers = {},
               .body = "<Error><Code>" + words + "</Code><Message>" + words + "</Message></Error>"},
              "b");
  EXPECT_LT(error.message.size(), 600U);
  EXPECT_LE(error.reason.size(), 256U);
  EXPECT_THAT(error.message, HasSubstr("\xc3\xa4"));
}

TEST(Answers, MayFailAfterTheirStatus) {
  EXPECT_EQ(errorInCompletion("<Error><Code>InternalError</Code></Error>", "b")->code, Errc::Unavailable);
  EXPECT_FALSE(errorInCompletion("<CompleteMultipartUploadResult/>", "b"));
  EXPECT_TRUE(errorInCompletion("", "b"));
}

TEST(Answers, ThatAreNoneAreTold) {
  EXPECT_THAT(parseObjects("<html/>").error().message, HasSubstr("is it an S3 endpoint?"));
  EXPECT_FALSE(parseObjects("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"));
  EXPECT_FALSE(parseObjects("<ListBucketResult><Contents><Size>-1</Size></Contents></ListBucketResult>"));
  EXPECT_FALSE(parseUploadId("<InitiateMultipartUploadResult/>"));
}

TEST(Xml, IsReadStrictly) {
  const auto root = parseXml("<s:a xmlns:s='x'><b>1 &lt; <c/>2</b><b>3</b></s:a>");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "a");
  EXPECT_EQ((*root)["b"], "1 < 2");
  EXPECT_EQ((*root)["d"], "");
  for (const char* text :
       {"", "<a>", "<a></b>", "<a/><b/>", "text", "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>"})
    EXPECT_FALSE(parseXml(text)) << text;
  std::string deep;
  for (int i = 0; i < 33; ++i) deep += "<a>";
  EXPECT_THAT(parseXml(deep).error().message, HasSubstr("too deep"));
  std::string many;
  for (size_t i = 0; i < mostElements; ++i) many += "<b/>";
  EXPECT_THAT(parseXml("<a>" + many + "</a>").error().message, HasSubstr("too many"));
  EXPECT_TRUE(parseXml("<a>" + many.substr(4) + "</a>"));
  EXPECT_THAT(parseXml("<a>" + std::string(largestXml, ' ') + "</a>").error().message,
              HasSubstr("too large"));
}

}  // namespace
}  // namespace cloister::store
