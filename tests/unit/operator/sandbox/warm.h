// A Sandbox that gets its spec from a template and its pod from a pool.
#pragma once

#include <gtest/gtest.h>

#include "operator/pool/design.h"
#include "operator/sandbox/reasons.h"
#include "operator/template/revision.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/world.h"

namespace cloister::test {

// A namespace with a template and a pool.
class Warm : public testing::Test {
 protected:
  Warm() {
    template_.metadata.name = "python";
    template_.metadata.namespace_ = "team";
    template_.metadata.uid = "template-uid";
    template_.spec.sandbox.image = "python:3";
    template_.spec.sandbox.lifecycle.ttl = std::chrono::minutes(10);
    pool_.metadata.name = "ready";
    pool_.metadata.namespace_ = "team";
    pool_.metadata.uid = "pool-uid";
    pool_.spec.templateRef.name = "python";
    world_.server.put("networkpolicies",
                      policy::networkPolicy("team", policy::defaultDenyName, policy::defaultDenySpec()));
    putTemplate();
    putPool();
  }

  void putTemplate() { world_.server.put("sandboxtemplates", json::encode(template_)); }
  void putPool() { world_.server.put("sandboxpools", json::encode(pool_)); }
  void keepRevision() { world_.server.put("controllerrevisions", templates::revisionOf(template_)); }
  // A pod as the pool makes them from what the template says now.
  void putIdle(const std::string& name, const std::string& node = "node-1") {
    keepRevision();
    json::value made = pool::podNamed(*pool::designOf(pool_, &template_, world_.config), name);
    made.at("metadata").as_object()["uid"] = "uid-of-" + name;
    made.as_object()["status"] = json::object();
    world_.server.put("pods", made);
    const auto pod = json::decode<api::Pod>(world_.server.get("pods", {"team", name}));
    world_.putPod(scheduled(ready(*pod, epoch - std::chrono::minutes(5)), node));
  }
  api::Sandbox wish() const {
    api::Sandbox sandbox = aSandbox();
    sandbox.spec.poolRef = api::LocalReference{"ready"};
    return sandbox;
  }
  api::Sandbox settled(const api::Sandbox& sandbox) {
    world_.create(sandbox);
    world_.settle();
    return world_.sandbox();
  }
  static std::string reasonOf(const api::Sandbox& sandbox, std::string_view type) {
    const api::Condition* found = api::findCondition(sandbox.status.conditions, type);
    return found == nullptr ? "" : found->status + " " + found->reason;
  }
  std::string messageOf(std::string_view type) const {
    return api::findCondition(world_.sandbox().status.conditions, type)->message;
  }

  World world_;
  api::SandboxTemplate template_;
  api::SandboxPool pool_;
};

}  // namespace cloister::test
