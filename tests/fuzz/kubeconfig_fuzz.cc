// Files and program output that a user hands us.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/log.h"
#include "kube/base64.h"
#include "kube/exec_credential.h"
#include "kube/kubeconfig.h"

using namespace cloister;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  log::setLevel("error");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto parsed = kube::parseKubeconfig(text, "/etc/kube/config")) {
    const auto selected = kube::select(*parsed, "");
    if (!selected && selected.error().code != Errc::InvalidInput) std::abort();
  }
  (void)kube::readExecCredential(text, "client.authentication.k8s.io/v1");
  if (kube::decodeBase64(kube::encodeBase64(text)) != text) std::abort();
  (void)kube::decodeBase64(text);
  return 0;
}
