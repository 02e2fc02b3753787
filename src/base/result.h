// How expected failures travel: by value, with a code to switch on. Impossible things crash instead.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/time.h"

namespace cloister {

// What a caller may do about a failure. Callers switch on this, never on the text.
enum class Errc {
  InvalidInput,     // our caller's or the user's data is wrong; the same call fails again
  NotFound,         // 404
  AlreadyExists,    // 409 with reason AlreadyExists
  Conflict,         // 409: a precondition or resourceVersion did not hold; read again, then decide again
  Gone,             // 410: a resourceVersion or continue token is too old; list again
  Unauthorized,     // 401
  Forbidden,        // 403: RBAC, quota or admission; see Error::reason
  TooManyRequests,  // 429; see Error::retryAfter
  Unavailable,      // could not connect, 5xx, or the connection broke before the request was sent whole
  Timeout,          // no answer in time or the connection broke midway: a write may have happened or not
  Protocol,         // the peer answered something that is not what it should be
  Internal,         // a local resource failed (a file, a process)
};

std::string_view name(Errc code);

struct Error {
  Errc code = Errc::Internal;
  std::string message;       // for people: what failed, why, and where known what to do
  std::string reason = {};   // Kubernetes' Status.reason or its first cause's reason, else empty
  Duration retryAfter = {};  // what the server asked us to wait, else 0
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}
inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}
// The same failure with CONTEXT and ": " before its message.
std::unexpected<Error> failWith(std::string_view context, Error error);

// True when the same call may succeed later without anything being decided anew.
bool isRetryable(const Error& error);

}  // namespace cloister
