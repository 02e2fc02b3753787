// Credentials that a program prints.
// Source:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
#pragma once

#include <optional>

#include "base/clock.h"
#include "kube/config.h"

namespace cloister::kube {

// Who we are, as texts. Any of them may be empty.
struct Identity {
  std::string token = {};
  std::string certificatePem = {};
  std::string keyPem = {};
  std::optional<Time> expires = {};

  bool operator==(const Identity&) const = default;
};

// The value of KUBERNETES_EXEC_INFO. CA_PEM is the cluster's certificate authority, for programs that ask for
// it.
std::string execInfo(const ClientConfig& config, std::string_view caPem);

// What the program printed. Errc::Protocol says what is wrong with it.
Result<Identity> readExecCredential(std::string_view output, std::string_view apiVersion);

// Runs CONFIG's program, for 30 s at most. Errors carry its own words or the kubeconfig's installHint.
Task<Result<Identity>> runExec(boost::asio::any_io_executor executor, ClientConfig config, std::string caPem);

}  // namespace cloister::kube
