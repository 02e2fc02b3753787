// One controller against an API server.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/sim_clock.h"
#include "tests/unit/operator/reconciler_server.h"

namespace cloister::test {

template <class Reconciler>
class OneReconciler : public testing::Test {
 protected:
  Result<runtime::Outcome> reconcile(const kube::ObjectKey& key) {
    server_.sync(stores_);
    return run(clock_, reconciler_->reconcile(key, 1));
  }

  SimClock clock_;
  ScriptedTransport transport_{clock_};
  ReconcilerServer server_{clock_, transport_};
  kube::Client client_{transport_, clock_};
  Config config_;
  Stores stores_;
  std::optional<Reconciler> reconciler_;  // the fixture makes it
};

}  // namespace cloister::test
