// The client against a real server, which tests/s3/run starts. All keys are below a prefix of the test's own.
#include <algorithm>
#include <cstdlib>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "net/http_client.h"
#include "node/store/cipher.h"
#include "node/store/transfer.h"
#include "tests/unit/net/loopback.h"

namespace cloister::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set: run tests/s3/run");
  return value;
}

// Counts what is sent, and breaks a connection when it is told to.
class Meter final : public net::Transport {
 public:
  explicit Meter(std::unique_ptr<net::Transport> real) : real_(std::move(real)) {}
  int64_t sent = 0;
  int calls = 0;
  int failAt = 0;

  Task<Result<net::Response>> exchange(net::Request request) override {
    if (++calls == failAt) co_return fail(Errc::Timeout, "broken off");
    sent += int64_t(request.body.size());
    co_return co_await real_->exchange(std::move(request));
  }
  Task<Result<net::Opened>> open(net::Request request) override { return real_->open(std::move(request)); }

 private:
  std::unique_ptr<net::Transport> real_;
};

// The machine's, set wrong.
class OtherClock final : public Clock {
 public:
  OtherClock(Clock& real, Duration ahead) : real_(real), ahead_(ahead) {}
  Time now() const override { return real_.now() + ahead_; }
  Instant instant() const override { return real_.instant(); }
  std::unique_ptr<Timer> timer() override { return real_.timer(); }

