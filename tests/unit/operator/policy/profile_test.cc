#include "operator/policy/profile.h"

#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::policy {
namespace {

namespace ip = boost::asio::ip;
using testing::Contains;
using testing::IsEmpty;
using testing::Not;

api::SandboxNetwork wish(std::string_view json) {
  auto network = json::decode<api::SandboxNetwork>(*json::parse(json), json::Unknown::Refuse);
  EXPECT_TRUE(network) << network.error().message;
  return *network;
}

constexpr std::string_view internet = R"({"egress": {"mode": "Internet"}})";

// What the API server stores: the same values, members in another order.
json::value reversed(const json::value& v) {
  if (v.is_array()) {
    json::array items;
    for (const json::value& item : v.get_array()) items.push_back(reversed(item));
    return items;
  }
  if (!v.is_object()) return v;
  std::vector<std::string> keys;
  for (const auto& [key, item] : v.get_object()) keys.emplace_back(key);
  json::object fields;
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) fields[*key] = reversed(v.get_object().at(*key));
  return fields;
}

json::object afterRoundTrip(const json::object& spec) {
  return json::parse(json::print(reversed(spec)))->as_object();
}

bool contains(const ip::network_v4& network, const std::string& address) {
  const auto wanted = ip::make_address_v4(address);
  return ip::network_v4(wanted, network.prefix_length()).network() == network.network();
}
bool contains(const ip::network_v6& network, const std::string& address) {
  const auto wanted = ip::make_address_v6(address);
  return ip::network_v6(wanted, network.prefix_length()).network() == network.network();
}

// Whether the ipBlock of SPEC's first egress rule lets ADDRESS through.
bool isOpen(const json::object& spec, const std::string& address) {
  const bool six = address.contains(':');
  for (const json::value& peer : json::find(spec, "egress.0.to")->as_array()) {
    const std::string cidr = json::findString(peer, "ipBlock.cidr");
    if (cidr.contains(':') != six) continue;
    for (const json::value& closed : json::find(peer, "ipBlock.except")->as_array()) {
      const std::string text(closed.as_string());
      if (six ? contains(ip::make_network_v6(text), address) : contains(ip::make_network_v4(text), address))
        return false;
    }
    return true;
  }
  return false;
}

TEST(DefaultDeny, TakesEveryDirectionFromEverySandbox) {
  EXPECT_EQ(json::value(defaultDenySpec()), *json::parse(R"({
    "podSelector": {"matchExpressions": [{"key": "cloister.dev/sandbox", "operator": "Exists"}]},
    "policyTypes": ["Egress", "Ingress"]})"));
}

TEST(Profile, IsNoneForWhatDefaultDenySays) {
  EXPECT_THAT(networkProfile({}, {}).name, IsEmpty());
  EXPECT_THAT(networkProfile(wish(R"({"egress": {"mode": "None"}})"), {}).name, IsEmpty());
}

TEST(Profile, OpensNothingForNamesAlone) {
  for (const char* json :
       {R"({"egress": {"mode": "Allow"}})", R"({"egress": {"mode": "Allow", "names": ["pypi.org"]}})",
        R"({"egress": {"mode": "Allow", "names": ["pypi.org"], "ports": [{"port": 443}]}})"}) {
    EXPECT_THAT(networkProfile(wish(json), {}).name, IsEmpty())
        << "an empty `to` would mean everywhere: " << json;
  }
}

TEST(Profile, SelectsOnlyItsOwnPods) {
  const NetworkProfile profile = networkProfile(wish(internet), {});
  EXPECT_EQ(*json::find(profile.spec, "podSelector"),
            (json::value{{"matchLabels", {{"cloister.dev/network", profile.name}}}}));
  EXPECT_EQ(*json::find(profile.spec, "policyTypes"), json::array{"Egress"});
  EXPECT_FALSE(profile.spec.contains("ingress"));
}

