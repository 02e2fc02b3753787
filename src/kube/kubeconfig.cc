#include "kube/kubeconfig.h"

#include <filesystem>

#include "base/log.h"
#include "json/yaml.h"
#include "kube/base64.h"

namespace cloister::kube {
namespace {

using Entry = Kubeconfig::Entry;

// Reads the members of one entry. Keeps the first problem, so that a reader can be a plain list of fields.
class Fields {
 public:
  Fields(const json::value& body, std::string file, std::string path)
      : body_(body), file_(std::move(file)), path_(std::move(path)) {}

  const json::value* member(std::string_view name) const {
    const auto* fields = body_.if_object();
    const auto* found = fields != nullptr ? fields->if_contains(name) : nullptr;
    return found != nullptr && !found->is_null() ? found : nullptr;
  }
  std::string text(std::string_view name) {
    const auto* found = member(name);
    if (found == nullptr) return {};
    if (!found->is_string()) return problem(name, "expected a string"), std::string();
    return std::string(found->get_string());
  }
  bool flag(std::string_view name) {
    const auto* found = member(name);
    if (found == nullptr) return false;
    if (!found->is_bool()) return problem(name, "expected true or false"), false;
    return found->get_bool();
  }
  std::string path(std::string_view name) {
    std::string given = text(name);
    if (given.empty()) return given;
    return (std::filesystem::path(file_).parent_path() / given).lexically_normal().string();
  }
  void refuse(std::string_view name, std::string_view why) {
    if (member(name) != nullptr) problem(name, why);
  }
  void problem(std::string_view name, std::string_view what) {
    if (!error_)
      error_ = Error{Errc::InvalidInput,
                     file_ + ": " + path_ + "." + std::string(name) + ": " + std::string(what)};
  }
  const std::optional<Error>& error() const { return error_; }
  const std::string& file() const { return file_; }
  std::string pathOf(std::string_view name) const { return path_ + "." + std::string(name); }

