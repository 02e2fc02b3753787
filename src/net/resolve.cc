#include "net/resolve.h"

#include <optional>

#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

namespace cloister::net {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

// getaddrinfo cannot be interrupted: past the deadline it is left to itself, together with what it would
// write to.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), done(executor) {}

  tcp::resolver resolver;
  asio::steady_timer done;
  std::optional<boost::system::error_code> outcome;
  Endpoints endpoints;
};

std::shared_ptr<Lookup> startLookup(const asio::any_io_executor& executor, const std::string& host,
                                    uint16_t port, Instant deadline) {
  auto lookup = std::make_shared<Lookup>(executor);
  lookup->done.expires_at(deadline);
  lookup->resolver.async_resolve(
      host, std::to_string(port),
      [lookup](const boost::system::error_code& error, const tcp::resolver::results_type& results) {
        lookup->outcome = error;
        lookup->endpoints.assign(results.begin(), results.end());
        lookup->done.cancel();
      });
  return lookup;
}

Failure lookupFailure(const std::string& host, const Lookup& lookup) {
  const std::string what = "look up " + host + ": ";
  if (!lookup.outcome) return {Stage::Connect, Failure::Cause::TimedOut, what + "no answer in time"};
  return {Stage::Connect, Failure::Cause::Broken, what + lookup.outcome->message()};
}

}  // namespace

Task<Attempt<Endpoints>> resolve(asio::any_io_executor executor, std::string host, uint16_t port,
                                 Instant deadline) {
  boost::system::error_code notAnAddress;
  const auto address = asio::ip::make_address(host, notAnAddress);
  if (!notAnAddress) co_return Endpoints{{address, port}};

  const auto lookup = startLookup(executor, host, port, deadline);
  auto [error] = co_await lookup->done.async_wait(asio::as_tuple(asio::use_awaitable));
  if (error && !lookup->outcome) throw boost::system::system_error(error);  // cancelled from outside
  if (!lookup->outcome || *lookup->outcome) co_return std::unexpected(lookupFailure(host, *lookup));
  co_return std::move(lookup->endpoints);
}

}  // namespace cloister::net
