// An API server that has one object at most, with resourceVersions and optimistic concurrency.
#pragma once

#include "json/codec.h"
#include "tests/support/scripted_transport.h"

namespace cloister::runtime::test {

class FakeLease {
 public:
  void serve(cloister::test::ScriptedTransport& transport) {
    const std::string path = "/apis/coordination.k8s.io/v1/";
    transport.on("GET", path,
                 [this](const auto&) { return object.is_null() ? status(404, "NotFound") : found(); });
    transport.on("POST", path, [this](const auto& request) {
      return object.is_null() ? store(request.body, 201) : status(409, "AlreadyExists");
    });
    transport.on("PUT", path, [this](const auto& request) {
      if (object.is_null()) return status(404, "NotFound");
      const auto wanted = json::findString(*json::parse(request.body), "metadata.resourceVersion");
      return wanted == std::to_string(version) ? store(request.body, 200) : status(409, "Conflict");
    });
  }
  std::string holder() const { return json::findString(object, "spec.holderIdentity"); }

  // A write by somebody that changes nothing but the version.
  void touch() { object.as_object()["metadata"].as_object()["resourceVersion"] = std::to_string(++version); }

  json::value object;
  int version = 0;

 private:
  net::Response found() const { return cloister::test::answer(200, json::print(object)); }
  net::Response store(const std::string& body, int code) {
    object = *json::parse(body);
    touch();
    return cloister::test::answer(code, json::print(object));
  }
  static net::Response status(int code, const std::string& reason) {
    return cloister::test::answer(
        code, json::print({{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", reason}}));
  }
};

}  // namespace cloister::runtime::test
