// The store as the command line names it: what is wrong with it is told by the name of the option.
#include "node/agent/connect_depot.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/net/loopback.h"

namespace cloister::node {
namespace {

using cloister::test::LoopbackServer;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

const SnapshotId id{.namespace_ = "team", .uid = "uid-1"};

class ConnectDepot : public testing::Test {
 protected:
  ConnectDepot() {
    folder_.write("credentials/accessKey", "access\n");
    folder_.write("credentials/secretKey", " secret ");
    folder_.write("keys/1", store::base64Of(std::string(store::keyBytes, '1')));
    folder_.write("keys/..data/other", "the kubelet's own");
  }
  Result<std::unique_ptr<ConnectedDepot>> open() {
    return ConnectedDepot::open(context_.get_executor(), *clock_, *files_, context_.get_executor(), options_);
  }
  // A whole answer with STATUS.
  static cloister::test::Step send(const std::string& status, const std::string& body) {
    return cloister::test::send("HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
                                "\r\n\r\n" + body);
  }

  cloister::test::TempFolder folder_;
  boost::asio::io_context context_;
  std::unique_ptr<Clock> clock_ = realClock(context_.get_executor());
  std::unique_ptr<Files> files_ = realFiles();
  LoopbackServer server_{context_};
  DepotOptions options_{.endpoint = "http://127.0.0.1:" + std::to_string(server_.port()),
                        .bucket = "bucket",
                        .prefix = "saved",
                        .credentials = folder_.path("credentials"),
                        .keys = folder_.path("keys"),
                        .currentKey = "1",
                        .ca = ""};
};

TEST_F(ConnectDepot, ReadsCredentials) {
  const std::string folder = folder_.path("credentials");
  EXPECT_EQ(readCredentials(folder).value(),
            (store::Credentials{.accessKey = "access", .secretKey = "secret"}));
  folder_.write("credentials/sessionToken", "token\n");
  EXPECT_EQ(readCredentials(folder)->sessionToken, "token");
  folder_.write("credentials/secretKey", "\n");
  EXPECT_THAT(readCredentials(folder).error().message, HasSubstr("must not be empty"));
  std::filesystem::remove(folder + "/accessKey");
  EXPECT_THAT(readCredentials(folder).error().message, HasSubstr(folder + "/accessKey"));
}

TEST_F(ConnectDepot, ReadsStoreKeys) {
  const std::string folder = folder_.path("keys");
  const auto ring = readKeyRing(folder, "1").value();
  EXPECT_EQ(ring.current, "1");
  EXPECT_EQ(ring.keys.size(), 1U) << "what begins with a dot is none";
  EXPECT_EQ(ring.keys.at("1"), std::string(store::keyBytes, '1'));
  EXPECT_THAT(readKeyRing(folder, "2").error().message, HasSubstr("no store key \"2\""));
  folder_.write("keys/2", "short");
  EXPECT_THAT(readKeyRing(folder, "1").error().message, HasSubstr("\"2\" is not 32 bytes in base64"));
  EXPECT_EQ(readKeyRing(folder_.path("none"), "1").error().code, Errc::InvalidInput);
}

TEST_F(ConnectDepot, NamesTheOptionAtFault) {
  const DepotOptions good = options_;
  const auto expectFault = [&](const char* option, const std::function<void(DepotOptions&)>& change) {
    options_ = good;
    change(options_);
    const auto opened = open();
    ASSERT_FALSE(opened) << option;
    EXPECT_EQ(opened.error().code, Errc::InvalidInput) << option;
    EXPECT_THAT(opened.error().message, StartsWith(option));
  };
  expectFault("--store-endpoint", [](auto& o) { o.endpoint = "s3.example"; });
  expectFault("--store-bucket", [](auto& o) { o.bucket = "Not_A_Bucket"; });
  expectFault("--store-bucket", [](auto& o) { o.endpoint += "/path"; });
  expectFault("--store-addressing", [](auto& o) { o.addressing = "Other"; });
  expectFault("--store-credentials", [](auto& o) { o.credentials += "-none"; });
  expectFault("--store-token", [](auto& o) { o.role = "role"; });
  expectFault("--store-token", [](auto& o) { o.sts = "https://sts.example"; });
  expectFault("--store-token", [](auto& o) { o.token = o.credentials + "/accessKey"; });
  expectFault("--store-role", [](auto& o) { o.token = std::exchange(o.credentials, "") + "/accessKey"; });
  expectFault("--store-token", [](auto& o) {
    o.token = std::exchange(o.credentials, "") + "/none";
    o.role = "role";
  });
  expectFault("--store-sts", [](auto& o) {
    o.token = std::exchange(o.credentials, "") + "/accessKey";
    o.sts = "sts.example";
  });
  expectFault("--store-keys", [](auto& o) { o.currentKey = "2"; });
  expectFault("--store-ca", [](auto& o) {
    o.endpoint = "https://127.0.0.1:1";
    o.ca = "/none/ca.crt";
  });
  options_ = good;
  EXPECT_TRUE(open());
}

TEST_F(ConnectDepot, AsksAwsOfTheRegionForCredentials) {
  options_.region = "eu-central-1";
  options_.role = "role";
  EXPECT_EQ(net::authority(stsOf(options_).value()), "sts.eu-central-1.amazonaws.com");
  options_.sts = "http://sts.example:9000";
  EXPECT_EQ(net::authority(stsOf(options_).value()), "sts.example:9000");
}

TEST_F(ConnectDepot, AsksTheEndpointWithWhatItGotForItsToken) {
  folder_.write("token", "eyJ\n");
  options_.credentials = "";
  options_.token = folder_.path("token");
  options_.sts = options_.endpoint;
  const auto depot = open().value();
  const auto place = depot->depot().choosePlace(id, "cluster").value();
  server_.script(
      {cloister::test::readRequest(),
       send("200 OK",
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
            "<AccessKeyId>given</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
            "<SessionToken>session</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>")});
  const std::string gone = "<Error><Code>NoSuchKey</Code></Error>";
  server_.script({cloister::test::readRequest(), send("404 Not Found", gone), cloister::test::readRequest(),
                  send("404 Not Found", gone)});
  for (int i = 0; i < 2; ++i) {
    const auto text = cloister::test::run(context_, depot->depot().fetchManifest(id, place));
    EXPECT_EQ(text.error().code, Errc::NotFound) << text.error().message;
  }
  ASSERT_EQ(server_.requests().size(), 3U) << "the credentials are asked for once";
  EXPECT_TRUE(server_.requests()[0].body.ends_with("&WebIdentityToken=eyJ")) << server_.requests()[0].body;
  const net::Request& asked = server_.requests().back();
  EXPECT_THAT(std::string(net::header(asked.headers, "authorization")), HasSubstr("Credential=given/"));
  EXPECT_EQ(net::header(asked.headers, "x-amz-security-token"), "session");
}

TEST_F(ConnectDepot, AsksTheEndpointWithTheCredentialsOfNow) {
  const auto depot = open().value();
  const auto place = depot->depot().choosePlace(id, "cluster").value();
  EXPECT_EQ(place.endpoint, options_.endpoint);
  EXPECT_EQ(place.bucket, "bucket");
  EXPECT_THAT(place.location, MatchesRegex("saved/cluster/team/uid-1/[0-9a-f]{8}/"));
  const std::string gone = "<Error><Code>NoSuchKey</Code></Error>";
  server_.script({cloister::test::readRequest(), send("404 Not Found", gone), cloister::test::readRequest(),
                  send("404 Not Found", gone)});
  for (const char* key : {"first", "second"}) {
    folder_.write("credentials/accessKey", key);
    const auto text = cloister::test::run(context_, depot->depot().fetchManifest(id, place));
    EXPECT_EQ(text.error().code, Errc::NotFound) << text.error().message;
    const net::Request& asked = server_.requests().back();
    EXPECT_EQ(asked.target, "/bucket/" + place.location + "manifest.json");
    EXPECT_THAT(std::string(net::header(asked.headers, "authorization")),
                HasSubstr("Credential=" + std::string(key) + "/"));
  }
}

// A piece has 8 MiB.
TEST_F(ConnectDepot, ReadsNoAnswerWithoutBounds) {
  const auto depot = open().value();
  const auto place = depot->depot().choosePlace(id, "cluster").value();
  server_.script({cloister::test::readRequest(), send("206 Partial Content", std::string(17'000'000, 'x'))});
  const auto text = cloister::test::run(context_, depot->depot().fetchManifest(id, place));
  EXPECT_EQ(text.error().code, Errc::Protocol) << text.error().message;
  EXPECT_THAT(text.error().message, HasSubstr("longer than 16777216 bytes"));
}

}  // namespace
}  // namespace cloister::node
