#include "tests/support/apiserver/target.h"

#include <unordered_map>

#include <boost/url/parse.hpp>

namespace cloister::test {

std::string Target::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

namespace {

std::shared_ptr<const Target> parse(std::string_view text) {
  const auto url = boost::urls::parse_origin_form(text);
  if (!url) return nullptr;
  std::vector<std::string> steps(url->segments().begin(), url->segments().end());
  Target out;
  for (const auto& parameter : url->params()) out.query[parameter.key] = parameter.value;
  size_t at = 0;
  const auto next = [&] { return at < steps.size() ? steps[at++] : std::string(); };
  const std::string root = next();
  if (root == "apis") out.group = next();
  out.version = next();
  out.id.plural = next();
  // A namespace's own object, or what is in it.
  if (out.id.plural == "namespaces" && steps.size() > at + 1 && steps[at + 1] != "status") {
    out.id.key.namespace_ = next();
    out.id.plural = next();
  }
  out.id.key.name = next();
  out.subresource = next();
  if ((root != "api" && root != "apis") || out.id.plural.empty() || at < steps.size()) return nullptr;
  return std::make_shared<const Target>(std::move(out));
}

}  // namespace

// A simulation asks three times for each request, of which most are like others.
std::shared_ptr<const Target> parseTarget(std::string_view text) {
  constexpr size_t mostKept = 1000;
  thread_local std::unordered_map<std::string, std::shared_ptr<const Target>> kept;
  if (kept.size() == mostKept) kept.clear();
  const auto [entry, isNew] = kept.try_emplace(std::string(text));
  if (isNew) entry->second = parse(text);
  return entry->second;
}

}  // namespace cloister::test
