#include "tests/unit/operator/mishaps.h"

namespace cloister::test {
namespace {

std::optional<net::Response> refusalOf(Mishap mishap) {
  switch (mishap) {
    case Mishap::Conflict:
      return refusal(409, "Conflict",
                     "the object has been modified; please apply your changes to the latest version");
    case Mishap::Quota:
      return refusal(403, "Forbidden",
                     "pods \"hello\" is forbidden: exceeded quota: a, requested: pods=1, used: pods=9");
    case Mishap::ServerError:
      return refusal(500, "InternalError", "etcdserver: leader changed");
    case Mishap::Throttled:
      return refusal(429, "TooManyRequests", "try again later");
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string nameOf(Mishap mishap) {
  constexpr const char* names[] = {"Refused",     "LostAnswer", "Silent",      "Conflict",  "Quota",
                                   "ServerError", "Throttled",  "CrashBefore", "CrashAfter"};
  return names[size_t(mishap)];
}

void arrange(World& world, Mishap mishap, size_t call) {
  const size_t index = world.transport.requests().size() + call;
  const auto isIt = [&world, index](const net::Request&) {
    return world.transport.requests().size() == index + 1;
  };
  if (mishap == Mishap::Refused) world.transport.failCall(index, Fault::Refused);
  if (mishap == Mishap::LostAnswer) world.transport.failCall(index, Fault::LostAnswer);
  if (mishap == Mishap::Silent) world.transport.failCall(index, Fault::Silent);
  if (mishap == Mishap::CrashAfter) {
    world.server.afterwards = [isIt](const net::Request& request) {
      if (isIt(request)) throw Crash();
    };
    return;
  }
  world.server.admission = [isIt, mishap](const net::Request& request) -> std::optional<net::Response> {
    if (!isIt(request)) return std::nullopt;
    if (mishap == Mishap::CrashBefore) throw Crash();
    return refusalOf(mishap);
  };
}

}  // namespace cloister::test