 private:
  const json::value& body_;
  std::string file_;
  std::string path_;
  std::optional<Error> error_;
};

// NAME is a path, NAME-data the content in base64 and stronger.
Source source(Fields& fields, const std::string& name) {
  const std::string data = fields.text(name + "-data");
  if (data.empty()) return {.file = fields.path(name)};
  auto decoded = decodeBase64(data);
  if (!decoded || decoded->empty()) fields.problem(name + "-data", "not base64");
  return {.data = decoded.value_or("")};
}

Result<void> readCluster(Fields fields, ClientConfig& out) {
  const std::string server = fields.text("server");
  if (server.empty()) fields.problem("server", "missing; it is the API server's URL");
  out.ca = source(fields, "certificate-authority");
  out.tlsServerName = fields.text("tls-server-name");
  out.verify = !fields.flag("insecure-skip-tls-verify");
  if (!out.verify && !out.ca.empty()) {
    fields.problem("insecure-skip-tls-verify", "contradicts certificate-authority; remove one of them");
  }
  fields.refuse("proxy-url",
                "proxies are not supported; remove it and give the program a direct way to the API server");
  if (fields.error()) return fail(*fields.error());

  auto url = net::parseBaseUrl(server);
  if (!url) return failWith(fields.file() + ": " + fields.pathOf("server"), url.error());
  out.server = std::move(*url);
  if (!out.verify) log::warn("the API server's certificate is not verified", {{"kubeconfig", fields.file()}});
  return {};
}

std::vector<std::string> readArgs(Fields& fields) {
  std::vector<std::string> out;
  const auto* args = fields.member("args");
  if (args == nullptr) return out;
  if (!args->is_array()) fields.problem("args", "expected a list of strings");
  for (const auto& arg : args->is_array() ? args->get_array() : json::array()) {
    if (!arg.is_string()) fields.problem("args", "expected a list of strings");
    out.emplace_back(arg.is_string() ? std::string(arg.get_string()) : std::string());
  }
  return out;
}

std::vector<std::string> readEnvironment(Fields& fields) {
  std::vector<std::string> out;
  const auto* env = fields.member("env");
  if (env == nullptr) return out;
  if (!env->is_array()) fields.problem("env", "expected a list of name and value");
  for (const auto& variable : env->is_array() ? env->get_array() : json::array()) {
    const std::string name = json::findString(variable, "name");
    if (name.empty()) fields.problem("env", "expected a list of name and value");
    out.push_back(name + "=" + json::findString(variable, "value"));
  }
  return out;
}

// A command with a slash is relative to the kubeconfig, one without is looked up in PATH.
std::string commandPath(Fields& fields) {
  std::string command = fields.text("command");
  return command.contains('/') ? fields.path("command") : command;
}

Result<ExecConfig> readExec(Fields fields) {
  ExecConfig out{.apiVersion = fields.text("apiVersion"),
                 .command = commandPath(fields),
                 .args = readArgs(fields),
                 .environment = readEnvironment(fields),
                 .installHint = fields.text("installHint"),
                 .provideClusterInfo = fields.flag("provideClusterInfo")};
  if (out.command.empty()) fields.problem("command", "missing");
  if (out.apiVersion != "client.authentication.k8s.io/v1" &&
      out.apiVersion != "client.authentication.k8s.io/v1beta1") {
    fields.problem("apiVersion", "expected client.authentication.k8s.io/v1 or v1beta1");
  }
  const std::string mode = fields.text("interactiveMode");
  if (mode == "Always")
    fields.problem("interactiveMode", "Always cannot be served: there is no terminal here");
  if (!mode.empty() && mode != "Always" && mode != "Never" && mode != "IfAvailable") {
    fields.problem("interactiveMode", "expected Never, IfAvailable or Always");
  }
  if (fields.error()) return fail(*fields.error());
  return out;
}

Result<void> readUser(Fields fields, ClientConfig& out) {
  out.certificate = source(fields, "client-certificate");
  out.key = source(fields, "client-key");
  if (out.certificate.empty() != out.key.empty()) {
    fields.problem(out.key.empty() ? "client-key" : "client-certificate",
                   "missing; certificate and key go together");
  }
  out.token.file = fields.path("tokenFile");
  if (out.token.file.empty()) out.token.data = fields.text("token");
  fields.refuse("username",
                "passwords are not supported; use a token, a client certificate or an exec credential");
  fields.refuse("password",
                "passwords are not supported; use a token, a client certificate or an exec credential");
  fields.refuse("auth-provider", "gone since Kubernetes 1.26; use an exec credential");
  for (const auto* name : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    fields.refuse(name, "impersonation is not supported; use the user's own credentials");
  }
  if (fields.error()) return fail(*fields.error());

  const auto* exec = fields.member("exec");
  if (exec == nullptr) return {};
  auto read = readExec(Fields(*exec, fields.file(), fields.pathOf("exec")));
  if (!read) return fail(read.error());
  out.exec = std::move(*read);
  return {};
}

Result<Kubeconfig::Entries> readEntries(const json::value& root, const std::string& file,
                                        const std::string& list, std::string_view member) {
  Kubeconfig::Entries out;
  const auto* entries = root.get_object().if_contains(list);
  if (entries == nullptr || entries->is_null()) return out;
  if (!entries->is_array()) return fail(Errc::InvalidInput, file + ": ." + list + ": expected a list");
  for (const auto& entry : entries->get_array()) {
    const std::string name = json::findString(entry, "name");
    const auto* body = json::find(entry, member);
    if (name.empty() || body == nullptr) {
      return fail(Errc::InvalidInput,
                  file + ": ." + list + ": expected entries of name and " + std::string(member));
    }
    out.try_emplace(name, Entry{*body, file});
  }
  return out;
}

Result<Fields> find(const Kubeconfig::Entries& entries, const std::string& name, std::string_view kind) {
  const auto found = entries.find(name);
  if (found != entries.end()) {
    return Fields(found->second.body, found->second.file,
                  std::string(kind) + "s[" + name + "]." + std::string(kind));
  }
  std::string known;
  for (const auto& [key, entry] : entries) known += (known.empty() ? "" : ", ") + key;
  return fail(Errc::InvalidInput, "kubeconfig: no " + std::string(kind) + " \"" + name +
                                      "\"; there is: " + (known.empty() ? "none" : known));
}

}  // namespace

Result<Kubeconfig> parseKubeconfig(std::string_view text, const std::string& file) {
  const auto yaml = json::parseYaml(text, file);
  if (!yaml) return fail(yaml.error());
  Kubeconfig out;
  if (yaml->root.is_null()) return out;  // kubectl takes an empty file as one without entries
  if (!yaml->root.is_object()) return fail(Errc::InvalidInput, file + ": not a kubeconfig");
  auto clusters = readEntries(yaml->root, file, "clusters", "cluster");
  auto users = readEntries(yaml->root, file, "users", "user");
  auto contexts = readEntries(yaml->root, file, "contexts", "context");
  for (const auto* read : {&clusters, &users, &contexts}) {
    if (!*read) return fail(read->error());
  }
  return Kubeconfig{std::move(*clusters), std::move(*users), std::move(*contexts),
                    json::findString(yaml->root, "current-context")};
}

void merge(Kubeconfig& into, Kubeconfig from) {
  into.clusters.merge(from.clusters);
  into.users.merge(from.users);
  into.contexts.merge(from.contexts);
  if (into.currentContext.empty()) into.currentContext = std::move(from.currentContext);
}

Result<ClientConfig> select(const Kubeconfig& config, std::string_view context) {
  const std::string name = context.empty() ? config.currentContext : std::string(context);
  if (name.empty())
    return fail(Errc::InvalidInput, "kubeconfig: no current-context is set; choose one with --context");
  auto fields = find(config.contexts, name, "context");
  if (!fields) return fail(fields.error());
  ClientConfig out;
  const std::string clusterName = fields->text("cluster");
  const std::string userName = fields->text("user");
  if (auto namespace_ = fields->text("namespace"); !namespace_.empty()) out.namespace_ = namespace_;
  if (fields->error()) return fail(*fields->error());

  auto cluster = find(config.clusters, clusterName, "cluster");
  if (!cluster) return fail(cluster.error());
  if (auto read = readCluster(std::move(*cluster), out); !read) return fail(read.error());
  if (userName.empty()) return out;
  auto user = find(config.users, userName, "user");
  if (!user) return fail(user.error());
  if (auto read = readUser(std::move(*user), out); !read) return fail(read.error());
  return out;
}

}  // namespace cloister::kube
