// HTTP as values, and the one seam between the program and the network: everything above a Transport also
// runs on the simulation's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace cloister::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string target = "/";  // path and query, percent-encoded
  Headers headers = {};
  std::string body = {};
  // From the call to the last byte of the answer (exchange), or to the end of the answer's head (open).
  Duration deadline = seconds(15);

  bool operator==(const Request&) const = default;
};

struct Response {
  int status = 0;
  Headers headers = {};
  std::string body = {};
};

// The value of the header NAME (compared without case), or empty.
std::string_view header(const Headers& headers, std::string_view name);

// A response's body as it comes, for answers that have no end.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // The next bytes, never empty; Errc::Unavailable at the end or when the connection breaks; Errc::Timeout
  // when nothing comes for IDLE. At most 64 KiB are read ahead: a slow reader slows the sender down.
  virtual Task<Result<std::string>> read(Duration idle) = 0;
};

struct Opened {
  Response head;                       // with the whole body when status is not 2xx
  std::unique_ptr<BodyStream> stream;  // null when status is not 2xx
};

// Every failure is one of Unavailable (the request was certainly not carried out), Timeout (it may have been)
// or Protocol. An HTTP status, whatever it says, is no failure here.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Task<Result<Response>> exchange(Request request) = 0;
  virtual Task<Result<Opened>> open(Request request) = 0;
};

}  // namespace cloister::net
