#include "tests/sim/shrink.h"

namespace cloister::sim {
namespace {

using Fails = std::function<bool(const Script&)>;

// Takes SMALLER if it still fails.
bool accept(Script& script, Script smaller, const Fails& fails) {
  if (smaller == script || !fails(smaller)) return false;
  script = std::move(smaller);
  return true;
}

bool dropSteps(Script& script, const Fails& fails) {
  bool dropped = false;
  for (size_t length = (script.steps.size() + 1) / 2; length > 0; length /= 2) {
    for (size_t at = script.steps.size(); at-- > 0;) {
      if (at + length > script.steps.size()) continue;
      Script smaller = script;
      const auto from = smaller.steps.begin() + ptrdiff_t(at);
      smaller.steps.erase(from, from + ptrdiff_t(length));
      dropped |= accept(script, std::move(smaller), fails);
    }
  }
  return dropped;
}

bool simplify(Script& script, const Fails& fails) {
  const auto with = [&](auto change) {
    Script simpler = script;
    change(simpler.setup);
    return accept(script, std::move(simpler), fails);
  };
  bool changed = with([](Setup& setup) { setup.replicas = 1; });
  changed |= with([](Setup& setup) { setup.election = false; });
  changed |= with([](Setup& setup) { setup.workers = 1; });
  changed |= with([](Setup& setup) { setup.page = 500; });
  changed |= with([](Setup& setup) { setup.namespaced = false; });
  changed |= with([](Setup& setup) { setup.lingers = false; });
  changed |= with([](Setup& setup) { setup.poolWay = 0; });
  changed |= with([](Setup& setup) { setup.templateWay = 0; });
  return changed;
}

}  // namespace

Script shrink(Script script, const Fails& fails) {
  while (dropSteps(script, fails) || simplify(script, fails)) {
  }
  return script;
}

}  // namespace cloister::sim
