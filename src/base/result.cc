#include "base/result.h"

#include <utility>

namespace cloister {

std::string_view name(Errc code) {
  switch (code) {
    case Errc::InvalidInput:
      return "InvalidInput";
    case Errc::NotFound:
      return "NotFound";
    case Errc::AlreadyExists:
      return "AlreadyExists";
    case Errc::Conflict:
      return "Conflict";
    case Errc::Gone:
      return "Gone";
    case Errc::Unauthorized:
      return "Unauthorized";
    case Errc::Forbidden:
      return "Forbidden";
    case Errc::TooManyRequests:
      return "TooManyRequests";
    case Errc::Unavailable:
      return "Unavailable";
    case Errc::Timeout:
      return "Timeout";
    case Errc::Protocol:
      return "Protocol";
    case Errc::Internal:
      return "Internal";
  }
  std::unreachable();
}

std::unexpected<Error> failWith(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return std::unexpected(std::move(error));
}

bool isRetryable(const Error& error) {
  return error.code == Errc::TooManyRequests || error.code == Errc::Unavailable ||
         error.code == Errc::Timeout;
}

}  // namespace cloister
