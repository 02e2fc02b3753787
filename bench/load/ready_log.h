// Sees from outside when objects become Ready.
#pragma once

#include <unordered_map>

#include "kube/watcher.h"

namespace cloister::bench {

// Whether the condition Ready of OBJECT is True.
bool isReady(const json::value& object);

class ReadyLog final : public kube::Sink {
 public:
  // Of objects whose names begin with PREFIX; others are not looked at.
  ReadyLog(Clock& clock, std::string prefix)
      : clock_(clock), prefix_(std::move(prefix)), changed_(clock.timer()) {}

  // When NAME was first seen Ready.
  std::optional<Instant> ready(const std::string& name) const;
  // Returns once the watch is established. One waiter at a time, here and below.
  Task<void> established();
  // Until COUNT names were seen Ready; false when that is not so at DEADLINE.
  Task<bool> hasSeen(size_t count, Instant deadline);

  void beginList() override {}
  void page(json::array items) override;
  void endList(std::string_view) override {}
  void put(json::value object) override { see(object); }
  void erase(json::value) override {}
  void current(bool current) override;

 private:
  void see(const json::value& object);

  Clock& clock_;
  std::string prefix_;
  std::unique_ptr<Timer> changed_;
  bool current_ = false;
  std::unordered_map<std::string, Instant> ready_;
};

}  // namespace cloister::bench
