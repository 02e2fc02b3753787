#include "node/runsc/decide.h"

#include <boost/json/parse.hpp>

#include "node/runsc/bundle.h"
#include "node/runsc/call.h"

namespace cloister::node {
namespace {

// What the container in BUNDLE, which CONFIG is of, may use, as its pod asks for.
Result<void> limit(const std::string& bundle, const std::string& config, const Outside& outside) {
  auto limited = withProcessLimit(config);
  if (!limited) return fail(limited.error());
  if (!*limited) return {};
  return outside.writeConfig(bundle, **limited);
}

// What the container in BUNDLE is created with: its sandbox's runsc, or what cloister-node tells. An error is
// why that cannot be known: what was created with another one could never be restored.
Result<Creation> creationOf(const std::string& bundle, const std::string& config, const Outside& outside) {
  Bundle told = readBundle(config);
  Creation own{.bundle = bundle,
               .program = outside.program(told.root.empty() ? bundle : bundleBeside(bundle, told.root))};
  // A held one begins from whatever fits it, and from a golden snapshot only what the node's own has saved.
  const bool asks = told.question && told.question->kind == ContainerKind::sandbox && !told.mayBeHeld &&
                    !told.mayStartUnasked;
  if (!asks) return own;
  told.question->container = told.root;
  told.question->bundle = bundle;
  told.question->stage = StartStage::Create;
  const auto answer = outside.ask(*told.question);
  if (!answer)
    return failWith("the pod continues from a snapshot, and only cloister-node knows whose runsc it needs",
                    answer.error());
  if (answer->unknown) return fail(Errc::Unavailable, answer->message);
  if (!answer->runsc.empty()) own.program = answer->runsc;
  if (answer->action == StartAction::Restore) own.restored = answer->image;
  return own;
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
  if (!config->versions.empty() && !config->versions.starts_with('/'))
    return fail(Errc::InvalidInput, "versions: give an absolute path");
  return config;
}

Result<Decision> decide(const std::vector<std::string>& args, const std::string& bundle,
                        const Outside& outside) {
  if (const auto created = findCreated(args)) {
    const std::string config = outside.readConfig(*created);
    if (auto limited = limit(*created, config, outside); !limited) return fail(limited.error());
    auto creation = creationOf(*created, config, outside);
    if (!creation) return fail(creation.error());
    const std::string from = creation->restored;
    return Decision{.args = from.empty() ? args : createdFrom(args, from), .creation = std::move(*creation)};
  }
  const auto call = findStart(args);
  if (!call) return Decision{.args = args};
  Bundle told = readBundle(outside.readConfig(bundle));
  if (!told.question) return Decision{.args = args};
  StartRequest& question = *told.question;
  question.container = call->id;
  question.bundle = bundle;
  const bool isRoot = question.kind == ContainerKind::sandbox;
  // Which of the two it is, and from what it begins, is decided with the other container: this one has
  // nothing of the tenant's.
  if (isRoot && told.mayBeHeld) return Decision{.args = args, .hold = Hold{.question = question}};
  const std::string rootBundle = told.root.empty() ? bundle : bundleBeside(bundle, told.root);
  question.files = outside.restored(rootBundle);
  const bool readsFiles = isRoot && !question.files.empty();
  const auto answer = outside.ask(question);
  if (!isRoot && answer && answer->action != StartAction::Refuse && outside.isHeld(rootBundle)) {
    return Decision{.args = args, .hold = Hold{.root = told.root, .question = question}};
  }
  if (answer && answer->action == StartAction::Start)
    return Decision{.args = args, .restoresRoot = readsFiles};
  // Into a root container that was started nothing can be restored; what is in one that was restored would
  // be, by runsc's own start, and nobody has looked whether it may.
  const bool maySkip = !isRoot && told.mayStartUnasked && !outside.isRestored(rootBundle);
  const bool skips = !answer || answer->unknown || answer->action == StartAction::Restore;
  if (maySkip && skips) return Decision{.args = args};
  if (answer && answer->action == StartAction::Restore)
    return Decision{.args = restoreInstead(args, *call, answer->image), .restoresRoot = isRoot};
  // gVisor's shim never gets rid of a root container whose start fails. There is nothing of the sandbox's in
  // it yet: that is in the next one, which is refused.
  if (isRoot) return Decision{.args = args, .restoresRoot = readsFiles};
  if (answer && answer->action == StartAction::Hold)
    return fail(Errc::Forbidden, "the pod is to be held, but its sandbox has begun already");
  if (answer) return fail(Errc::Forbidden, answer->message);
  return failWith("the pod continues from a snapshot, or is held, which only cloister-node can allow",
                  answer.error());
}

}  // namespace cloister::node
