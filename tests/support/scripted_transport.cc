#include "tests/support/scripted_transport.h"

#include <algorithm>
#include <ranges>

namespace cloister::test {

net::Response answer(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

std::string pathOf(const net::Request& request) {
  return request.target.substr(0, request.target.find('?'));
}

void StreamScript::send(std::string bytes) {
  sent_.push_back(std::move(bytes));
  timer_->wake();
}

void StreamScript::close() {
  closed_ = true;
  timer_->wake();
}

class ScriptedStream final : public net::BodyStream {
 public:
  ScriptedStream(Clock& clock, std::shared_ptr<StreamScript> script)
      : clock_(clock), script_(std::move(script)) {}

  Task<Result<std::string>> read(Duration idle) override {
    const Instant deadline = clock_.instant() + idle;
    while (script_->sent_.empty()) {
      if (script_->closed_) co_return fail(Errc::Unavailable, "the stream has ended");
      const bool late = co_await script_->timer_->waitUntil(deadline);
      if (late) co_return fail(Errc::Timeout, "nothing came");
    }
    std::string bytes = std::move(script_->sent_.front());
    script_->sent_.pop_front();
    co_return bytes;
  }

 private:
  Clock& clock_;
  std::shared_ptr<StreamScript> script_;
};

void ScriptedTransport::on(std::string method, std::string prefix, Responder respond) {
  rules_.push_back({std::move(method), std::move(prefix), std::move(respond)});
}

size_t ScriptedTransport::count(std::string_view method, std::string_view prefix) const {
  return size_t(std::ranges::count_if(requests_, [&](const net::Request& request) {
    return request.method == method && request.target.starts_with(prefix);
  }));
}

net::Response ScriptedTransport::respond(const net::Request& request) {
  for (const Rule& rule : rules_ | std::views::reverse) {
    if (request.method == rule.method && request.target.starts_with(rule.prefix))
      return rule.respond(request);
  }
  if (answers_.empty()) return answer(404, R"({"kind":"Status","code":404,"reason":"NotFound"})");
  net::Response next = std::move(answers_.front());
  answers_.pop_front();
  return next;
}

Task<Result<net::Response>> ScriptedTransport::exchange(net::Request request) {
  const auto planned = faults_.find(requests_.size());
  const std::optional<Fault> fault = planned != faults_.end() ? planned->second : outage_;
  requests_.push_back(request);
  if (fault == Fault::Refused) co_return fail(Errc::Unavailable, "connection refused");
  std::optional<net::Response> response;
  if (fault != Fault::Silent) response = respond(request);
  if (!fault) co_return std::move(*response);
  co_await clock_.sleep(request.deadline);
  co_return fail(Errc::Timeout, "no answer in time");
}

Task<Result<net::Opened>> ScriptedTransport::open(net::Request request) {
  Result<net::Response> head = co_await exchange(std::move(request));
  if (!head) co_return fail(head.error());
  if (head->status / 100 != 2) co_return net::Opened{std::move(*head), nullptr};
  auto script = streams_.emplace_back(std::make_shared<StreamScript>(clock_));
  if (!head->body.empty()) script->send(std::exchange(head->body, {}));
  co_return net::Opened{std::move(*head), std::make_unique<ScriptedStream>(clock_, script)};
}

}  // namespace cloister::test
