#include "node/runsc/call.h"

#include <algorithm>

namespace cloister::node {
namespace {

bool isFlag(const std::string& arg) {
  return arg.starts_with('-');
}

}  // namespace

std::optional<StartCall> findStart(const std::vector<std::string>& args) {
  // The shim writes every flag as one argument, so the first other one is the command.
  const auto command = std::ranges::find_if_not(args, isFlag);
  if (command == args.end() || *command != "start") return std::nullopt;
  const auto id = std::find_if_not(command + 1, args.end(), isFlag);
  if (id == args.end() || id + 1 != args.end()) return std::nullopt;
  return StartCall{.command = size_t(command - args.begin()), .id = *id};
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
