// Starts objects at an even rate, come what may, and sees from outside when each is Ready.
#pragma once

#include "base/task_group.h"
#include "bench/load/bare.h"
#include "bench/load/ready_log.h"

namespace cloister::bench {

class Load {
 public:
  // All of it outlives the load.
  Load(boost::asio::any_io_executor executor, kube::Client& client, Clock& clock, const Plan& plan);

  // Ends when all are Ready, or the plan's limit is over. Without as many warm pods as the plan is to take,
  // Errc::NotFound.
  Task<Result<Answer>> run();

 private:
  Task<void> startAll(Instant begin);
  Task<void> start(int index, Instant begin);
  Instant dueAt(int index, Instant begin) const;
  std::string nameOf(int index) const { return plan_.prefix + std::to_string(index); }
  Answer answer(Instant begin) const;
  void count(const kube::CallRecord& call);

  kube::Client& client_;
  Clock& clock_;
  const Plan& plan_;
  kube::Resource resource_;
  ReadyLog log_;
  std::optional<BareStarter> bare_;
  TaskGroup watching_;
  TaskGroup starting_;
  std::vector<Instant> posted_;
  Answer counts_;
};

}  // namespace cloister::bench
