// Where the API server is, whom to trust and who we are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/url.h"

namespace cloister::kube {

// Bytes given directly, or a file that may be replaced at any time (rotation). Both empty: not given.
struct Source {
  std::string data = {};
  std::string file = {};

  bool operator==(const Source&) const = default;
  bool empty() const { return data.empty() && file.empty(); }
};

// A program that prints credentials. Source: client.authentication.k8s.io/v1, ExecCredential.
struct ExecConfig {
  std::string apiVersion = {};
  std::string command = {};
  std::vector<std::string> args = {};
  std::vector<std::string> environment = {};  // "NAME=value", added to ours
  std::string installHint = {};
  bool provideClusterInfo = false;

  bool operator==(const ExecConfig&) const = default;
};

struct ClientConfig {
  net::BaseUrl server = {};
  Source ca = {};  // empty: the system's certificate store
  std::string tlsServerName = {};
  bool verify = true;

  Source certificate = {};
  Source key = {};
  Source token = {};
  std::optional<ExecConfig> exec = {};

  std::string namespace_ = "default";  // the context's, or the pod's
  std::string userAgent = {};          // empty: this program's default
};

// Where configuration is looked for.
struct Locations {
  std::string explicitFile = {};  // --kubeconfig
  std::string context = {};       // --context; empty: the file's current-context
  std::string environment = {};   // KUBECONFIG: files, separated by colons
  std::string home = {};          // HOME
  std::string serviceHost = {};   // KUBERNETES_SERVICE_HOST, set in every pod
  std::string servicePort = {};   // KUBERNETES_SERVICE_PORT
  std::string serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";
};

// The environment's, for a --kubeconfig and a --context of the command line (both may be empty).
Locations locationsFromEnvironment(std::string kubeconfig, std::string context);

// The first that is given: --kubeconfig, KUBECONFIG, the pod's own service account, HOME/.kube/config. Errors
// are one line that names the file and the field.
Result<ClientConfig> loadConfig(const Locations& locations);

}  // namespace cloister::kube
