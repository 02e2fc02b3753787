#pragma once

#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "base/clock.h"
#include "net/failure.h"

namespace cloister::net {

using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

// The addresses of HOST, as the system's resolver gives them; an address stands for itself, without the
// resolver.
Task<Attempt<Endpoints>> resolve(boost::asio::any_io_executor executor, std::string host, uint16_t port,
                                 Instant deadline);

}  // namespace cloister::net
