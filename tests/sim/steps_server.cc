// What the API server and its administrators do: they refuse, and take away what pods need.
#include "tests/sim/simulation.h"
#include "tests/sim/steps.h"
#include "tests/support/apiserver/admission.h"

namespace cloister::sim {
namespace {

constexpr const char* administrator = "admin";
// As the operator's configuration names them.
constexpr const char* runtimeClasses[] = {"gvisor", "kata", "runc"};

net::Response forbidden(const std::string& why) {
  return test::refusal(403, "Forbidden", "pods \"x\" is forbidden: " + why);
}

// What admission says to a pod, besides what tests/support/apiserver/admission.h knows.
net::Response refusalOf(const Step& step) {
  if (step.how == "invalid") return test::refusal(422, "Invalid", "Pod \"x\" is invalid: spec: no");
  if (step.how == "unknown") return forbidden("status unknown for quota: team");
  return forbidden("RuntimeClass handlers are not for you");
}

}  // namespace

void Simulation::serverStep(const Step& step) {
  if (step.what == What::Compact) return server_.storage().compact();
  if (step.what == What::Quota) return limitPods(step);
  if (step.what == What::Refuse) return refuse(step);
  for (const char* name : runtimeClasses) server_.remove(administrator, {"runtimeclasses", {"", name}});
  clock_.at(clock_.instant() + step.span, [this] { makeRuntimeClasses(); });
}

void Simulation::refuse(const Step& step) {
  const Instant until = clock_.instant() + step.span;
  if (step.how == "deletion") {
    undeletableUntil_ = until;
  } else {
    refusals_.emplace_back(until, refusalOf(step));
  }
}

void Simulation::makeRuntimeClasses() {
  for (const char* name : runtimeClasses) {
    if (!server_.storage().get({"runtimeclasses", {"", name}}))
      server_.create(administrator, "runtimeclasses", {{"metadata", {{"name", name}}}, {"handler", name}});
  }
}

// No pods, or none without a limit that ours do not have.
void Simulation::limitPods(const Step& step) {
  const test::ObjectId quota{"resourcequotas", {namespaceOf(step), "none"}};
  if (server_.storage().get(quota)) return;
  const char* resource = step.how == "failed" ? "limits.example.com/gpu" : "pods";
  server_.create(administrator, quota.plural,
                 {{"metadata", {{"name", quota.key.name}, {"namespace", quota.key.namespace_}}},
                  {"spec", {{"hard", {{resource, "0"}}}}}});
  clock_.at(clock_.instant() + step.span, [this, quota] { server_.remove(administrator, quota); });
}

void Simulation::makeRoom() {
  makeRuntimeClasses();
  refusals_.clear();
  undeletableUntil_ = Instant::min();
  for (const char* namespace_ : {"team-0", "team-1"}) {
    server_.remove(administrator, {"resourcequotas", {namespace_, "none"}});
  }
}

std::optional<net::Response> Simulation::admit(const net::Request& request,
                                               const test::Target& target) const {
  if (request.method == "DELETE" && target.id.plural == "sandboxes" && clock_.instant() < undeletableUntil_)
    return test::refusal(403, "Forbidden", "admission webhook \"keep.example.com\" denied the request");
  if (request.method != "POST" || target.id.plural != "pods") return std::nullopt;
  for (const auto& [until, refusal] : refusals_) {
    if (clock_.instant() < until) return refusal;
  }
  return test::refusePod(server_.storage(), target.id.key.namespace_, *json::parse(request.body));
}

}  // namespace cloister::sim
