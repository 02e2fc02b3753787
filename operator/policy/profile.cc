#include "operator/policy/profile.h"

#include "base/hash.h"

namespace cloister::policy {
namespace {

using json::array;
using json::object;
using json::value;

constexpr std::string_view internet4 = "0.0.0.0/0";
constexpr std::string_view internet6 = "::/0";
// What is not the internet: private, shared, loopback, link-local (cloud metadata among it), multicast and
// reserved ranges, and those that carry IPv4 addresses within IPv6 ones. Source: IANA's special-purpose
// address registries.
constexpr std::string_view closed4[] = {"0.0.0.0/8",      "10.0.0.0/8",    "100.64.0.0/10", "127.0.0.0/8",
                                        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",  "192.168.0.0/16",
                                        "198.18.0.0/15",  "224.0.0.0/4",   "240.0.0.0/4"};
constexpr std::string_view closed6[] = {"::/96",     "64:ff9b::/96", "64:ff9b:1::/48",
                                        "2001::/32", "2002::/16",    "fc00::/7",
                                        "fe80::/10", "fec0::/10",    "ff00::/8"};

object peerOutside(std::string_view block, auto&& closed, const NetworkConfig& config) {
  const bool six = block.contains(':');
  array except;
  for (std::string_view cidr : closed) except.push_back(value(cidr));
  for (const std::string& cidr : config.closedCidrs) {
    if (cidr.contains(':') == six) except.push_back(value(cidr));
  }
  return {{"ipBlock", {{"cidr", block}, {"except", std::move(except)}}}};
}

array portList(const std::vector<api::NetworkPort>& ports) {
  array list;
  for (const api::NetworkPort& port : ports) {
    const auto protocol = port.protocol.value_or(api::Protocol::TCP);
    list.push_back({{"port", port.port}, {"protocol", boost::describe::enum_to_string(protocol, "")}});
  }
  return list;
}

object egressRule(array peers, const std::vector<api::NetworkPort>& ports) {
  object rule{{"to", std::move(peers)}};
  if (!ports.empty()) rule["ports"] = portList(ports);
  return rule;
}

object dnsRule(const NetworkConfig& config) {
  const value labels = json::encode(config.dnsLabels);
  return {{"to", array{{{"namespaceSelector",
                         {{"matchLabels", {{"kubernetes.io/metadata.name", config.dnsNamespace}}}}},
                        {"podSelector", {{"matchLabels", labels}}}}}},
          {"ports", array{{{"port", 53}, {"protocol", "UDP"}}, {{"port", 53}, {"protocol", "TCP"}}}}};
}

array egressRules(const api::SandboxEgress& egress, const NetworkConfig& config) {
  switch (egress.mode.value_or(api::EgressMode::None)) {
    case api::EgressMode::None:
      return {};
    case api::EgressMode::Internet: {
      array peers;
      peers.push_back(peerOutside(internet4, closed4, config));
      peers.push_back(peerOutside(internet6, closed6, config));
      return {egressRule(std::move(peers), {}), dnsRule(config)};
    }
    case api::EgressMode::Allow: {
      array peers;
      for (const std::string& cidr : egress.cidrs) peers.push_back({{"ipBlock", {{"cidr", cidr}}}});
      if (peers.empty()) return {};  // names alone open nothing here; an empty `to` would open everything
      return {egressRule(std::move(peers), egress.ports), dnsRule(config)};
    }
  }
  return {};
}

// Pods of the same namespace that are no sandboxes.
array ingressRules(const std::vector<api::NetworkPort>& expose) {
  if (expose.empty()) return {};
  const value outsiders = {
      {"podSelector",
       {{"matchExpressions", array{{{"key", api::sandboxLabel}, {"operator", "DoesNotExist"}}}}}}};
  return {{{"from", array{outsiders}}, {"ports", portList(expose)}}};
}

NetworkProfile profileOf(const object& rules) {
  NetworkProfile profile{.name = shortHash(json::printSorted(rules), 10), .spec = {}};
  array types;
  if (rules.contains("egress")) types.push_back("Egress");
  if (rules.contains("ingress")) types.push_back("Ingress");
  profile.spec = {{"podSelector", {{"matchLabels", {{api::networkLabel, profile.name}}}}},
                  {"policyTypes", types}};
  for (const auto& [key, rule] : rules) profile.spec[key] = rule;
  return profile;
}

}  // namespace

NetworkProfile networkProfile(const api::SandboxNetwork& network, const NetworkConfig& config) {
  object rules;
  if (array egress = egressRules(network.egress, config); !egress.empty())
    rules["egress"] = std::move(egress);
  if (array ingress = ingressRules(network.expose); !ingress.empty()) rules["ingress"] = std::move(ingress);
  if (rules.empty()) return {};
  return profileOf(rules);
}

std::string policyName(std::string_view profile) {
  return "cloister-net-" + std::string(profile);
}

bool isIntact(std::string_view name, const object& spec) {
  static const object deniesAll = defaultDenySpec();
  if (name == defaultDenyName) return spec == deniesAll;
  object rules;
  for (const char* direction : {"egress", "ingress"}) {
    if (const value* list = spec.if_contains(direction)) rules[direction] = *list;
  }
  const NetworkProfile profile = profileOf(rules);
  return name == policyName(profile.name) && spec == profile.spec;
}

object defaultDenySpec() {
  return {
      {"podSelector", {{"matchExpressions", array{{{"key", api::sandboxLabel}, {"operator", "Exists"}}}}}},
      {"policyTypes", {"Egress", "Ingress"}}};
}

std::vector<CreatePolicy> missing(const std::string& namespace_, const NetworkProfile& profile,
                                  const std::vector<std::string>& present) {
  const auto isThere = [&](std::string_view name) {
    return std::ranges::find(present, name) != present.end();
  };
  std::vector<CreatePolicy> absent;
  if (!isThere(defaultDenyName))
    absent.push_back({namespace_, std::string(defaultDenyName), defaultDenySpec()});
  if (!profile.name.empty() && !isThere(policyName(profile.name))) {
    absent.push_back({namespace_, policyName(profile.name), profile.spec});
  }
  return absent;
}

value networkPolicy(std::string_view namespace_, std::string_view name, const object& spec) {
  return {{"apiVersion", "networking.k8s.io/v1"},
          {"kind", "NetworkPolicy"},
          {"metadata",
           {{"name", name}, {"namespace", namespace_}, {"labels", {{api::managedByLabel, api::managedBy}}}}},
          {"spec", spec}};
}

}  // namespace cloister::policy
