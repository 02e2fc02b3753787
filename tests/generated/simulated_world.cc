#include "tests/generated/simulated_world.h"

namespace cloister::generated {
namespace {

constexpr Duration step = milliseconds(500);
constexpr Duration settleBound = seconds(120);
// Longer than a controller lets a key wait, so that everything is looked at once more.
constexpr Duration restTime = seconds(65);
// An unused network policy goes ten minutes after its last use.
constexpr Duration restBound = std::chrono::minutes(12);

const std::string home = "team";

Config quietConfig() {
  Config config;
  config.leaderElection.enabled = false;
  return config;
}

test::ObjectId sandboxCalled(const std::string& name) {
  return {"sandboxes", {home, name}};
}

}  // namespace

SimulatedWorld::SimulatedWorld(uint64_t seed)
    : config_(quietConfig()),
      network_(clock_, server_, trace_, seed),
      kubelets_(clock_, server_, seed),
      janitors_(clock_, server_, seed),
      invariants_(clock_, server_, config_) {
  invariants_.clockOf = [this](std::string_view) { return wall_.now(); };
  for (const std::string& name : {home, std::string("cloister-system")})
    server_.create("admin", "namespaces", {{"metadata", {{"name", name}}}});
  process_ = std::make_unique<sim::Process>(
      sim::Process::Surroundings{
          .clock = clock_, .wall = wall_, .network = network_, .config = config_, .seed = seed},
      std::string(sim::operatorPrefix) + "0");
  waitUntil([this] { return process_->program().current(); });
}

SimulatedWorld::~SimulatedWorld() {
  process_->end(false, [this] { process_.reset(); });
  clock_.runUntilIdle();
}

Answer SimulatedWorld::apply(const std::string& name, const json::value& spec) {
  const bool isNew = !server_.storage().get(sandboxCalled(name));
  if (isNew) {
    server_.create("user", "sandboxes",
                   {{"apiVersion", api::apiVersion},
                    {"kind", "Sandbox"},
                    {"metadata", {{"name", name}, {"namespace", home}}},
                    {"spec", spec}});
  } else {
    server_.edit("user", sandboxCalled(name),
                 [&](json::value& sandbox) { sandbox.as_object()["spec"] = spec; });
  }
  return {.accepted = true,
          .status = isNew ? 201 : 200,
          .body = server_.storage().get(sandboxCalled(name))->json};
}

void SimulatedWorld::remove(const std::string& name) {
  server_.remove("user", sandboxCalled(name), {{"propagationPolicy", "Background"}});
}

std::vector<Object> SimulatedWorld::list(const std::string& plural) {
  std::vector<Object> out;
  for (const test::Object& object : server_.storage().list(plural, home))
    out.emplace_back(object, &object->json);
  return out;
}

void SimulatedWorld::tick() {
  clock_.advance(step);
  const bool works = process_->program().current();
  invariants_.tick(step, works ? std::optional(wall_.now()) : std::nullopt);
}

void SimulatedWorld::pass(Duration duration) {
  for (const Instant end = clock_.instant() + duration; clock_.instant() < end;) tick();
}

bool SimulatedWorld::waitUntil(const std::function<bool()>& reached) {
  for (const Instant end = clock_.instant() + settleBound; !reached(); tick()) {
    if (clock_.instant() >= end) return false;
  }
  return true;
}

bool SimulatedWorld::rest() {
  Instant quietSince = clock_.instant();
  for (const Instant end = clock_.instant() + restBound; clock_.instant() < end;) {
    const size_t before = invariants_.writes();
    tick();
    if (invariants_.writes() != before) quietSince = clock_.instant();
    if (clock_.instant() - quietSince >= restTime) return true;
  }
  return false;
}

std::vector<std::string> SimulatedWorld::complaints() {
  const auto& violation = invariants_.violation();
  if (!violation || std::exchange(told_, true)) return {};
  return {"invariant: " + *violation};
}

}  // namespace cloister::generated
