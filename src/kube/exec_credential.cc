#include "kube/exec_credential.h"

#include <cassert>

#include "json/codec.h"
#include "kube/base64.h"
#include "kube/process.h"

namespace cloister::kube {
namespace {

constexpr size_t largestExcerpt = 300;  // of the program's own words

json::object clusterInfo(const ClientConfig& config, std::string_view caPem) {
  json::object out{{"server", (config.server.tls ? "https://" : "http://") + net::authority(config.server) +
                                  config.server.prefix}};
  if (!config.tlsServerName.empty()) out["tls-server-name"] = config.tlsServerName;
  if (!config.verify) out["insecure-skip-tls-verify"] = true;
  if (!caPem.empty()) out["certificate-authority-data"] = encodeBase64(caPem);
  return out;
}

std::unexpected<Error> malformed(std::string_view why) {
  return fail(Errc::Protocol, "it printed no usable ExecCredential: " + std::string(why));
}

std::string lastWords(const Finished& finished) {
  std::string_view words = finished.errors;
  while (!words.empty() && words.back() == '\n') words.remove_suffix(1);
  if (words.size() > largestExcerpt) words.remove_prefix(words.size() - largestExcerpt);
  return words.empty() ? "" : ": " + std::string(words);
}

Result<Identity> outcome(const Result<Finished>& finished, const ExecConfig& exec) {
  if (!finished) {
    const bool missing = finished.error().code == Errc::NotFound && !exec.installHint.empty();
    const std::string hint = missing ? "; " + exec.installHint : "";
    return fail(finished.error().code, finished.error().message + hint);
  }
  if (finished->exitStatus != 0) {
    return fail(Errc::Internal, exec.command + " ended with status " + std::to_string(finished->exitStatus) +
                                    lastWords(*finished));
  }
  auto identity = readExecCredential(finished->output, exec.apiVersion);
  if (!identity) return failWith(exec.command, identity.error());
  return identity;
}

}  // namespace

std::string execInfo(const ClientConfig& config, std::string_view caPem) {
  json::object spec{{"interactive", false}};
  if (config.exec->provideClusterInfo) spec["cluster"] = clusterInfo(config, caPem);
  return json::print(json::object{
      {"apiVersion", config.exec->apiVersion}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}});
}

Result<Identity> readExecCredential(std::string_view output, std::string_view apiVersion) {
  const auto credential = json::parse(output);
  if (!credential) return malformed(credential.error().message);
  if (json::findString(*credential, "kind") != "ExecCredential") return malformed("the kind is another");
  if (json::findString(*credential, "apiVersion") != apiVersion) {
    return malformed("the apiVersion is not " + std::string(apiVersion));
  }
  Identity out{.token = json::findString(*credential, "status.token"),
               .certificatePem = json::findString(*credential, "status.clientCertificateData"),
               .keyPem = json::findString(*credential, "status.clientKeyData")};
  if (out.certificatePem.empty() != out.keyPem.empty()) return malformed("certificate and key go together");
  if (out.token.empty() && out.certificatePem.empty()) return malformed("neither a token nor a certificate");
  if (const auto expires = json::findString(*credential, "status.expirationTimestamp"); !expires.empty()) {
    out.expires = parseTime(expires);
    if (!out.expires) return malformed("expirationTimestamp is no time");
  }
  return out;
}

Task<Result<Identity>> runExec(boost::asio::any_io_executor executor, ClientConfig config,
                               std::string caPem) {
  assert(config.exec);
  Command command{
      .program = config.exec->command, .args = config.exec->args, .environment = config.exec->environment};
  command.environment.push_back("KUBERNETES_EXEC_INFO=" + execInfo(config, caPem));
  const auto finished = co_await run(std::move(executor), std::move(command));
  auto identity = outcome(finished, *config.exec);
  if (!identity) co_return failWith("exec credential", identity.error());
  co_return identity;
}

}  // namespace cloister::kube