 private:
  Clock& real_;
  Duration ahead_;
};

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Task<Result<std::string>> next() override {
    std::string piece = text_.substr(at_, 1 << 20);
    at_ += piece.size();
    co_return piece;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

class Server : public testing::Test {
 protected:
  Bucket bucket(const std::string& name, const Credentials& login, Clock& clock) {
    Place place{.endpoint = *net::parseBaseUrl(setting("S3_ENDPOINT")), .bucket = name};
    return Bucket(meter_, clock, std::move(place), atOnce([login] { return login; }), {.tries = 2});
  }
  Bucket bucket() { return bucket("saved", login_, *clock_); }
  template <class T>
  T run(Task<T> task) {
    return cloister::test::run(context_, std::move(task));
  }
  Result<int64_t> send(const std::string& text) {
    TextSource source(text);
    Bucket to = bucket();
    return run(upload(to, prefix_ + "large", int64_t(text.size()), source));
  }

  boost::asio::io_context context_;
  std::unique_ptr<Clock> clock_ = realClock(context_.get_executor());
  Meter meter_{std::make_unique<net::HttpClient>(context_.get_executor(),
                                                 *net::parseBaseUrl(setting("S3_ENDPOINT")), nullptr)};
  Credentials login_{.accessKey = setting("S3_ACCESS_KEY"), .secretKey = setting("S3_SECRET_KEY")};
  std::string prefix_ = hexOf(randomBytes(4)) + "/a b+c%d~\xc3\xa4/";
};

TEST_F(Server, KeepsObjects) {
  Bucket to = bucket();
  const std::string key = prefix_ + "object";
  ASSERT_TRUE(run(to.put(key, "0123456789")));
  EXPECT_EQ(run(to.get(key, 2, 3)).value(), "234");
  EXPECT_EQ(run(to.get(key, 8, 100)).value(), "89");
  EXPECT_EQ(run(to.get(key, 10, 1)).value(), "") << "past its end";
  EXPECT_EQ(run(to.size(key)).value(), 10);
  EXPECT_THAT(run(to.list(prefix_)).value(), ElementsAre(Object{key, 10}));
  ASSERT_TRUE(run(to.put(key, "")));
  EXPECT_EQ(run(to.size(key)).value(), 0);
  ASSERT_TRUE(run(to.remove(key)));
  ASSERT_TRUE(run(to.remove(key))) << "again";
  EXPECT_EQ(run(to.size(key)).value(), std::nullopt);
  EXPECT_EQ(run(to.get(key, 0, 1)).error().code, Errc::NotFound);
  EXPECT_THAT(run(to.list(prefix_)).value(), IsEmpty());
}

TEST_F(Server, ListsFolders) {
  Bucket to = bucket();
  for (const char* name : {"a/1/x", "a/1/y", "a/2/x", "b/1/x", "c"})
    ASSERT_TRUE(run(to.put(prefix_ + name, "x")));
  EXPECT_THAT(run(to.folders(prefix_)).value(), ElementsAre(prefix_ + "a/", prefix_ + "b/"));
  EXPECT_THAT(run(to.folders(prefix_ + "a/")).value(), ElementsAre(prefix_ + "a/1/", prefix_ + "a/2/"));
  EXPECT_THAT(run(to.folders(prefix_ + "none/")).value(), IsEmpty());
}

TEST_F(Server, ListsMoreThanOnePageOfFolders) {
  Bucket to = bucket();
  for (int i = 0; i < 1003; ++i) ASSERT_TRUE(run(to.put(prefix_ + std::to_string(i) + "/x", "x")));
  meter_.calls = 0;
  EXPECT_THAT(run(to.folders(prefix_)).value(), SizeIs(1003));
  EXPECT_EQ(meter_.calls, 2);
}

TEST_F(Server, ListsMoreThanOnePage) {
  Bucket to = bucket();
  for (int i = 0; i < 1003; ++i) ASSERT_TRUE(run(to.put(prefix_ + std::to_string(i), "x")));
  meter_.calls = 0;
  const auto all = run(to.list(prefix_));
  ASSERT_TRUE(all);
  EXPECT_THAT(*all, SizeIs(1003));
  EXPECT_EQ(meter_.calls, 2);
  std::set<std::string> keys;
  for (const Object& object : *all) keys.insert(object.key);
  EXPECT_THAT(keys, SizeIs(1003));
}

// 20 MB in three parts; each call breaks in turn, and the next attempt goes on.
TEST_F(Server, ResumesAnUploadThatWasInterruptedAnywhere) {
  const std::string text = randomBytes(20'000'000);
  Bucket to = bucket();
  meter_.calls = 0;
  ASSERT_TRUE(send(text));
  const int calls = meter_.calls;
  ASSERT_EQ(calls, 7) << "uploads, begin, parts, three parts, complete";
  for (int failAt = 1; failAt <= calls; ++failAt) {
    ASSERT_TRUE(run(to.remove(prefix_ + "large")));
    TextSource source(text);
    Place place = to.place();
    Bucket once(meter_, *clock_, place, atOnce([this] { return login_; }), {.tries = 1});
    meter_.calls = 0;
    meter_.failAt = failAt;
    EXPECT_FALSE(run(upload(once, prefix_ + "large", int64_t(text.size()), source)));
    meter_.failAt = 0;
    meter_.sent = 0;
    EXPECT_EQ(send(text).value(), int64_t(text.size()));
    const int64_t there =
        smallestPart * std::clamp(failAt - 4, 0, 2) + (failAt == 7 ? 20'000'000 % smallestPart : 0);
    EXPECT_LT(meter_.sent, int64_t(text.size()) - there + 10'000)
        << failAt << ": what is there is not sent again";
    EXPECT_THAT(run(to.uploads(prefix_)).value(), IsEmpty());
    std::string back;
    for (const int64_t at : {int64_t(0), int64_t(10'000'000)})
      back += run(to.get(prefix_ + "large", at, 10'000'000)).value();
    EXPECT_TRUE(back == text) << failAt;
  }
}

TEST_F(Server, GivesUpUploads) {
  Bucket to = bucket();
  const Upload begun = run(to.begin(prefix_ + "x")).value();
  ASSERT_TRUE(run(to.putPart(begun, 1, "part")));
  EXPECT_THAT(run(to.uploads(prefix_)).value(), ElementsAre(begun));
  EXPECT_THAT(run(to.parts(begun)).value(), SizeIs(1));
  ASSERT_TRUE(run(to.abort(begun)));
  ASSERT_TRUE(run(to.abort(begun))) << "again";
  EXPECT_THAT(run(to.uploads(prefix_)).value(), IsEmpty());
  EXPECT_EQ(run(to.parts(begun)).error().code, Errc::NotFound);
}

TEST_F(Server, TellsWhatIsWrong) {
  Bucket elsewhere = bucket("elsewhere", login_, *clock_);
  EXPECT_THAT(run(elsewhere.put("x", "x")).error().message, HasSubstr("no bucket \"elsewhere\"; create it"));
  Bucket stranger = bucket("saved", {.accessKey = "stranger", .secretKey = "x"}, *clock_);
  EXPECT_THAT(run(stranger.put("x", "x")).error().message, HasSubstr("does not know the access key"));
  Bucket wrong = bucket("saved", {.accessKey = login_.accessKey, .secretKey = "x"}, *clock_);
  EXPECT_THAT(run(wrong.put("x", "x")).error().message, HasSubstr("the secret key is not that"));
  OtherClock late(*clock_, -std::chrono::hours(1));
  Bucket skewed = bucket("saved", login_, late);
  EXPECT_THAT(run(skewed.put("x", "x")).error().message, HasSubstr("clock"));
}

TEST_F(Server, RefusesABodyThatChangedOnTheWay) {
  Bucket to = bucket();
  net::Request request{.method = "PUT", .target = targetOf("/saved/" + prefix_ + "x", {}), .body = "text"};
  sign(request, net::authority(to.place().endpoint), login_, "us-east-1", clock_->now());
  request.body = "tExt";
  const auto answer = run(meter_.exchange(std::move(request)));
  ASSERT_TRUE(answer);
  EXPECT_GE(answer->status, 400);
  EXPECT_EQ(run(to.size(prefix_ + "x")).value(), std::nullopt);
}

}  // namespace
}  // namespace cloister::store
