// Structured concurrency: every coroutine belongs to a group, and stopping a group waits until all of them
// have ended.
#pragma once

#include <list>
#include <string>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/channel.hpp>

#include "base/clock.h"

namespace cloister {

class TaskGroup {
 public:
  explicit TaskGroup(boost::asio::any_io_executor executor);
  // Every task must have ended: call stop() first.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts TASK. An exception other than the cancellation is a bug and ends the program with NAME in the
  // message.
  void spawn(std::string name, Task<void> task);
  // Cancels every task and returns when all have ended. What is spawned meanwhile does not begin.
  Task<void> stop();
  // Returns when no task is left.
  Task<void> join();
  size_t size() const { return tasks_.size(); }

 private:
  struct Entry {
    std::string name;
    bool begun = false;
    boost::asio::cancellation_signal signal = {};
  };

  Task<void> run(Entry& entry, Task<void> task);

  boost::asio::any_io_executor executor_;
  std::list<Entry> tasks_;
  bool stopping_ = false;
  // Carries nothing; cancelled at the end. A timer would bring a reactor, which asks the kernel each time.
  boost::asio::experimental::channel<void(boost::system::error_code)> ended_;
};

}  // namespace cloister
