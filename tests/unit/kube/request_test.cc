#include "kube/request.h"

#include <gtest/gtest.h>

namespace cloister::kube {
namespace {

std::string contentType(const net::Request& request) {
  return std::string(net::header(request.headers, "Content-Type"));
}

TEST(Path, FollowsTheKind) {
  EXPECT_EQ(path(pods, "default", "web"), "/api/v1/namespaces/default/pods/web");
  EXPECT_EQ(path(pods, "", ""), "/api/v1/pods");
  EXPECT_EQ(path(nodes, "", "n1"), "/api/v1/nodes/n1");
  EXPECT_EQ(path(sandboxes, "team-a", "s", "status"),
            "/apis/cloister.dev/v1alpha1/namespaces/team-a/sandboxes/s/status");
  EXPECT_EQ(path(nodes, "ignored", "n1"), "/api/v1/nodes/n1");
}

TEST(Path, ANameCannotLeaveItsPlace) {
  EXPECT_EQ(path(pods, "a/../b", "../../nodes?x#y z"),
            "/api/v1/namespaces/a%2F..%2Fb/pods/..%2F..%2Fnodes%3Fx%23y%20z");
}

TEST(Request, Reads) {
  const auto get = getRequest(pods, {"default", "web"});
  EXPECT_EQ(get.method, "GET");
  EXPECT_EQ(get.target, "/api/v1/namespaces/default/pods/web");
  EXPECT_EQ(net::header(get.headers, "Accept"), "application/json");
  EXPECT_EQ(get.body, "");
}

TEST(Request, Lists) {
  EXPECT_EQ(listRequest(pods, "", {.limit = 0}).target, "/api/v1/pods");
  EXPECT_EQ(listRequest(pods, "a", {}).target, "/api/v1/namespaces/a/pods?limit=500");
  EXPECT_EQ(listRequest(pods, "a",
                        {.labelSelector = "app in (a,b),!c",
                         .fieldSelector = "spec.nodeName=n&1",
                         .limit = 2,
                         .continueToken = "eyJ2+/=",
                         .resourceVersion = "0"})
                .target,
            "/api/v1/namespaces/a/"
            "pods?labelSelector=app%20in%20%28a%2Cb%29%2C%21c&fieldSelector=spec.nodeName%3Dn%261"
            "&limit=2&continue=eyJ2%2B%2F%3D&resourceVersion=0");
}

TEST(Request, Watches) {
  EXPECT_EQ(watchRequest(sandboxes, "", {.labelSelector = "a=b", .resourceVersion = "12"}).target,
            "/apis/cloister.dev/v1alpha1/sandboxes?watch=true&allowWatchBookmarks=true&labelSelector=a%3Db"
            "&resourceVersion=12&timeoutSeconds=300");
}

TEST(Request, Writes) {
  const json::value object{{"kind", "Pod"}};
  const auto create = createRequest(pods, "default", object);
  EXPECT_EQ(create.method, "POST");
  EXPECT_EQ(create.target, "/api/v1/namespaces/default/pods?fieldValidation=Strict");
  EXPECT_EQ(contentType(create), "application/json");
  EXPECT_EQ(create.body, R"({"kind":"Pod"})");

  const auto replace = replaceRequest(sandboxes, {"a", "s"}, object, "status");
  EXPECT_EQ(replace.method, "PUT");
  EXPECT_EQ(replace.target,
            "/apis/cloister.dev/v1alpha1/namespaces/a/sandboxes/s/status?fieldValidation=Strict");
  EXPECT_EQ(contentType(replace), "application/json");
}

TEST(Request, Patches) {
  const ObjectKey key{"a", "s"};
  const auto json = patchRequest(sandboxes, key, json::array{}, {.type = PatchType::Json});
  EXPECT_EQ(json.method, "PATCH");
  EXPECT_EQ(contentType(json), "application/json-patch+json");
  EXPECT_EQ(json.target, "/apis/cloister.dev/v1alpha1/namespaces/a/sandboxes/s?fieldValidation=Strict");

  const auto merge =
      patchRequest(sandboxes, key, {{"status", {}}}, {.subresource = "status", .dryRun = true});
  EXPECT_EQ(contentType(merge), "application/merge-patch+json");
  EXPECT_EQ(merge.target,
            "/apis/cloister.dev/v1alpha1/namespaces/a/sandboxes/s/status?fieldValidation=Strict&dryRun=All");

  const auto apply = patchRequest(sandboxes, key, {{"spec", {}}},
                                  {.type = PatchType::Apply, .fieldManager = "cloister/x", .force = true});
  EXPECT_EQ(contentType(apply), "application/apply-patch+yaml");
  EXPECT_EQ(
      apply.target,
      "/apis/cloister.dev/v1alpha1/namespaces/a/sandboxes/s?fieldValidation=Strict&fieldManager=cloister%2Fx"
      "&force=true");
}

TEST(Request, Deletes) {
  const auto plain = deleteRequest(pods, {"a", "p"}, {});
  EXPECT_EQ(plain.method, "DELETE");
  EXPECT_EQ(plain.target, "/api/v1/namespaces/a/pods/p");
  EXPECT_EQ(plain.body, R"({"apiVersion":"v1","kind":"DeleteOptions"})");
  const auto exact = deleteRequest(
      pods, {"a", "p"},
      {.uid = "u", .resourceVersion = "5", .gracePeriodSeconds = 0, .propagation = "Foreground"});
  EXPECT_EQ(json::parse(exact.body), json::value({{"apiVersion", "v1"},
                                                  {"kind", "DeleteOptions"},
                                                  {"preconditions", {{"uid", "u"}, {"resourceVersion", "5"}}},
                                                  {"gracePeriodSeconds", 0},
                                                  {"propagationPolicy", "Foreground"}}));
}

TEST(Resource, IsNamed) {
  EXPECT_EQ(apiVersion(pods), "v1");
  EXPECT_EQ(apiVersion(sandboxes), "cloister.dev/v1alpha1");
  EXPECT_EQ(toString({"a", "b"}), "a/b");
  EXPECT_EQ(toString({"", "b"}), "b");
}

}  // namespace
}  // namespace cloister::kube
