// The operator's process: configuration, connection, health and metrics over HTTP, signals.
#pragma once

#include "operator/options.h"

namespace cloister {

// Runs until SIGTERM or SIGINT. Returns the process's exit code: 0 stopped as asked, 1 failed while running,
// 2 wrong configuration or kubeconfig; what is wrong is told in one line on standard error.
int runOperator(const Options& options);

}  // namespace cloister
