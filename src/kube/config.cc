#include "kube/config.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "kube/file.h"
#include "kube/kubeconfig.h"

namespace cloister::kube {
namespace {

std::string environmentVariable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::vector<std::string> split(std::string_view list, char separator) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const size_t end = std::min(list.find(separator), list.size());
    if (end > 0) out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

Result<ClientConfig> loadFiles(const std::vector<std::string>& files, std::string_view context) {
  Kubeconfig merged;
  for (const auto& file : files) {
    const auto text = readFile(file);
    if (!text) return fail(text.error());
    auto parsed = parseKubeconfig(*text, file);
    if (!parsed) return fail(parsed.error());
    merge(merged, std::move(*parsed));
  }
  auto selected = select(merged, context);
  if (!selected) return fail(selected.error());
  return selected;
}

// As kubectl: a list may name files that are not there, as long as one is.
std::vector<std::string> existing(const std::vector<std::string>& files) {
  std::vector<std::string> out;
  for (const auto& file : files) {
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) out.push_back(file);
  }
  return out.empty() ? files : out;
}

Result<ClientConfig> podConfig(const Locations& locations) {
  const std::string& host = locations.serviceHost;
  auto url = net::parseBaseUrl("https://" + (host.contains(':') ? "[" + host + "]" : host) + ":" +
                               locations.servicePort);
  if (!url) return failWith("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT", url.error());
  ClientConfig out{.server = std::move(*url),
                   .ca = {.file = locations.serviceAccount + "/ca.crt"},
                   .token = {.file = locations.serviceAccount + "/token"}};
  const auto token = readFile(out.token.file);
  if (!token)
    return failWith("the pod has no service account token (automountServiceAccountToken)", token.error());
  if (const auto namespace_ = readFile(locations.serviceAccount + "/namespace")) out.namespace_ = *namespace_;
  return out;
}

}  // namespace

Locations locationsFromEnvironment(std::string kubeconfig, std::string context) {
  return {.explicitFile = std::move(kubeconfig),
          .context = std::move(context),
          .environment = environmentVariable("KUBECONFIG"),
          .home = environmentVariable("HOME"),
          .serviceHost = environmentVariable("KUBERNETES_SERVICE_HOST"),
          .servicePort = environmentVariable("KUBERNETES_SERVICE_PORT")};
}

Result<ClientConfig> loadConfig(const Locations& locations) {
  if (!locations.explicitFile.empty()) return loadFiles({locations.explicitFile}, locations.context);
  const auto listed = split(locations.environment, ':');
  if (!listed.empty()) return loadFiles(existing(listed), locations.context);
  if (!locations.serviceHost.empty() && !locations.servicePort.empty()) return podConfig(locations);
  const std::string file = locations.home + "/.kube/config";
  std::error_code ignored;
  if (locations.home.empty() || !std::filesystem::exists(file, ignored)) {
    return fail(Errc::InvalidInput,
                "no API server is configured: give --kubeconfig, set KUBECONFIG, or run in a pod with a "
                "service account");
  }
  return loadFiles({file}, locations.context);
}

}  // namespace cloister::kube
