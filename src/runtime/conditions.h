// The conditions of a status, brought up to date.
#pragma once

#include "api/meta.h"

namespace cloister::runtime {

class Conditions {
 public:
  Conditions(std::vector<api::Condition> present, int64_t generation, Time now)
      : all_(std::move(present)),
        generation_(generation),
        now_(std::chrono::floor<seconds>(now)) {}  // as it will be read back

  void set(std::string_view type, std::string_view status, std::string_view why, std::string message) {
    api::setCondition(all_,
                      {.type = std::string(type),
                       .status = std::string(status),
                       .observedGeneration = generation_,
                       .lastTransitionTime = {},
                       .reason = std::string(why),
                       .message = std::move(message)},
                      now_);
  }
  void remove(std::string_view type) {
    std::erase_if(all_, [&](const api::Condition& condition) { return condition.type == type; });
  }
  std::vector<api::Condition> take() { return std::move(all_); }

 private:
  std::vector<api::Condition> all_;
  int64_t generation_;
  Time now_;
};

}  // namespace cloister::runtime
