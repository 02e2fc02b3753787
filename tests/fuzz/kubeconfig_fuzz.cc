// Files and program output that a user hands us.
#include "base/log.h"
#include "fuzz.h"
#include "kube/base64.h"
#include "kube/exec_credential.h"
#include "kube/kubeconfig.h"

using namespace cloister;
using fuzz::require;

namespace {

void kubeconfigs(std::string_view text) {
  auto config = kube::parseKubeconfig(text, "/etc/kube/config");
  if (!config) {
    require(config.error().message.starts_with("/etc/kube/config:"),
            "the file is named: " + config.error().message);
    return;
  }
  const auto selected = kube::select(*config, "");
  if (!selected) {
    require(selected.error().code == Errc::InvalidInput, "bad kubeconfigs are InvalidInput");
    return;
  }
  require(selected->certificate.empty() == selected->key.empty(), "certificate and key go together");
  require(!selected->exec || !selected->exec->command.empty(), "there is a program to run");
  require(json::parse(selected->exec ? kube::execInfo(*selected, text) : "{}").has_value(),
          "programs are told JSON");
  kube::merge(*config, kube::Kubeconfig(*config));
  require(kube::select(*config, "").has_value(), "merging a file with itself changes nothing");
}

void credentials(std::string_view text) {
  const auto identity = kube::readExecCredential(text, "client.authentication.k8s.io/v1");
  if (!identity) {
    require(identity.error().code == Errc::Protocol, "bad output is Protocol");
    return;
  }
  require(!identity->token.empty() || !identity->certificatePem.empty(), "a credential is one");
  require(identity->certificatePem.empty() == identity->keyPem.empty(), "certificate and key go together");
}

void base64(std::string_view text) {
  require(kube::decodeBase64(kube::encodeBase64(text)) == text, "what was encoded decodes");
  const auto decoded = kube::decodeBase64(text);
  require(!decoded || kube::decodeBase64(kube::encodeBase64(*decoded)) == decoded,
          "what was decoded encodes");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  log::setLevel("error");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::textOf(data, size);
  kubeconfigs(text);
  credentials(text);
  base64(text);
  return 0;
}
