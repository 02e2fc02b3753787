#include "tests/sim/traffic.h"

namespace cloister::sim {
namespace {

using json::findString;

// What a list asks for is told by its selector.
std::string nameOf(const net::Request& request, const test::Target& target) {
  return request.method + " " + toString(target.id) + target.parameter("fieldSelector");
}

}  // namespace

void Traffic::served(const std::string& process, const net::Request& request, int status) {
  const auto target = test::parseTarget(request.target);
  if (!target || target->id.plural == "leases") return;
  ++requests_[process + " " + nameOf(request, *target)];
  if (status != 409 || request.method == "POST") return;
  const test::Object present = server_.storage().get(target->id);
  const std::string version = findString(present->json, "metadata.resourceVersion");
  const int refused = ++refused_[process + " " + toString(target->id) + " " + version];
  if (refused > refusedBound && !violation_)
    violation_ = "refused time and again: " + nameOf(request, *target);
}

std::pair<std::string, int> Traffic::mostRequests() const {
  std::pair<std::string, int> most;
  for (const auto& [what, count] : requests_) {
    if (count > most.second) most = {what, count};
  }
  return most;
}

}  // namespace cloister::sim
