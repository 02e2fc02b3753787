// What an API server, or something that pretends to be one, sends: the bytes of a watch and of any other
// answer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "kube/lines.h"
#include "kube/status.h"

using namespace cloister;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// However the bytes are cut into pieces, the same lines come out.
void readWatch(std::string_view bytes, size_t pieceSize) {
  kube::Lines whole;
  kube::Lines pieces;
  require(whole.add(bytes).has_value());
  for (size_t at = 0; at < bytes.size(); at += pieceSize) {
    require(pieces.add(bytes.substr(at, pieceSize)).has_value());
    while (const auto line = pieces.next()) {
      require(line == whole.next());
      (void)kube::readEvent(*line);
    }
  }
  require(!whole.next());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  readWatch(bytes, size_t(data[0]) + 1);
  const net::Response answer{.status = 200,
                             .headers = {{"Retry-After", std::string(bytes.substr(0, 30))}},
                             .body = std::string(bytes)};
  (void)kube::readPage(answer);
  const Error error = kube::readFailure(answer);
  require(error.retryAfter >= Duration{} && error.retryAfter <= seconds(300));
  return 0;
}
