#include "net/failure.h"

namespace cloister::net {

Error toError(const Failure& failure) {
  if (failure.stage == Stage::Connect || failure.stage == Stage::Send) {
    return {Errc::Unavailable, failure.message};
  }
  if (failure.cause == Failure::Cause::Malformed) return {Errc::Protocol, failure.message};
  return {Errc::Timeout, failure.message};
}

bool mayRetry(std::string_view method, const Failure& failure) {
  if (failure.cause != Failure::Cause::Broken) return false;
  if (failure.stage == Stage::Send) return true;
  return failure.stage == Stage::Wait && (method == "GET" || method == "HEAD");
}

}  // namespace cloister::net
