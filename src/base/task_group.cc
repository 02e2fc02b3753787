#include "base/task_group.h"

#include <cassert>
#include <cstdlib>
#include <exception>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/log.h"

namespace cloister {
namespace {

namespace asio = boost::asio;

[[noreturn]] void die(const std::string& task, const std::exception& error) {
  log::error("task ended by an unexpected exception", {{"task", task}, {"error", error.what()}});
  std::abort();
}

}  // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor) : executor_(std::move(executor)), ended_(executor_) {}

TaskGroup::~TaskGroup() {
  assert(tasks_.empty());
}

void TaskGroup::spawn(std::string name, Task<void> task) {
  const auto entry = tasks_.emplace(tasks_.end(), std::move(name));
  asio::co_spawn(
      executor_, run(*entry, std::move(task)),
      asio::bind_cancellation_slot(entry->signal.slot(), [this, entry](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
        tasks_.erase(entry);
        if (tasks_.empty()) ended_.cancel();
      }));
}

// co_spawn itself waits before a task begins, and after one that never did. Were a cancellation to meet it
// there, it would throw out of io_context::run(). So tasks are cancelled only between the two.
Task<void> TaskGroup::run(Entry& entry, Task<void> task) {
  if (stopping_) co_return;
  entry.begun = true;
  try {
    co_await std::move(task);
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) die(entry.name, error);
  } catch (const std::exception& error) {
    die(entry.name, error);
  }
  co_await asio::this_coro::throw_if_cancelled(false);
}

Task<void> TaskGroup::stop() {
  stopping_ = true;
  // A handler may run at once and erase its entry: step on before emitting.
  for (auto next = tasks_.begin(); next != tasks_.end();) {
    const auto entry = next++;
    if (entry->begun) entry->signal.emit(asio::cancellation_type::terminal);
  }
  co_await join();
  stopping_ = false;
}

Task<void> TaskGroup::join() {
  while (!tasks_.empty()) {
    co_await ended_.async_receive(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace cloister
