// What an API server, or something that pretends to be one, sends: the bytes of a watch and of any other
// answer. The input is a byte that says how small the pieces are, and then the bytes.
#include "fuzz.h"
#include "kube/lines.h"
#include "kube/status.h"

using namespace cloister;
using fuzz::require;

namespace {

void readLine(std::string_view line) {
  require(!line.empty() && !line.contains('\n'), "a line is one");
  const auto event = kube::readEvent(line);
  require(!event || event->object.is_object(), "an event carries an object");
  require(event || !event.error().message.empty(), "a failure says why");
}

// However the bytes are cut into pieces, the same lines come out.
void readWatch(std::string_view bytes, size_t pieceSize) {
  kube::Lines whole;
  kube::Lines cut;
  require(whole.add(bytes).has_value(), "short lines are taken");
  for (const auto piece : fuzz::pieces(bytes, pieceSize)) {
    require(cut.add(piece).has_value(), "short lines are taken in pieces");
    while (const auto line = cut.next()) {
      require(line == whole.next(), "the pieces do not matter");
      readLine(*line);
    }
  }
  require(!whole.next(), "all lines come in pieces as well");
}

void readAnswer(std::string_view bytes) {
  const net::Response answer{.status = 200,
                             .headers = {{"Retry-After", std::string(bytes.substr(0, 30))}},
                             .body = std::string(bytes)};
  const auto page = kube::readPage(answer);
  require(!page || !page->resourceVersion.empty(), "a list says how old it is");
  const Error error = kube::readFailure(answer);
  require(error.retryAfter >= Duration{} && error.retryAfter <= seconds(300), "a wait is bounded");
  require(!error.message.empty(), "a failure says why");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto bytes = fuzz::textOf(data + 1, size - 1);
  readWatch(bytes, size_t(data[0]) + 1);
  readAnswer(bytes);
  return 0;
}