TEST(Profile, OpensTheInternetAndNothingElse) {
  const json::object spec = networkProfile(wish(internet), {}).spec;
  for (const char* open :
       {"1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::200e"}) {
    EXPECT_TRUE(isOpen(spec, open)) << open;
  }
  for (const char* closed : {"10.96.0.1",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.168.1.1",
                             "100.64.0.1",
                             "127.0.0.1",
                             "0.0.0.0",
                             "169.254.169.254",
                             "169.254.170.2",
                             "192.0.0.192",
                             "198.18.0.1",
                             "224.0.0.251",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "::10.0.0.1",
                             "64:ff9b::a9fe:a9fe",
                             "64:ff9b:1::1",
                             "2002:a00:1::",
                             "2001::1",
                             "fd00:ec2::254",
                             "fc00::1",
                             "fe80::1",
                             "fec0::1",
                             "ff02::1"}) {
    EXPECT_FALSE(isOpen(spec, closed)) << closed;
  }
}

TEST(Profile, ClosesTheConfiguredRangesInTheirFamily) {
  NetworkConfig config;
  config.closedCidrs = {"52.94.0.0/22", "2600:1f00::/24"};
  const json::object spec = networkProfile(wish(internet), config).spec;
  EXPECT_FALSE(isOpen(spec, "52.94.1.1"));
  EXPECT_FALSE(isOpen(spec, "2600:1f00::1"));
  EXPECT_TRUE(isOpen(spec, "52.94.4.1"));
  EXPECT_NE(networkProfile(wish(internet), config).name, networkProfile(wish(internet), {}).name);
}

// As the API server validates an ipBlock: a strict part of its cidr, in the same family, without host bits.
TEST(Profile, ExceptsOnlyPartsOfItsNetwork) {
  for (const json::value& peer :
       json::find(networkProfile(wish(internet), {}).spec, "egress.0.to")->as_array()) {
    const std::string cidr = json::findString(peer, "ipBlock.cidr");
    for (const json::value& except : json::find(peer, "ipBlock.except")->as_array()) {
      const std::string text(except.as_string());
      if (cidr.contains(':')) {
        const auto network = ip::make_network_v6(text);
        EXPECT_TRUE(network.is_subnet_of(ip::make_network_v6(cidr))) << text;
        EXPECT_EQ(network.canonical(), network) << text;
        EXPECT_FALSE(network.address().is_v4_mapped()) << text;
      } else {
        const auto network = ip::make_network_v4(text);
        EXPECT_TRUE(network.is_subnet_of(ip::make_network_v4(cidr))) << text;
        EXPECT_EQ(network.canonical(), network) << text;
      }
    }
  }
}

TEST(Profile, AllowsExactlyTheNetworksAndPorts) {
  const json::object spec =
      networkProfile(wish(R"({"egress": {"mode": "Allow", "cidrs": ["10.1.0.0/16", "fd00::/8"],
      "ports": [{"port": 443}, {"port": 53, "protocol": "UDP"}]}})"),
                     {})
          .spec;
  EXPECT_EQ(*json::find(spec, "egress.0"), *json::parse(R"({
      "to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}, {"ipBlock": {"cidr": "fd00::/8"}}],
      "ports": [{"port": 443, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]})"));
  EXPECT_EQ(*json::find(spec, "egress.1"), *json::parse(R"({
      "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
              "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
      "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]})"))
      << "one peer with both selectors: two peers would open all of kube-system";
  EXPECT_EQ(json::find(spec, "egress.2"), nullptr);
}

TEST(Profile, AllowsEveryPortWhereNoneIsNamed) {
  const auto profile = networkProfile(wish(R"({"egress": {"mode": "Allow", "cidrs": ["10.1.0.0/16"]}})"), {});
  EXPECT_EQ(json::find(json::value(profile.spec), "egress.0.ports"), nullptr)
      << "an empty list is another wish";
}

