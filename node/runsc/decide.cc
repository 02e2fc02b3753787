#include "node/runsc/decide.h"

#include <boost/json/parse.hpp>

#include "node/runsc/bundle.h"
#include "node/runsc/call.h"

namespace cloister::node {
namespace {

// What the container in BUNDLE may use, as its pod asks for.
Result<void> limit(const std::string& bundle, const Outside& outside) {
  auto config = withProcessLimit(outside.readConfig(bundle));
  if (!config) return fail(config.error());
  if (!*config) return {};
  return outside.writeConfig(bundle, **config);
}

}  // namespace

Result<RunscConfig> parseRunscConfig(std::string_view text) {
  boost::system::error_code error;
  const json::value parsed = boost::json::parse(text, error);
  if (error) return fail(Errc::InvalidInput, "not JSON: " + error.message());
  auto config = json::decode<RunscConfig>(parsed, json::Unknown::Refuse);
  if (!config) return config;
  if (!config->runsc.starts_with('/')) return fail(Errc::InvalidInput, "runsc: give an absolute path");
  if (!config->socket.starts_with('/')) return fail(Errc::InvalidInput, "socket: give an absolute path");
  return config;
}

Result<std::vector<std::string>> decide(const std::vector<std::string>& args, const std::string& bundle,
                                        const Outside& outside) {
  if (const auto created = findCreated(args)) {
    auto limited = limit(*created, outside);
    if (!limited) return fail(limited.error());
    return args;
  }
  const auto call = findStart(args);
  if (!call) return args;
  auto question = questionOf(outside.readConfig(bundle));
  if (!question) return args;
  question->container = call->id;
  question->bundle = bundle;
  const auto answer = outside.ask(*question);
  if (answer && answer->action == StartAction::Start) return args;
  if (answer && answer->action == StartAction::Restore) return restoreInstead(args, *call, answer->image);
  // gVisor's shim never gets rid of a root container whose start fails. There is nothing of the sandbox's in
  // it yet: that is in the next one, which is refused.
  if (question->kind == ContainerKind::sandbox) return args;
  if (answer) return fail(Errc::Forbidden, answer->message);
  return failWith("the pod continues from a snapshot, which only cloister-node can allow", answer.error());
}

}  // namespace cloister::node
