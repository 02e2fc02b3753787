#include "tests/sim/wishes.h"

#include <algorithm>

namespace cloister::sim {
namespace {

constexpr std::string_view lasting = R"({"workspace":{"storageClass":"fast"}})";

constexpr std::string_view briefly = R"({"lifecycle":{"maxLifetime":"25s"}})";

constexpr std::string_view suspending = R"({"lifecycle":{"onExpiry":"Suspend"}})";
constexpr std::string_view handing = R"({"lifecycle":{"onExpiry":"Snapshot"}})";
constexpr std::string_view continuing = R"({"restoreFrom":{"name":"u0"}})";

constexpr Wish all[] = {
    {R"({})"},
    {R"({"network":{"egress":{"mode":"Internet"}}})"},
    {R"({"network":{"egress":{"mode":"Allow","cidrs":["192.0.2.0/24","2001:db8::/32"],)"
     R"("ports":[{"port":443},{"port":53,"protocol":"UDP"}]}}})"},
    {R"({"network":{"egress":{"mode":"Allow","cidrs":["192.0.2.0/24"]},"expose":[{"port":8080}]}})"},
    {R"({"network":{"egress":{"mode":"Allow"}}})"},
    {R"({"network":{"expose":[{"name":"web","port":8080,"protocol":"TCP"}]}})"},
    {R"({"runtime":"gvisor","imagePullPolicy":"IfNotPresent","command":["/bin/work"],"args":["hard"],)"
     R"("workingDir":"/tmp","env":[{"name":"HOME","value":"/tmp"},{"name":"A","value":"1"}],)"
     R"("resources":{"cpu":"500m","memory":"64Mi","disk":"1Gi"},"workspace":{"size":"2Gi"},)"
     R"("securityProfile":"Restricted","desiredState":"Running"})"},
    {R"({"args":["alone"],"env":[{"name":"B","value":"2"}],"priorityClassName":"low"})"},
    {R"({"imagePullSecrets":[{"name":"registry"},{"name":"mine"}],"nodeSelector":{"disk":"fast","pool":"mine"},)"
     R"("tolerations":[{"key":"dedicated","operator":"Exists"}]})"},
    {R"({"podMetadata":{"labels":{"team":"blue","cloister.dev/network":"open",)"
     R"("app.kubernetes.io/managed-by":"me"},"annotations":{"note":"mine",)"
     R"("dev.gvisor.flag.network":"host","io.katacontainers.config.x":"y"}}})"},
    {lasting},
    {R"({"lifecycle":{"maxLifetime":"2h","expiresAt":"2100-01-01T00:00:00Z","onExpiry":"Delete"}})"},
    // Where the answer depends on the cluster.
    {R"({"runtime":"kata"})", "", "runtime"},
    {R"({"runtime":"runc"})", "runtime", ""},
    {R"({"securityProfile":"Baseline"})", "securityProfile", ""},
    {R"({"securityProfile":"Baseline","runtime":"runc"})", "runtime"},
    // Not in this version.
    {R"({"templateRef":{"name":"t"}})", "templateRef"},
    {R"({"poolRef":{"name":"p"}})", "poolRef"},
    {R"({"restoreFrom":{"name":"s"}})", "restoreFrom"},
    {suspending, "lifecycle", "lifecycle", true},
    {R"({"lifecycle":{"idleTimeout":"5m"}})", "lifecycle"},
    {R"({"resources":{"processes":100}})", "resources", "resources", true},
    {R"({"network":{"egress":{"mode":"Allow","names":["example.com"]}}})", "network"},
    {R"({"resources":{"processes":9}})", "resources", "resources", true},
    // Too much, or nothing that can be had.
    {R"({"resources":{"cpu":"1000"}})", "resources"},
    {R"({"resources":{"memory":"0"}})", "resources"},
    {R"({"workspace":{"size":"1Pi"}})", "workspace", ""},
    {R"({"lifecycle":{"ttl":"1000h"}})", "lifecycle"},
    {R"({"lifecycle":{"maxLifetime":"10000h"}})", "lifecycle"},
    // To a pool's or a template's.
    {R"({"templateRef":{"name":"other"}})", "templateRef"},
    {R"({"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"podMetadata":{"labels":{"team":"blue"}}})"},
    {R"({"command":["/bin/work"]})"},
    {R"({"restartPolicy":"Always"})"},
    {briefly},
    {handing, "lifecycle", "lifecycle", true},
    {continuing, "restoreFrom", "restoreFrom", true},
};
static_assert(std::size(all) == commonWishes + poolWishes + 2);

}  // namespace

std::span<const Wish> wishes() {
  return all;
}

int lastingWish() {
  return int(std::ranges::find(all, lasting, &Wish::spec) - std::begin(all));
}

int suspendWish() {
  return int(std::ranges::find(all, suspending, &Wish::spec) - std::begin(all));
}

int handWish() {
  return int(std::ranges::find(all, handing, &Wish::spec) - std::begin(all));
}

int continueWish() {
  return int(std::ranges::find(all, continuing, &Wish::spec) - std::begin(all));
}

int briefWish() {
  return int(std::ranges::find(all, briefly, &Wish::spec) - std::begin(all));
}

void tailor(int way, Config& config) {
  config.imageRegistry = way == 1 ? "registry.example.com/mirror/" : "registry.example.com";
  config.allowBaselineProfile = true;
  config.runtimes.kata.allowed = false;
  config.runtimes.runc = {.runtimeClassName = "", .allowed = true};
  config.largest.disk = {};  // no bound
  config.defaults.imagePullSecrets = {{"registry"}};
  config.defaults.nodeSelector = {{"pool", "sandboxes"}};
  config.defaults.tolerations = {{"sandboxes", "Exists", "", "", {}}};
  config.defaults.priorityClassName = "sandboxes";
  config.defaults.podMetadata = {.labels = {{"cost", "shared"}}, .annotations = {{"note", "ours"}}};
  config.podsGuarded = way == 2;
  config.network.closedCidrs = {"203.0.113.0/24", "2001:db8:1::/48"};
}

}  // namespace cloister::sim
