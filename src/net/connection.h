// One HTTP/1.1 connection, with TLS or without. One exchange at a time; destroying it closes it.
#pragma once

#include <memory>

#include "net/failure.h"
#include "net/http.h"
#include "net/tls.h"
#include "net/url.h"

namespace cloister::net {

class Connection {
 public:
  virtual ~Connection() = default;

  // Sends REQUEST and reads the head of the answer (at most 64 KiB).
  virtual Task<Attempt<Response>> start(Request request, Instant deadline) = 0;
  // The next piece of the body, at most 64 KiB; empty at its end.
  virtual Task<Attempt<std::string>> readSome(Instant deadline) = 0;
  // The last answer was read to its end and the server keeps the connection open.
  virtual bool reusable() const = 0;
  // Nothing has come since. An idle connection with something to read was closed, or is out of step.
  virtual bool silent() = 0;
};

// TLS is null for plain HTTP. Addresses are tried in turn, 5 s each.
Task<Attempt<std::unique_ptr<Connection>>> connect(boost::asio::any_io_executor executor, BaseUrl url,
                                                   std::shared_ptr<const Tls> tls, Instant deadline);

}  // namespace cloister::net
