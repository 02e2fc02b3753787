// What a server does with its listening socket.
#pragma once

#include <string>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.h"
#include "base/task_group.h"

namespace cloister::net {

// Hands each connection of ACCEPTOR to TAKE, which spawns its work into CONNECTIONS or drops it, until this
// is cancelled. Then ACCEPTOR is closed, and this returns when all of CONNECTIONS have ended.
template <class Acceptor, class Take>
Task<void> acceptAll(Acceptor& acceptor, TaskGroup& connections, Take take) {
  constexpr auto asTuple = boost::asio::as_tuple(boost::asio::use_awaitable);
  // The connections are awaited after the cancellation, so it must not throw here.
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    // Where a connection was waiting already, a cancellation found nothing to cancel: it is only noted.
    const auto noted = co_await boost::asio::this_coro::cancellation_state;
    if (noted.cancelled() != boost::asio::cancellation_type::none) break;
    auto [error, socket] = co_await acceptor.async_accept(asTuple);
    if (error == boost::asio::error::operation_aborted) break;
    if (!error) {
      take(std::move(socket));
      continue;
    }
    // Out of descriptors, most likely: the connection stays in the queue, so asking again at once would spin.
    log::warn("cannot accept a connection", {{"error", error.message()}});
    boost::asio::steady_timer pause(acceptor.get_executor(), milliseconds(100));
    if (auto [cancelled] = co_await pause.async_wait(asTuple); cancelled) break;
  }
  acceptor.close();
  co_await connections.stop();
}

}  // namespace cloister::net
