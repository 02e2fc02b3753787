// cloister-load: carries out a plan against an API server and prints the answer.
#include <fstream>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>

#include "bench/load/load.h"
#include "kube/connect.h"

namespace cloister::bench {
namespace {

Result<Plan> readPlan(const std::string& file) {
  std::stringstream text;
  if (!(text << std::ifstream(file).rdbuf())) return fail(Errc::InvalidInput, file + " cannot be read");
  const auto parsed = json::parse(text.str());
  if (!parsed) return failWith(file, parsed.error());
  auto plan = json::decode<Plan>(*parsed, json::Unknown::Refuse);
  if (!plan) return failWith(file, plan.error());
  if (plan->rate <= 0 || plan->count <= 0)
    return fail(Errc::InvalidInput, file + ": rate and count must be above 0");
  return plan;
}

Result<Answer> run(const std::string& planFile, const std::string& kubeconfig) {
  const auto plan = readPlan(planFile);
  if (!plan) return fail(plan.error());
  boost::asio::io_context context(1);
  const auto clock = realClock(context.get_executor());
  auto config = kube::loadConfig({.explicitFile = kubeconfig});
  if (!config) return fail(config.error());
  const auto transport = kube::connect(context.get_executor(), *clock, std::move(*config));
  if (!transport) return fail(transport.error());
  kube::Client client(**transport, *clock);
  Load load(context.get_executor(), client, *clock, *plan);
  std::optional<Result<Answer>> answer;
  boost::asio::co_spawn(context, load.run(), [&](const std::exception_ptr& failure, Result<Answer> given) {
    if (failure) std::rethrow_exception(failure);
    answer = std::move(given);
    context.stop();
  });
  context.run();
  return std::move(*answer);
}

}  // namespace
}  // namespace cloister::bench

int main(int argc, char** argv) {
  CLI::App app("Starts objects at an even rate and tells when a watch saw each of them Ready.",
               "cloister-load");
  std::string plan;
  std::string kubeconfig;
  app.add_option("--plan", plan, "What to do: a JSON file, see bench/load/plan.h")->required();
  app.add_option("--kubeconfig", kubeconfig, "Kubeconfig file")->required();
  CLI11_PARSE(app, argc, argv);
  const auto answer = cloister::bench::run(plan, kubeconfig);
  if (!answer) {
    std::cerr << "cloister-load: " << answer.error().message << "\n";
    return 1;
  }
  std::cout << cloister::json::print(cloister::json::encode(*answer)) << "\n";
  return 0;
}
