// cloister-sim: runs seeds until one fails, and shows what happened.
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "tests/sim/generate.h"
#include "tests/sim/shrink.h"
#include "tests/sim/simulation.h"
#include "tests/sim/stories.h"

namespace cloister::sim {
namespace {

// After so many seeds a long run tells how far it is.
constexpr uint64_t stretch = 100'000;

struct Options {
  uint64_t firstSeed = 1;
  uint64_t seeds = 1000;
  unsigned jobs = 1;
  bool trace = false;
  bool shrink = false;
  std::string scenario;
  std::string fault;
  std::string replay;
};

// Seeds go through the scenarios in turn.
Script scriptOf(uint64_t seed, const Options& options) {
  if (!options.fault.empty()) return generateWith(seed, options.fault);
  const Scenario* scenario = findScenario(options.scenario);
  return generate(seed, scenario != nullptr ? *scenario : scenarios()[seed % scenarios().size()]);
}

// Up to where it names an object: shrinking must not end at another failure.
std::string kindOf(const std::string& violation) {
  return violation.substr(0, violation.find(':'));
}

void show(const Script& script, const Options& options) {
  const Outcome outcome = run(script, options.trace);
  for (const std::string& line : outcome.trace) std::cout << line << "\n";
  std::cout << json::print(json::encode(script)) << "\n"
            << "seed " << script.seed << " (" << script.name << "): "
            << outcome.violation.value_or("all is well, settled after " +
                                          formatDuration(outcome.settledAfter))
            << ", hash " << std::hex << outcome.hash << std::dec << "\n";
}

void showFailure(Script script, const std::string& violation, const Options& options) {
  std::cout << "seed " << script.seed << " (" << script.name << "): " << violation << "\n";
  if (options.shrink) {
    script = shrink(std::move(script), [&](const Script& smaller) {
      const Outcome outcome = run(smaller);
      return outcome.violation && kindOf(*outcome.violation) == kindOf(violation);
    });
  }
  show(script, options);
}

int replay(const Options& options) {
  std::ifstream file(options.replay);
  std::stringstream text;
  text << file.rdbuf();
  const auto parsed = json::parse(text.str());
  const auto script = parsed ? json::decode<Script>(*parsed) : fail(parsed.error());
  if (!script) {
    std::cerr << options.replay << ": " << script.error().message << "\n";
    return 2;
  }
  show(*script, options);
  return 0;
}

int runSeeds(const Options& options) {
  std::atomic<uint64_t> next = options.firstSeed;
  std::mutex telling;
  uint64_t done = 0;
  uint64_t failures = 0;
  const auto begun = std::chrono::steady_clock::now();
  const auto work = [&] {
    for (uint64_t seed = next++; seed < options.firstSeed + options.seeds; seed = next++) {
      const Script script = scriptOf(seed, options);
      const Outcome outcome = run(script);
      const std::lock_guard lock(telling);
      if (outcome.violation && failures++ == 0) {
        showFailure(script, *outcome.violation, options);
      } else if (outcome.violation) {
        std::cout << "seed " << seed << " (" << script.name << "): " << *outcome.violation << "\n";
      }
      if (++done % stretch == 0 && done < options.seeds)
        std::cout << "... " << done << " of " << options.seeds << "\n";
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options.jobs; ++i) threads.emplace_back(work);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::cout << options.seeds << " seeds, " << failures << " failed, "
            << int(double(options.seeds) / took.count()) << " seeds/s\n";
  return failures == 0 ? 0 : 1;
}

int runStories(const Options& options) {
  const std::vector<Trial> all = trials(1);
  std::atomic<size_t> next = 0;
  std::atomic<size_t> failures = 0;
  std::mutex printing;
  const auto work = [&] {
    for (size_t i = next++; i < all.size(); i = next++) {
      const auto complaint = judge(all[i]);
      if (!complaint) continue;
      const std::lock_guard lock(printing);
      if (failures++ == 0) std::cout << json::print(json::encode(all[i].script)) << "\n";
      std::cout << *complaint << "\n";
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < options.jobs; ++i) threads.emplace_back(work);
  }
  std::cout << stories().size() << " stories disturbed at " << all.size() << " places, " << failures
            << " failed\n";
  return failures == 0 ? 0 : 1;
}

int main(int argc, char** argv) {
  Options options;
  bool one = false;
  bool listFaults = false;
  bool stories = false;
  CLI::App app("Runs the operator in simulated clusters, from seeds.", "cloister-sim");
  app.add_option("--seeds", options.seeds, "how many")->capture_default_str();
  app.add_option("--first-seed", options.firstSeed)->capture_default_str();
  app.add_option("--jobs", options.jobs, "threads")->capture_default_str();
  app.add_option("--scenario", options.scenario, "calm, crashes, network, watches, cluster, clocks or all");
  app.add_option("--fault", options.fault, "everything may happen, and this kind of fault time and again")
      ->check(CLI::IsMember(faultKinds()));
  app.add_flag("--list-faults", listFaults, "name the kinds of fault");
  app.add_flag("--stories", stories, "disturb plain stories at each write and each change, instead of seeds");
  app.add_option("--replay", options.replay, "run the script in this file")->check(CLI::ExistingFile);
  app.add_flag("--one", one, "run the first seed alone, and show it");
  app.add_flag("--trace", options.trace, "tell all that happened");
  app.add_flag("--shrink", options.shrink, "look for a shorter script that fails in the same way");
  CLI11_PARSE(app, argc, argv);
  log::setLevel("error");
  std::cout << std::unitbuf;  // a long run tells of a failure at once
  if (listFaults) {
    for (const std::string& kind : faultKinds()) std::cout << kind << "\n";
    return 0;
  }
  if (!options.replay.empty()) return replay(options);
  if (stories) return runStories(options);
  if (!one) return runSeeds(options);
  show(scriptOf(options.firstSeed, options), options);
  return 0;
}

}  // namespace
}  // namespace cloister::sim

int main(int argc, char** argv) {
  return cloister::sim::main(argc, argv);
}
