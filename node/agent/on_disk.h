#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/clock.h"

namespace cloister::node {

namespace detail {
template <class Work>
Task<std::invoke_result_t<Work>> runNow(Work work) {
  co_return work();
}
}  // namespace detail

// What WORK gives, which blocks, run on DISK, threads for that. It is waited for even when the caller is
// cancelled: it may use what the caller holds.
template <class Work>
Task<std::invoke_result_t<Work>> onDisk(boost::asio::any_io_executor disk, Work work) {
  co_return co_await boost::asio::co_spawn(disk, detail::runNow(std::move(work)), boost::asio::use_awaitable);
}

}  // namespace cloister::node
