#include "tests/sim/ways.h"

#include <algorithm>

namespace cloister::sim {
namespace {

constexpr Way pools[] = {
    {R"({})"},
    {R"({"updateStrategy":{"type":"Recreate"}})"},
    {R"({"updateStrategy":{"type":"RollingUpdate","maxUnavailable":1},"progressDeadline":"1s"})"},
    {R"({"updateStrategy":{"maxUnavailable":"50%"},"progressDeadline":"3s"})"},
    {R"({"replicas":null,"minIdle":1,"maxTotal":3})"},
    {R"({"replicas":null,"minIdle":1,"maxTotal":4,"progressDeadline":"2s"})"},
    {R"({"replicas":null,"minIdle":0,"maxTotal":4})"},
    {R"({"replicas":null})"},
    {R"({"whenEmpty":"Fail"})"},
    // Of another version.
    {R"({"whenEmpty":"Later"})", R"({"whenEmpty":"Cold"})"},
    {R"({"templateRef":{"name":"none"}})", R"({"templateRef":{"name":"template"}})"},
};

constexpr Way templates[] = {
    {R"({})"},
    {R"({"overridable":null})"},
    {R"({"overridable":["lifecycle","restartPolicy"]})"},
    {R"({"sandbox":{"args":["template"],"env":[{"name":"A","value":"0"}],)"
     R"("podMetadata":{"labels":{"team":"red"}}}})"},
    {R"({"sandbox":{"network":{"egress":{"mode":"Internet"}}}})"},
    // Mistakes.
    {R"({"sandbox":{"image":"unpullable"}})", R"({"sandbox":{"image":"runs"}})"},
    {R"({"sandbox":{"image":"crashes"}})", R"({"sandbox":{"image":"runs"}})"},
    {R"({"sandbox":{"image":"completes"}})", R"({"sandbox":{"image":"runs"}})"},
    {R"({"sandbox":{"image":"slow"}})", R"({"sandbox":{"image":"runs"}})"},
    {R"({"sandbox":{"resources":{"cpu":"1000"}}})", R"({"sandbox":{"resources":null}})"},
    {R"({"sandbox":{"resources":{"memory":"plenty"}}})", R"({"sandbox":{"resources":null}})"},
    {R"({"sandbox":{"workspace":{"storageClass":"fast"}}})", R"({"sandbox":{"workspace":null}})"},
};

int lasting(std::span<const Way> ways) {
  return int(std::ranges::find_if(ways, [](const Way& way) { return !way.undo.empty(); }) - ways.begin());
}

}  // namespace

std::span<const Way> poolWays() {
  return pools;
}

std::span<const Way> templateWays() {
  return templates;
}

const Way& wayOf(const Step& step) {
  if (step.what == What::TurnPool) return pools[size_t(step.count) % std::size(pools)];
  if (step.what == What::TurnTemplate) return templates[size_t(step.count) % std::size(templates)];
  return pools[0];
}

int lastingPoolWays() {
  return lasting(pools);
}

int lastingTemplateWays() {
  return lasting(templates);
}

}  // namespace cloister::sim
