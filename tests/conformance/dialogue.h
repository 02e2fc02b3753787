// The same requests to the real API server and to the simulated one (tests/support/apiserver), and what of
// the answers must be equal.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "json/codec.h"
#include "net/http.h"

namespace cloister::conformance {

class Dialogue {
 public:
  virtual ~Dialogue() = default;

  // Sends METHOD to PATH, in which "$NS" stands for a namespace of this dialogue's own, as in BODY, and notes
  // what came of it. A patch is a JSON patch when BODY is a list. The answer, whole.
  json::value send(const std::string& method, const std::string& path, const json::value& body = nullptr);
  // Notes what a watch of PATH from RESOURCE_VERSION brings: COUNT events.
  void watch(const std::string& path, const std::string& resourceVersion, int count);
  // Sends GET to PATH until it answers with STATUS: something on the way there takes time.
  void await(const std::string& path, int status);
  // ... until the object's FIELD reads TEXT.
  void await(const std::string& path, const std::string& field, const std::string& text);
  // Makes the server forget its history.
  virtual void forget() = 0;
  // TOKEN, which continues a list, as if it were of the server's first days.
  virtual std::string aged(const std::string& token) const = 0;
  // Notes TEXT, to tell where one is.
  void note(std::string text) { notes_.push_back(std::move(text)); }
  const std::vector<std::string>& notes() const { return notes_; }

 protected:
  virtual net::Response exchange(net::Request request) = 0;
  virtual std::vector<json::value> events(net::Request request, int count) = 0;
  virtual std::string homeNamespace() const = 0;
  // Lets some time pass; false when nothing takes time there.
  virtual bool pause() = 0;

 private:
  void awaitThat(const std::string& path, const std::function<bool(const net::Response&)>& reached);
  std::string localized(std::string text) const;
  net::Request request(const std::string& method, const std::string& path, const json::value& body) const;

  std::vector<std::string> notes_;
};

// With a namespace of its own, and the Sandbox kind.
std::unique_ptr<Dialogue> realDialogue();
std::unique_ptr<Dialogue> simulatedDialogue();

}  // namespace cloister::conformance
