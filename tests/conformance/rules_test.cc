// The simulated API server keeps the rules of the real one: the same scripts get the same answers.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "dialogue.h"
#include "json/yaml.h"

namespace cloister::conformance {
namespace {

using json::array;
using json::findString;
using json::value;

const std::string configMaps = "/api/v1/namespaces/$NS/configmaps";
const std::string pods = "/api/v1/namespaces/$NS/pods";
const std::string sandboxes = "/apis/cloister.dev/v1alpha1/namespaces/$NS/sandboxes";
const std::string resourceQuotas = "/api/v1/namespaces/$NS/resourcequotas";
const std::string leases = "/apis/coordination.k8s.io/v1/namespaces/$NS/leases";

value configMap(std::string_view name, std::string_view text = "one", const value& labels = nullptr) {
  value made{{"apiVersion", "v1"},
             {"kind", "ConfigMap"},
             {"metadata", {{"name", name}}},
             {"data", {{"text", text}}}};
  if (!labels.is_null()) made.at("metadata").as_object()["labels"] = labels;
  return made;
}

value sandbox(std::string_view image) {
  return {{"apiVersion", "cloister.dev/v1alpha1"},
          {"kind", "Sandbox"},
          {"metadata", {{"name", "a"}}},
          {"spec", {{"image", image}}},
          {"status", {{"phase", "Running"}}}};
}

value pod(std::string_view name, std::string_view node = "") {
  value made{
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"containers", array{{{"name", "main"}, {"image", "runs"}}}}, {"terminationGracePeriodSeconds", 5}}}};
  if (!node.empty()) made.at("spec").as_object()["nodeName"] = node;
  return made;
}

std::string version(const value& object) {
  return findString(object, "metadata.resourceVersion");
}

value withVersion(value object, const std::string& version) {
  object.at("metadata").as_object()["resourceVersion"] = version;
  return object;
}

