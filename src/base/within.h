#pragma once

#include <optional>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/clock.h"

namespace cloister {

// What TASK gives, or nothing when it takes longer than LIMIT: then it is cancelled, and has ended on return.
template <class T>
Task<std::optional<T>> within(Clock& clock, Duration limit, Task<T> task) {
  using namespace boost::asio::experimental::awaitable_operators;
  try {
    auto first = co_await (std::move(task) || clock.sleep(limit));
    if (first.index() == 1) co_return std::nullopt;
    co_return std::move(std::get<0>(first));
  } catch (const boost::asio::multiple_exceptions& both) {
    std::rethrow_exception(both.first_exception());  // both were cancelled, as is this coroutine
  }
}

}  // namespace cloister
