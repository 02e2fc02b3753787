// A network that does what the test says: answers by rule or in order, refuses, loses answers, says nothing.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "net/http.h"

namespace cloister::test {

enum class Fault {
  Refused,     // not carried out, and the caller knows: Unavailable
  LostAnswer,  // carried out, but the answer is lost: Timeout at the deadline
  Silent,      // not carried out, and no answer: Timeout at the deadline
};

// A JSON answer.
net::Response answer(int status, std::string body = "{}");
// The target without its query.
std::string pathOf(const net::Request& request);

// What the server sends on one opened stream.
class StreamScript {
 public:
  explicit StreamScript(Clock& clock) : timer_(clock.timer()) {}
  void send(std::string bytes);
  void close();  // the client sees the end after all that was sent

 private:
  friend class ScriptedStream;
  std::deque<std::string> sent_;
  bool closed_ = false;
  std::unique_ptr<Timer> timer_;
};

class ScriptedTransport final : public net::Transport {
 public:
  using Responder = std::function<net::Response(const net::Request&)>;

  explicit ScriptedTransport(Clock& clock) : clock_(clock) {}

  // Requests with METHOD whose target begins with PREFIX are given to RESPOND. The rule added last is asked
  // first.
  void on(std::string method, std::string prefix, Responder respond);
  // Requests without a rule get these answers in order, and then 404.
  void then(net::Response response) { answers_.push_back(std::move(response)); }
  // Call number INDEX, counted from 0 over the transport's life, fails.
  void failCall(size_t index, Fault fault) { faults_[index] = fault; }
  // Every call fails from now on; none does, with nullopt.
  void failAll(std::optional<Fault> fault) { outage_ = fault; }

  const std::vector<net::Request>& requests() const { return requests_; }
  size_t count(std::string_view method, std::string_view prefix = "/") const;
  // The streams opened so far, in order.
  StreamScript& stream(size_t index) { return *streams_.at(index); }
  size_t streams() const { return streams_.size(); }

  Task<Result<net::Response>> exchange(net::Request request) override;
  // The body of a 2xx answer is the first thing sent on the stream.
  Task<Result<net::Opened>> open(net::Request request) override;

 private:
  struct Rule {
    std::string method;
    std::string prefix;
    Responder respond;
  };

  net::Response respond(const net::Request& request);

  Clock& clock_;
  std::vector<Rule> rules_;
  std::deque<net::Response> answers_;
  std::map<size_t, Fault> faults_;
  std::optional<Fault> outage_;
  std::vector<net::Request> requests_;
  std::vector<std::shared_ptr<StreamScript>> streams_;
};

}  // namespace cloister::test
