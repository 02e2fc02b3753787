#pragma once

#include "kube/client.h"
#include "operator/config.h"
#include "operator/stores.h"

namespace cloister {

// What a controller works with; all of it outlives the controller.
struct Parts {
  kube::Client& client;
  Clock& clock;
  const Config& config;
  Stores& stores;
};

}  // namespace cloister