void creating(Dialogue& with) {
  with.send("POST", configMaps, configMap("a"));
  with.send("POST", configMaps, configMap("a", "two"));
  with.send("GET", configMaps + "/a");
  with.send("GET", configMaps + "/b");
  with.send("POST", configMaps,
            {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", value(json::object())}});
  with.send("POST", "/api/v1/namespaces/nowhere/configmaps", configMap("a"));
}

void replacing(Dialogue& with) {
  const value first = with.send("POST", configMaps, configMap("a"));
  const value second =
      with.send("PUT", configMaps + "/a", withVersion(configMap("a", "two"), version(first)));
  with.send("PUT", configMaps + "/a", withVersion(configMap("a", "three"), version(first)));
  const value same = with.send("PUT", configMaps + "/a", withVersion(configMap("a", "two"), version(second)));
  with.note(version(same) == version(second) ? "nothing changed" : "a new version");
  with.send("PUT", configMaps + "/a", configMap("a", "whatever the version"));
  with.send("PUT", configMaps + "/b", configMap("b"));
  with.send("PUT", configMaps + "/a", configMap("b"));
}

void mergePatches(Dialogue& with) {
  const value first = with.send("POST", configMaps, configMap("a", "one", {{"x", "1"}, {"y", "2"}}));
  const value same = with.send("PATCH", configMaps + "/a", {{"data", {{"text", "one"}}}});
  with.note(version(same) == version(first) ? "nothing changed" : "a new version");
  with.send("PATCH", configMaps + "/a", {{"metadata", {{"labels", {{"x", nullptr}}}}}});
  with.send("PATCH", configMaps + "/a",
            {{"metadata", {{"resourceVersion", version(first)}}}, {"data", {{"text", "late"}}}});
  with.send("PATCH", configMaps + "/a", {{"metadata", {{"uid", "another"}}}, {"data", {{"text", "late"}}}});
  with.send("PATCH", configMaps + "/b", {{"data", {{"text", "none"}}}});
}

void jsonPatches(Dialogue& with) {
  const value first = with.send("POST", configMaps, configMap("a"));
  const auto patch = [&](const std::string& tested, const std::string& path) {
    with.send("PATCH", configMaps + "/a",
              array{{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", tested}},
                    {{"op", "replace"}, {"path", path}, {"value", "two"}}});
  };
  patch("1", "/data/text");
  patch(version(first), "/data/absent");
  patch(version(first), "/data/text");
  with.send("PATCH", configMaps + "/a", array{{{"op", "add"}, {"path", "/data/more"}, {"value", "m"}}});
  with.send("PATCH", configMaps + "/a", array{{{"op", "remove"}, {"path", "/data/more"}}});
}

void deleting(Dialogue& with) {
  const value made = with.send("POST", configMaps, configMap("a"));
  with.send("DELETE", configMaps + "/a", {{"preconditions", {{"uid", "another"}}}});
  with.send("DELETE", configMaps + "/a", {{"preconditions", {{"resourceVersion", "1"}}}});
  with.send(
      "DELETE", configMaps + "/a",
      {{"preconditions", {{"uid", findString(made, "metadata.uid")}, {"resourceVersion", version(made)}}}});
  with.send("DELETE", configMaps + "/a");
}

void finalizers(Dialogue& with) {
  value pinned = configMap("a");
  pinned.at("metadata").as_object()["finalizers"] = array{"example.com/pin"};
  with.send("POST", configMaps, pinned);
  with.send("DELETE", configMaps + "/a");
  with.send("DELETE", configMaps + "/a");
  with.send("PATCH", configMaps + "/a", {{"data", {{"text", "still to be changed"}}}});
  with.send("PATCH", configMaps + "/a", {{"metadata", {{"finalizers", nullptr}}}});
  with.send("GET", configMaps + "/a");
}

// Who deletes says what becomes of what the object owns; a finalizer of somebody else waits with it.
void propagation(Dialogue& with) {
  value pinned = sandbox("one");
  pinned.at("metadata").as_object()["finalizers"] = array{"example.com/pin"};
  for (const char* policy : {"Background", "Foreground", "Orphan"}) {
    with.send("POST", sandboxes, pinned);
    with.send("DELETE", sandboxes + "/a", {{"propagationPolicy", policy}});
    with.send("PATCH", sandboxes + "/a", {{"metadata", {{"finalizers", nullptr}}}});
    with.send("GET", sandboxes + "/a");
  }
  with.send("POST", sandboxes, sandbox("one"));
  with.send("DELETE", sandboxes + "/a", {{"propagationPolicy", "Upwards"}});
  with.send("DELETE", sandboxes + "/a", {{"propagationPolicy", "Background"}});
  with.send("GET", sandboxes + "/a");
}

// What is about to go gets no new finalizers, and loses them one by one.
void finalizersOfTheLeaving(Dialogue& with) {
  value pinned = configMap("a");
  pinned.at("metadata").as_object()["finalizers"] = array{"example.com/pin", "example.com/needle"};
  with.send("POST", configMaps, pinned);
  with.send("DELETE", configMaps + "/a");
  with.send("PATCH", configMaps + "/a",
            {{"metadata", {{"finalizers", {"example.com/pin", "example.com/needle", "example.com/nail"}}}}});
  with.send("PATCH", configMaps + "/a", {{"metadata", {{"finalizers", {"example.com/needle"}}}}});
  with.send("POST", configMaps, configMap("a"));
  with.send("PATCH", configMaps + "/a", {{"metadata", {{"finalizers", array()}}}});
  with.send("POST", configMaps, configMap("a"));
}

void preconditions(Dialogue& with) {
  const value first = with.send("POST", sandboxes, sandbox("one"));
  const value second = with.send("PATCH", sandboxes + "/a", {{"metadata", {{"labels", {{"x", "1"}}}}}});
  const auto remove = [&](const std::string& uid, const std::string& seen) {
    with.send("DELETE", sandboxes + "/a", {{"preconditions", {{"uid", uid}, {"resourceVersion", seen}}}});
  };
  const std::string uid = findString(first, "metadata.uid");
  remove(uid, version(first));
  remove("another", version(second));
  remove(uid, version(second));
  remove(uid, version(second));
  const value bound = with.send("POST", pods, pod("bound", "no-such-node"));
  with.send("DELETE", pods + "/bound", {{"preconditions", {{"uid", "another"}}}});
  const value leaving =
      with.send("DELETE", pods + "/bound", {{"preconditions", {{"uid", findString(bound, "metadata.uid")}}}});
  with.send("DELETE", pods + "/bound", {{"preconditions", {{"resourceVersion", version(bound)}}}});
  with.send("DELETE", pods + "/bound",
            {{"gracePeriodSeconds", 0}, {"preconditions", {{"resourceVersion", version(leaving)}}}});
}

void statusAndGeneration(Dialogue& with) {
  const value first = with.send("POST", sandboxes, sandbox("one"));
  with.send("PATCH", sandboxes + "/a", {{"status", {{"phase", "Failed"}}}});
  with.send("PATCH", sandboxes + "/a", {{"metadata", {{"labels", {{"x", "1"}}}}}});
  with.send("PATCH", sandboxes + "/a", {{"spec", {{"lifecycle", {{"ttl", "1h"}}}}}});
  const value told =
      with.send("PATCH", sandboxes + "/a/status",
                {{"status", {{"phase", "Pending"}}}, {"metadata", {{"labels", {{"x", "2"}}}}}});
  const value again = with.send("PATCH", sandboxes + "/a/status", {{"status", {{"phase", "Pending"}}}});
  with.note(version(told) == version(again) ? "nothing changed" : "a new version");
  with.send("PATCH", sandboxes + "/a/status",
            {{"metadata", {{"resourceVersion", version(first)}}}, {"status", {{"phase", "Running"}}}});
  with.send("PATCH", sandboxes + "/b/status", {{"status", {{"phase", "Running"}}}});
  with.send("PATCH", sandboxes + "/a", {{"metadata", {{"finalizers", {"example.com/pin"}}}}});
  with.send("DELETE", sandboxes + "/a");
  with.send("PATCH", sandboxes + "/a", {{"metadata", {{"finalizers", nullptr}}}});
  with.send("DELETE", sandboxes + "/a");
}

// Each of the two doors changes its part alone, by PUT as by PATCH.
void subresources(Dialogue& with) {
  value made = sandbox("one");
  made.at("metadata").as_object()["generation"] = 7;
  const value first = with.send("POST", sandboxes, made);
  with.send("PUT", sandboxes + "/a/status", withVersion(sandbox("two"), version(first)));
  value ended = sandbox("one");
  ended.at("spec").as_object()["lifecycle"] = {{"ttl", "2h"}};
  ended.at("status") = {{"phase", "Failed"}};
  with.send("PUT", sandboxes + "/a", withVersion(ended, version(first)));
  const value present = with.send("GET", sandboxes + "/a");
  const value next = with.send("PUT", sandboxes + "/a", withVersion(ended, version(present)));
  with.send("PUT", sandboxes + "/a/status", withVersion(ended, version(next)));
  with.send("PUT", sandboxes + "/a/status", ended);
  with.send("PATCH", sandboxes + "/a/status",
            array{{{"op", "replace"}, {"path", "/status/phase"}, {"value", "Succeeded"}}});
  with.send("PATCH", sandboxes + "/a",
            array{{{"op", "replace"}, {"path", "/status/phase"}, {"value", "Pending"}}});
  with.send("PATCH", sandboxes + "/a/status", {{"metadata", {{"finalizers", {"example.com/pin"}}}}});
  with.send("PATCH", sandboxes + "/a", {{"status", nullptr}});
  with.send("PATCH", sandboxes + "/a/status", {{"status", nullptr}});
}

// A pod over the quota is refused, and taken as soon as the quota is raised.
void quotas(Dialogue& with) {
  const std::string quota = resourceQuotas + "/q";
  const auto limited = [](std::string_view resource, std::string_view most) {
    return value{{"apiVersion", "v1"},
                 {"kind", "ResourceQuota"},
                 {"metadata", {{"name", "q"}}},
                 {"spec", {{"hard", {{resource, most}}}}}};
  };
  with.send("POST", resourceQuotas, limited("pods", "1"));
  with.await(quota, "status.hard.pods", "1");
  with.send("POST", pods, pod("a"));
  with.send("POST", pods, pod("b"));
  with.send("PATCH", quota, {{"spec", {{"hard", {{"pods", "2"}}}}}});
  with.await(quota, "status.hard.pods", "2");
  with.send("POST", pods, pod("b"));
  with.send("DELETE", quota);
  with.await(quota, 404);
}

void quotasOfLimits(Dialogue& with) {
  with.send("POST", resourceQuotas,
            {{"apiVersion", "v1"},
             {"kind", "ResourceQuota"},
             {"metadata", {{"name", "q"}}},
             {"spec", {{"hard", {{"pods", "5"}, {"limits.memory", "1Gi"}}}}}});
  with.await(resourceQuotas + "/q", "status.hard.pods", "5");
  with.send("POST", pods, pod("a"));
}

void runtimeClasses(Dialogue& with) {
  value classed = pod("a");
  classed.at("spec").as_object()["runtimeClassName"] = "$NS-class";
  with.send("POST", pods, classed);
  with.send("POST", "/apis/node.k8s.io/v1/runtimeclasses",
            {{"apiVersion", "node.k8s.io/v1"},
             {"kind", "RuntimeClass"},
             {"metadata", {{"name", "$NS-class"}}},
             {"handler", "runsc"}});
  with.send("POST", pods, classed);
  with.send("DELETE", "/apis/node.k8s.io/v1/runtimeclasses/$NS-class");
}

void podsGoGracefully(Dialogue& with) {
  const value waiting = with.send("POST", pods, pod("waiting"));
  const value gone = with.send("DELETE", pods + "/waiting");
  with.note(version(gone) == version(waiting) ? "as it was last" : "of the deletion");
  with.send("GET", pods + "/waiting");
  with.send("POST", pods, pod("bound", "no-such-node"));
  const value leaving = with.send("DELETE", pods + "/bound");
  const value again = with.send("DELETE", pods + "/bound");
  with.note(version(leaving) == version(again) ? "nothing changed" : "a new version");
  with.send("POST", pods, pod("bound", "no-such-node"));
  with.send("DELETE", pods + "/bound", {{"gracePeriodSeconds", 0}});
  with.send("GET", pods + "/bound");
}

void leasesNeedAVersion(Dialogue& with) {
  const value lease{{"apiVersion", "coordination.k8s.io/v1"},
                    {"kind", "Lease"},
                    {"metadata", {{"name", "a"}}},
                    {"spec", {{"holderIdentity", "me"}}}};
  const value first = with.send("POST", leases, lease);
  with.send("PUT", leases + "/a", lease);
  with.send("PUT", leases + "/a", withVersion(lease, "1"));
  with.send("PATCH", leases + "/a", {{"spec", {{"holderIdentity", "you"}}}});
  with.send("PUT", leases + "/a", withVersion(lease, version(first)));
}

void lists(Dialogue& with) {
  for (const char* name : {"a", "b", "c"})
    with.send("POST", configMaps, configMap(name, "one", {{"x", name}, {"ours", "yes"}}));
  const value page = with.send("GET", configMaps + "?labelSelector=ours&limit=2");
  with.send("POST", configMaps, configMap("d", "later", {{"ours", "yes"}}));
  const value rest = with.send(
      "GET", configMaps + "?labelSelector=ours&limit=2&continue=" + findString(page, "metadata.continue"));
  with.note(version(page) == version(rest) ? "of one moment" : "of two moments");
  with.send("GET", configMaps + "?labelSelector=ours%3Dyes,x%21%3Db");
  with.send("GET", configMaps + "?labelSelector=ours,%21x");
  with.send("GET", configMaps + "?fieldSelector=metadata.name%3Da");
}

// A page that is asked for too late cannot be told any more.
void expiredPages(Dialogue& with) {
  for (const char* name : {"a", "b", "c"}) {
    value made = sandbox("one");
    made.at("metadata").as_object()["name"] = name;
    with.send("POST", sandboxes, made);
  }
  const value page = with.send("GET", sandboxes + "?limit=1");
  with.forget();
  with.send("GET", sandboxes + "?limit=1&continue=" + with.aged(findString(page, "metadata.continue")));
  with.send("GET", sandboxes + "?limit=2");
}

void watchesFromTheForgotten(Dialogue& with) {
  with.send("POST", sandboxes, sandbox("one"));
  with.forget();
  with.watch(sandboxes, "1", 1);
}

void watches(Dialogue& with) {
  const value before = with.send("POST", configMaps, configMap("first"));
  with.send("POST", configMaps, configMap("a", "one", {{"ours", "yes"}}));
  with.send("PATCH", configMaps + "/a", {{"data", {{"text", "two"}}}});
  with.send("PATCH", configMaps + "/a", {{"metadata", {{"labels", {{"ours", nullptr}}}}}});
  with.send("PATCH", configMaps + "/a", {{"data", {{"text", "unseen"}}}});
  with.send("PATCH", configMaps + "/a", {{"metadata", {{"labels", {{"ours", "again"}}}}}});
  with.send("DELETE", configMaps + "/a");
  with.watch(configMaps + "?labelSelector=ours", version(before), 5);
}

void namespacesEnd(Dialogue& with) {
  value pinned = configMap("a");
  pinned.at("metadata").as_object()["finalizers"] = array{"example.com/pin"};
  with.send("POST", configMaps, pinned);
  with.send("DELETE", "/api/v1/namespaces/$NS");
  with.send("POST", configMaps, configMap("b"));
  with.send("POST", sandboxes, sandbox("one"));
}

struct Script {
  const char* name;
  void (*run)(Dialogue&);
};
constexpr Script scripts[] = {{"Creating", creating},
                              {"Replacing", replacing},
                              {"MergePatches", mergePatches},
                              {"JsonPatches", jsonPatches},
                              {"Deleting", deleting},
                              {"Finalizers", finalizers},
                              {"FinalizersOfTheLeaving", finalizersOfTheLeaving},
                              {"Propagation", propagation},
                              {"Preconditions", preconditions},
                              {"StatusAndGeneration", statusAndGeneration},
                              {"Subresources", subresources},
                              {"PodsGoGracefully", podsGoGracefully},
                              {"Quotas", quotas},
                              {"QuotasOfLimits", quotasOfLimits},
                              {"RuntimeClasses", runtimeClasses},
                              {"LeasesNeedAVersion", leasesNeedAVersion},
                              {"Lists", lists},
                              {"ExpiredPages", expiredPages},
                              {"Watches", watches},
                              {"WatchesFromTheForgotten", watchesFromTheForgotten},
                              {"NamespacesEnd", namespacesEnd}};

// The real server has the Sandbox kind and a namespace's service account only after a while.
void prepare(Dialogue& real) {
  std::stringstream text;
  text << std::ifstream(CLOISTER_SANDBOX_CRD).rdbuf();
  const auto crd = json::parseYaml(text.str(), CLOISTER_SANDBOX_CRD);
  ASSERT_TRUE(crd) << crd.error().message;
  real.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd->root);
  real.await(sandboxes, 200);
  real.await("/api/v1/namespaces/$NS/serviceaccounts/default", 200);
}

class RulesTest : public testing::TestWithParam<Script> {};

TEST_P(RulesTest, AreTheRealServers) {
  const auto real = realDialogue();
  prepare(*real);
  const size_t prepared = real->notes().size();
  const auto simulated = simulatedDialogue();
  GetParam().run(*real);
  GetParam().run(*simulated);
  const std::vector<std::string> expected(real->notes().begin() + ptrdiff_t(prepared), real->notes().end());
  ASSERT_EQ(simulated->notes().size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(simulated->notes()[i], expected[i]);
}

INSTANTIATE_TEST_SUITE_P(Scripts, RulesTest, testing::ValuesIn(scripts),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace cloister::conformance
