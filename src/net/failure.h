// What a failed exchange means: pure decisions on how far it had come.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cloister::net {

// How far an exchange had come when it failed.
enum class Stage {
  Connect,  // no connection yet
  Send,     // the request was not handed over whole
  Wait,     // sent whole, not a byte of the answer has come
  Answer,   // in the answer
};

struct Failure {
  enum class Cause { Broken, TimedOut, Malformed };

  Stage stage = Stage::Connect;
  Cause cause = Cause::Broken;
  std::string message;
};

template <class T>
using Attempt = std::expected<T, Failure>;

// Unavailable when the server cannot have acted on the request, Timeout when it may have, Protocol when its
// answer is wrong.
Error toError(const Failure& failure);

// Whether a request that failed like this on a connection used before may be sent again on a fresh one:
// servers close idle connections at any time. What may have been carried out is sent again only if that
// changes nothing (GET, HEAD).
bool mayRetry(std::string_view method, const Failure& failure);

}  // namespace cloister::net
