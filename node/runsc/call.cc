#include "node/runsc/call.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "json/codec.h"

namespace cloister::node {
namespace {

bool isFlag(const std::string& arg) {
  return arg.starts_with('-');
}

// The shim writes every flag before it as one argument, so the first other one is the command.
auto commandOf(const std::vector<std::string>& args) {
  return std::ranges::find_if_not(args, isFlag);
}

}  // namespace

std::optional<std::string> findCreated(const std::vector<std::string>& args) {
  const auto command = commandOf(args);
  if (command == args.end() || *command != "create") return std::nullopt;
  for (auto arg = command + 1; arg != args.end(); ++arg) {
    constexpr std::string_view flag = "--bundle";
    if (*arg == flag) return arg + 1 == args.end() ? std::nullopt : std::optional(*(arg + 1));
    if (arg->starts_with(flag) && arg->substr(flag.size()).starts_with('='))
      return arg->substr(flag.size() + 1);
  }
  return std::nullopt;
}

std::vector<std::string> createdFrom(const std::vector<std::string>& args, const std::string& image) {
  std::vector<std::string> out = args;
  out.insert(out.begin() + (commandOf(args) - args.begin()) + 1, "--fs-restore-image-path=" + image);
  return out;
}

std::optional<StartCall> findStart(const std::vector<std::string>& args) {
  const auto command = commandOf(args);
  if (command == args.end() || *command != "start") return std::nullopt;
  const auto id = std::find_if_not(command + 1, args.end(), isFlag);
  if (id == args.end() || id + 1 != args.end()) return std::nullopt;
  return StartCall{.command = size_t(command - args.begin()), .id = *id};
}

std::string asksFor(std::string_view command, const std::vector<std::string>& args) {
  const auto found = commandOf(args);
  if (found == args.end() || *found != command) return "";
  const auto id = std::find_if_not(found + 1, args.end(), isFlag);
  return id == args.end() ? "" : *id;
}

std::string withoutPause(std::string output, bool held) {
  boost::system::error_code error;
  json::value state = boost::json::parse(output, error);
  const std::string status = error ? "" : json::findString(state, "status");
  if (status != "paused" && !(held && status == "created")) return output;
  state.as_object()["status"] = "running";
  return boost::json::serialize(state);
}

std::string logFile(const std::vector<std::string>& args) {
  constexpr std::string_view flag = "--log=";
  const auto found =
      std::ranges::find_if(args, [&](const std::string& arg) { return arg.starts_with(flag); });
  return found == args.end() ? "" : found->substr(flag.size());
}

std::vector<std::string> restoreInstead(const std::vector<std::string>& args, const StartCall& call,
                                        const std::string& image) {
  std::vector<std::string> out(args.begin(), args.begin() + ptrdiff_t(call.command));
  // --detach: as `start`, it returns when the container runs. --background: pages are read while it does.
  for (const char* word : {"restore", "--detach", "--background"}) out.emplace_back(word);
  out.push_back("--image-path=" + image);
  out.push_back(call.id);
  return out;
}

}  // namespace cloister::node
