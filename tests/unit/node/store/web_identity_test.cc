// Credentials for a token: what is asked, what is made of the answers, and when they are asked for again. The
// service is played as its documentation says; there is none to be had as a package.
#include "node/store/web_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time.h"
#include "tests/support/sim_clock.h"

namespace cloister::store {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// As the documentation has it, shortened.
std::string granted(const std::string& key, const std::string& expires) {
  return R"(<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>system:serviceaccount:cloister-node:cloister-node</SubjectFromWebIdentityToken>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/cloister/cloister-node</Arn></AssumedRoleUser>
    <Credentials>
      <SessionToken>session</SessionToken>
      <SecretAccessKey>secret</SecretAccessKey>
      <Expiration>)" +
         expires + R"(</Expiration>
      <AccessKeyId>)" +
         key + R"(</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>)";
}

net::Response refused(int status, const std::string& code) {
  return {
      .status = status,
      .headers = {},
      .body =
          R"(<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>)" +
          code + "</Code><Message>words</Message></Error></ErrorResponse>"};
}

Error errorOf(int status, const std::string& code) {
  return parseLease(refused(status, code)).error();
}

TEST(AssumeRole, IsAskedAsAForm) {
  const auto request = assumeRole("arn:aws:iam::1:role/a", "eyJ.a+b=");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/");
  EXPECT_EQ(net::header(request.headers, "content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=cloister-node"
            "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&WebIdentityToken=eyJ.a%2Bb%3D");
  EXPECT_THAT(assumeRole("", "t").body, testing::Not(HasSubstr("RoleArn")));
}

TEST(AssumeRole, GivesCredentialsUntilATime) {
  const auto lease = parseLease({.status = 200, .body = granted("key", "2026-01-01T10:00:00Z")}).value();
  EXPECT_EQ(lease.credentials,
            (Credentials{.accessKey = "key", .secretKey = "secret", .sessionToken = "session"}));
  EXPECT_EQ(lease.expires, parseTime("2026-01-01T10:00:00Z").value());
}

TEST(AssumeRole, TakesNothingElseForCredentials) {
  const std::string good = granted("key", "2026-01-01T10:00:00Z");
  for (const char* element : {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "Credentials",
                              "AssumeRoleWithWebIdentityResult", "AssumeRoleWithWebIdentityResponse"}) {
    std::string body = good;
    for (size_t at = 0; (at = body.find(element, at)) != std::string::npos; ++at) body[at] = 'X';
    EXPECT_EQ(parseLease({.status = 200, .body = body}).error().code, Errc::Protocol) << element;
  }
  for (const char* body : {"", "<html>hello</html>", "{}"})
    EXPECT_EQ(parseLease({.status = 200, .body = body}).error().code, Errc::Protocol) << body;
  EXPECT_EQ(parseLease({.status = 200, .body = granted("key", "soon")}).error().code, Errc::Protocol);
}

TEST(AssumeRole, TellsWhatToDo) {
  EXPECT_EQ(errorOf(403, "AccessDenied").code, Errc::Forbidden);
  EXPECT_THAT(errorOf(403, "AccessDenied").message,
              AllOf(HasSubstr("let the role trust the service account"), HasSubstr("(AccessDenied: words)")));
  EXPECT_EQ(errorOf(400, "InvalidIdentityToken").code, Errc::Unauthorized);
  EXPECT_THAT(errorOf(400, "InvalidIdentityToken").message, HasSubstr("webIdentity.audience"));
  EXPECT_THAT(errorOf(400, "ExpiredTokenException").message, HasSubstr("by NTP"));
  EXPECT_EQ(errorOf(400, "IDPCommunicationError").code, Errc::Unavailable) << "which passes";
  EXPECT_EQ(errorOf(400, "Throttling").code, Errc::TooManyRequests);
  EXPECT_EQ(errorOf(400, "ValidationError").message, "it says ValidationError: words");
  EXPECT_EQ(errorOf(400, "ValidationError").code, Errc::InvalidInput);
  EXPECT_EQ(errorOf(500, "InternalFailure").code, Errc::Unavailable);
  const auto bare = parseLease({.status = 403, .body = "<Error><Code>AccessDenied</Code></Error>"}).error();
  EXPECT_THAT(bare.message, HasSubstr("let the role trust")) << "as S3 words it";
  const auto other = parseLease({.status = 404, .body = "<html>"}).error();
  EXPECT_THAT(other.message, HasSubstr("the status 404: is it a Security Token Service"));
  EXPECT_LT(errorOf(400, std::string(5000, 'x')).message.size(), 600U);
}

TEST(AssumeRole, IsAskedAgainInTime) {
  const Time now = parseTime("2026-01-01T10:00:00Z").value();
  EXPECT_EQ(renewalOf({.credentials = {}, .expires = now + std::chrono::hours(1)}, now),
            now + std::chrono::minutes(50));
  EXPECT_EQ(renewalOf({.credentials = {}, .expires = now + std::chrono::minutes(4)}, now),
            now + std::chrono::minutes(2));
}

class Identity : public testing::Test, public net::Transport {
 protected:
  Task<Result<net::Response>> exchange(net::Request request) override {
    asked_.push_back(request.body.substr(request.body.rfind('=') + 1));
    if (trouble_) co_return fail(*trouble_);
    co_return net::Response{.status = 200,
                            .body = granted("key-" + std::to_string(asked_.size()),
                                            formatTime(clock_.now() + std::chrono::hours(1)))};
  }
  Task<Result<net::Opened>> open(net::Request) override { co_return fail(Errc::Internal, "not used"); }
  // The access key, or what is wrong.
  std::string login() {
    const auto got = test::run(clock_, identity_.login());
    return got ? got->accessKey : got.error().message;
  }

  cloister::test::SimClock clock_;
  std::vector<std::string> asked_;  // with which tokens
  std::optional<Error> trouble_;
  Result<std::string> token_ = "token-1";
  WebIdentity identity_{*this, clock_, "role", [this] { return token_; }};
};

TEST_F(Identity, AsksOnceUntilItIsTime) {
  EXPECT_EQ(login(), "key-1");
  clock_.advance(std::chrono::minutes(49));
  EXPECT_EQ(login(), "key-1");
  token_ = "token-2";
  clock_.advance(std::chrono::minutes(2));
  EXPECT_EQ(login(), "key-2");
  EXPECT_THAT(asked_, ElementsAre("token-1", "token-2")) << "with the token of that time";
}

TEST_F(Identity, MakesDoWithWhatItHasUntilThatExpires) {
  EXPECT_EQ(login(), "key-1");
  trouble_ = Error{.code = Errc::Unavailable, .message = "connection refused"};
  clock_.advance(std::chrono::minutes(51));
  EXPECT_EQ(login(), "key-1");
  EXPECT_EQ(login(), "key-1");
  EXPECT_EQ(asked_.size(), 2U) << "not for each request";
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(login(), "key-1");
  EXPECT_EQ(asked_.size(), 3U);
  clock_.advance(std::chrono::minutes(9));
  EXPECT_THAT(login(), HasSubstr("cannot be reached: connection refused"));
  trouble_.reset();
  EXPECT_EQ(login(), "key-5");
}

TEST_F(Identity, TellsThatThereIsNoToken) {
  token_ = fail(Errc::InvalidInput, "cannot open /token");
  EXPECT_THAT(login(), HasSubstr("the token for the store's credentials: cannot open /token"));
  EXPECT_TRUE(asked_.empty());
}

class LateIdentity : public Identity {
 protected:
  Task<Result<net::Response>> exchange(net::Request) override {
    co_return net::Response{.status = 200, .body = granted("key", formatTime(clock_.now() - seconds(1)))};
  }
};

TEST_F(LateIdentity, TakesNoneThatHaveExpired) {
  EXPECT_THAT(login(), HasSubstr("had expired when they were given"));
}

}  // namespace
}  // namespace cloister::store
