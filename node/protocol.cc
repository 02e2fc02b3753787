#include "node/protocol.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace cloister::node {
namespace {

template <class T>
Result<T> parseLine(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.size() >= longestLine) return fail(Errc::InvalidInput, "the line is too long");
  boost::system::error_code error;
  const json::value parsed = boost::json::parse(line, error);
  if (error) return fail(Errc::InvalidInput, "not JSON: " + error.message());
  return json::decode<T>(parsed);
}

template <class T>
std::string lineOf(const T& message) {
  return boost::json::serialize(json::encode(message)) + "\n";
}

std::unexpected<Error> missing(std::string_view member) {
  return fail(Errc::InvalidInput, std::string(member) + " is missing");
}

}  // namespace

std::string toLine(const StartRequest& request) {
  return lineOf(request);
}

std::string toLine(const StartAnswer& answer) {
  return lineOf(answer);
}

Result<StartRequest> parseRequest(std::string_view line) {
  auto request = parseLine<StartRequest>(line);
  if (!request) return request;
  if (request->container.empty()) return missing("container");
  if (request->podNamespace.empty()) return missing("podNamespace");
  if (request->podName.empty()) return missing("podName");
  if (request->podUID.empty()) return missing("podUID");
  if (!request->bundle.starts_with('/')) return fail(Errc::InvalidInput, "bundle is no absolute path");
  return request;
}

Result<StartAnswer> parseAnswer(std::string_view line) {
  auto answer = parseLine<StartAnswer>(line);
  if (!answer) return answer;
  if (answer->action == StartAction::Restore && !answer->image.starts_with('/'))
    return fail(Errc::InvalidInput, "image is no absolute path");
  if (!answer->runsc.empty() && !answer->runsc.starts_with('/'))
    return fail(Errc::InvalidInput, "runsc is no absolute path");
  return answer;
}

}  // namespace cloister::node
