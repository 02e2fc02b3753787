// What a pool's status and events should say. Pure.
#pragma once

#include "operator/pool/view.h"
#include "operator/sandbox/plan.h"

namespace cloister::pool {

struct Account {
  std::optional<api::SandboxPoolStatus> status;  // to be written, if it differs from the present one
  bool urgent = false;                           // in more than its counts
  std::optional<sandbox::Report> report;
};

// After the round that was planned for OBSERVED, on what is seen then.
// AT: view() of OBSERVED.
Account account(const Observed& observed, const View& at, Time now);

}  // namespace cloister::pool