TEST(Profile, ExposesPortsToThoseWhoAreNoSandboxes) {
  const NetworkProfile profile = networkProfile(wish(R"({"expose": [{"name": "http", "port": 8080}]})"), {});
  EXPECT_EQ(profile.spec.at("policyTypes"), json::array{"Ingress"});
  EXPECT_EQ(profile.spec.at("ingress"), *json::parse(R"([{
      "from": [{"podSelector": {"matchExpressions": [{"key": "cloister.dev/sandbox", "operator": "DoesNotExist"}]}}],
      "ports": [{"port": 8080, "protocol": "TCP"}]}])"));
}

TEST(Profile, NamesEqualWishesAlikeAndOthersNot) {
  const char* wishes[] = {
      R"({"egress": {"mode": "Internet"}})",
      R"({"egress": {"mode": "Allow", "cidrs": ["10.0.0.0/8"]}})",
      R"({"egress": {"mode": "Allow", "cidrs": ["10.0.0.0/8"], "ports": [{"port": 80}]}})",
      R"({"egress": {"mode": "Allow", "cidrs": ["10.0.0.0/8"], "ports": [{"port": 80, "protocol": "UDP"}]}})",
      R"({"expose": [{"port": 80}]})",
      R"({"egress": {"mode": "Internet"}, "expose": [{"port": 80}]})"};
  std::set<std::string> names;
  for (const char* json : wishes) {
    EXPECT_EQ(networkProfile(wish(json), {}).name, networkProfile(wish(json), {}).name);
    names.insert(networkProfile(wish(json), {}).name);
  }
  EXPECT_EQ(names.size(), std::size(wishes));
  EXPECT_EQ(networkProfile(wish(R"({"expose": [{"name": "a", "port": 80, "protocol": "TCP"}]})"), {}).name,
            networkProfile(wish(R"({"expose": [{"port": 80}]})"), {}).name)
      << "a port's name and the default protocol make no difference";
}

TEST(Profile, IsRecognizedAfterARoundTripThroughTheApiServer) {
  for (const char* json :
       {R"({"egress": {"mode": "Internet"}, "expose": [{"port": 80}]})",
        R"({"egress": {"mode": "Allow", "cidrs": ["10.0.0.0/8"], "ports": [{"port": 80}]}})"}) {
    const NetworkProfile profile = networkProfile(wish(json), {});
    const json::object stored = afterRoundTrip(profile.spec);
    ASSERT_NE(json::print(stored), json::print(profile.spec)) << "the order of the members did change";
    EXPECT_TRUE(isIntact(policyName(profile.name), stored));
  }
  EXPECT_TRUE(isIntact(defaultDenyName, afterRoundTrip(defaultDenySpec())));
}

TEST(Profile, IsNotIntactOnceSomebodyChangedIt) {
  const NetworkProfile profile = networkProfile(wish(internet), {});
  json::object wider = profile.spec;
  wider["egress"].as_array().push_back(json::object());
  EXPECT_FALSE(isIntact(policyName(profile.name), wider));
  json::object others = profile.spec;
  others["podSelector"] = json::object();
  EXPECT_FALSE(isIntact(policyName(profile.name), others));
  EXPECT_FALSE(isIntact("cloister-net-other", profile.spec));
  EXPECT_FALSE(isIntact(policyName(profile.name), {}));
  json::object narrower = defaultDenySpec();
  narrower["policyTypes"] = json::array{"Ingress"};
  EXPECT_FALSE(isIntact(defaultDenyName, narrower));
}

TEST(Policy, IsAWholeObjectOfOurs) {
  EXPECT_EQ(networkPolicy("team", defaultDenyName, defaultDenySpec()),
            (json::value{{"apiVersion", "networking.k8s.io/v1"},
                         {"kind", "NetworkPolicy"},
                         {"metadata",
                          {{"name", "cloister-default-deny"},
                           {"namespace", "team"},
                           {"labels", {{"app.kubernetes.io/managed-by", "cloister-operator"}}}}},
                         {"spec", defaultDenySpec()}}));
}

}  // namespace
}  // namespace cloister::policy
