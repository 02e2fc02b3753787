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
  // The file and the program are replaced one after the other: what a later version says in it must not
  // stop every sandbox of the node.
  auto config = json::decode<RunscConfig>(parsed, json::Unknown::Ignore);
  if (!config) return config;
  if (!config->runsc.starts_with('/')) return fail(Errc::InvalidInput, "runsc: give an absolute path");
  if (!config->socket.starts_with('/')) return fail(Errc::InvalidInput, "socket: give an absolute path");
  return config;
}

Result<Decision> decide(const std::vector<std::string>& args, const std::string& bundle,
                        const Outside& outside) {
  if (const auto created = findCreated(args)) {
    auto limited = limit(*created, outside);
    if (!limited) return fail(limited.error());
    return Decision{.args = args};
  }
  const auto call = findStart(args);
  if (!call) return Decision{.args = args};
  const std::string config = outside.readConfig(bundle);
  auto question = questionOf(config);
  if (!question) return Decision{.args = args};
  question->container = call->id;
  question->bundle = bundle;
  const bool isRoot = question->kind == ContainerKind::sandbox;
  // Which of the two it is, and from what it begins, is decided with the other container: this one has
  // nothing of the tenant's.
  if (isRoot && mayBeHeld(config)) return Decision{.args = args, .hold = Hold{.question = *question}};
  const auto answer = outside.ask(*question);
  const std::string root = rootOf(config);
  const std::string rootBundle = bundleBeside(bundle, root);
  if (!isRoot && answer && answer->action != StartAction::Refuse && outside.isHeld(rootBundle)) {
    return Decision{.args = args, .hold = Hold{.root = root, .question = *question}};
  }
  if (answer && answer->action == StartAction::Start) return Decision{.args = args};
  // Into a root container that was started nothing can be restored; what is in one that was restored would
  // be, by runsc's own start, and nobody has looked whether it may.
  const bool maySkip = !isRoot && mayStartUnasked(config) && !outside.isRestored(rootBundle);
  const bool skips = !answer || answer->unknown || answer->action == StartAction::Restore;
  if (maySkip && skips) return Decision{.args = args};
  if (answer && answer->action == StartAction::Restore)
    return Decision{.args = restoreInstead(args, *call, answer->image), .restoresRoot = isRoot};
  // gVisor's shim never gets rid of a root container whose start fails. There is nothing of the sandbox's in
  // it yet: that is in the next one, which is refused.
  if (isRoot) return Decision{.args = args};
  if (answer && answer->action == StartAction::Hold)
    return fail(Errc::Forbidden, "the pod is to be held, but its sandbox has begun already");
  if (answer) return fail(Errc::Forbidden, answer->message);
  return failWith("the pod continues from a snapshot, or is held, which only cloister-node can allow",
                  answer.error());
}

}  // namespace cloister::node
