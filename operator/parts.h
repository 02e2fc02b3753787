#pragma once

#include "kube/client.h"
#include "operator/config.h"
#include "operator/stores.h"

namespace cloister {

// A write without an answer may still be carried out for so long: the API server's own limit for requests.
inline constexpr Duration lateWrites = std::chrono::minutes(1);

// What a controller works with; all of it outlives the controller.
struct Parts {
  kube::Client& client;
  Clock& clock;
  const Config& config;
  Stores& stores;
};

}  // namespace cloister
