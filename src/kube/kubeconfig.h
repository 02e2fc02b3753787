// The kubeconfig format, as values. Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
#pragma once

#include <map>

#include "json/codec.h"
#include "kube/config.h"

namespace cloister::kube {

// One file's entries, or several files' merged.
struct Kubeconfig {
  struct Entry {
    json::value body;
    std::string file;  // where it is from: relative paths in it start at that file's folder
  };
  using Entries = std::map<std::string, Entry>;

  Entries clusters;
  Entries users;
  Entries contexts;
  std::string currentContext;
};

Result<Kubeconfig> parseKubeconfig(std::string_view text, const std::string& file);

// As kubectl merges: of two entries with the same name, and of two current-contexts, the first one stands.
void merge(Kubeconfig& into, Kubeconfig from);

// The configuration of CONTEXT, or of the current context when it is empty. Reads no other file.
Result<ClientConfig> select(const Kubeconfig& config, std::string_view context);

}  // namespace cloister::kube
