#include "tests/sim/network.h"

#include <algorithm>

namespace cloister::sim {

// One watch's stream.
struct Pipe {
  test::WatchStart start;
  std::shared_ptr<Line> line;
  std::deque<std::string> arrived = {};
  std::string last = {};     // for repetition
  bool closed = false;       // nothing more comes
  bool left = false;         // nobody reads any more
  Instant lastArrival = {};  // of what is under way: a stream keeps its order
  Timer* waiter = nullptr;
};

namespace {

// Wakes its timer's owner as long as it waits.
struct Waiting {
  Waiting(Timer*& where, Timer* timer) : slot(where) { slot = timer; }
  ~Waiting() { slot = nullptr; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  Timer*& slot;
};

bool isWrite(const net::Request& request) {
  return request.method != "GET";
}

// Without the query, which says nothing here.
std::string nameOf(const net::Request& request) {
  return request.method + " " + request.target.substr(0, request.target.find('?'));
}

// What a PATCH changes, as far as it says much in one line.
std::string bodyOf(const net::Request& request) {
  return request.method == "PATCH" ? " " + request.body.substr(0, 4000) : "";
}

bool isApplied(Fate fate) {
  return fate == Fate::Failed || fate == Fate::AnswerLost || fate == Fate::ResetAnswer;
}

// What the sender sees of a request that did not simply come through; nothing: it waits until its deadline.
std::optional<Result<net::Response>> answerOf(Fate fate) {
  switch (fate) {
    case Fate::Refused:
      return fail(Errc::Unavailable, "connection refused");
    case Fate::Throttled: {
      net::Response response = test::refusal(429, "TooManyRequests", "too many requests");
      response.headers.emplace_back("Retry-After", "1");
      return response;
    }
    case Fate::Unauthorized:
      return test::refusal(401, "Unauthorized", "Unauthorized");
    case Fate::Forbidden:
      return test::refusal(403, "Forbidden", "the operator cannot do this");
    case Fate::Misled:
      return test::refusal(504, "Timeout", "Too large resource version", "ResourceVersionTooLarge");
    case Fate::Broken:
    case Fate::Failed:
      return test::refusal(500, "InternalError", "etcdserver: request timed out");
    case Fate::Conflict:
      return test::refusal(409, "Conflict", "the object has been modified");
    case Fate::Reset:
    case Fate::ResetAnswer:
      return fail(Errc::Timeout, "connection reset");
    default:
      return std::nullopt;
  }
}

}  // namespace

class SimStream final : public net::BodyStream {
 public:
  SimStream(std::shared_ptr<Pipe> pipe, Clock& clock)
      : pipe_(std::move(pipe)), clock_(clock), timer_(clock.timer()) {}
  ~SimStream() override { pipe_->left = true; }

  Task<Result<std::string>> read(Duration idle) override {
    const Instant deadline = clock_.instant() + idle;
    Waiting waiting(pipe_->waiter, timer_.get());
    while (pipe_->arrived.empty()) {
      if (pipe_->closed) co_return fail(Errc::Unavailable, "the stream has ended");
      const bool late = co_await timer_->waitUntil(deadline);
      if (late) co_return fail(Errc::Timeout, "nothing came");
    }
    std::string bytes = std::move(pipe_->arrived.front());
    pipe_->arrived.pop_front();
    co_return bytes;
  }

 private:
  std::shared_ptr<Pipe> pipe_;
  Clock& clock_;
  std::unique_ptr<Timer> timer_;
};

class SimTransport final : public net::Transport {
 public:
  SimTransport(Network& network, std::shared_ptr<Line> line, Clock& clock)
      : network_(network), line_(std::move(line)), clock_(clock) {}

  Task<Result<net::Response>> exchange(net::Request request) override {
    auto call = std::make_shared<Network::Call>(Network::Call{.request = std::move(request)});
    co_return co_await finish(call);
  }

  Task<Result<net::Opened>> open(net::Request request) override {
    auto call = std::make_shared<Network::Call>(Network::Call{.request = std::move(request), .opens = true});
    Result<net::Response> head = co_await finish(call);
    if (!head) co_return fail(head.error());
    if (!call->pipe) co_return net::Opened{std::move(*head), nullptr};
    co_return net::Opened{std::move(*head), std::make_unique<SimStream>(call->pipe, clock_)};
  }

 private:
  Task<Result<net::Response>> finish(Network::CallPointer call) {
    const auto timer = clock_.timer();
    const Instant deadline = clock_.instant() + call->request.deadline;
    Waiting waiting(call->waiter, timer.get());
    network_.send(line_, call);
    while (!call->answer) {
      const bool late = co_await timer->waitUntil(deadline);
      if (late && !call->answer) co_return fail(Errc::Timeout, "no answer in time");
    }
    co_return std::move(*call->answer);
  }

  Network& network_;
  std::shared_ptr<Line> line_;
  Clock& clock_;
};

Network::Network(test::SimClock& clock, test::ApiServer& server, Trace& trace, uint64_t seed)
    : clock_(clock), server_(server), trace_(trace), dice_(seed, 1) {
  server_.storage().onChange([this](const test::Change& change) { changed(change); });
}

std::unique_ptr<net::Transport> Network::connect(std::shared_ptr<Line> line, Clock& clock) {
  return std::make_unique<SimTransport>(*this, std::move(line), clock);
}

bool Network::isLeaseRefused(const Line& line, const net::Request& request) const {
  return request.target.contains("/leases") && std::ranges::any_of(leaseless_, [&](const auto& entry) {
           return line.name.starts_with(entry.first) && clock_.instant() < entry.second;
         });
}

Fate Network::fateOf(const Call& call) {
  if (outage_) return call.request.target.size() % 2 == 0 ? Fate::Refused : Fate::Silent;
  if (call.opens && clock_.instant() < blindUntil_) return Fate::Refused;
  if (planned_.empty()) return Fate::Served;
  const Fate fate = planned_.front();
  planned_.pop_front();
  return fate;
}

void Network::noteFault(Duration lasting) {
  lastFault_ = std::max(lastFault_, clock_.instant() + lasting);
}

void Network::send(std::shared_ptr<Line> line, CallPointer call) {
  if (isLeaseRefused(*line, call->request)) {
    return clock_.at(clock_.instant() + latency(), [this, call] { answer(call, *answerOf(Fate::Refused)); });
  }
  const Fate fate = fateOf(*call);
  const Instant arrival = clock_.instant() + latency();
  if (fate == Fate::Served) {
    clock_.at(arrival, [this, line, call] { carryOut(line, call, Fate::Served); });
    return;
  }
  trace_.add("network",
             std::string(boost::describe::enum_to_string(fate, "?")) + ": " + nameOf(call->request));
  if (fate == Fate::Slow || fate == Fate::SlowAnswer) {
    call->delay =
        dice_.between(milliseconds(200), std::min<Duration>(seconds(8), call->request.deadline / 2));
    noteFault(call->delay);
    clock_.at(fate == Fate::Slow ? clock_.instant() + std::exchange(call->delay, {}) : arrival,
              [this, line, call] { carryOut(line, call, Fate::Served); });
    return;
  }
  noteFault(answerOf(fate) ? Duration{} : call->request.deadline);  // when the sender notices
  if (fate == Fate::Late) {
    const Duration delay = call->request.deadline + seconds(5);
    noteFault(delay);
    clock_.at(clock_.instant() + delay, [this, line, call] { carryOut(line, call, Fate::Late); });
  }
  if (isApplied(fate)) clock_.at(arrival, [this, line, call, fate] { carryOut(line, call, fate); });
  if (auto seen = answerOf(fate)) {
    clock_.at(arrival + latency(), [this, call, seen] { answer(call, *seen); });
  }
}

void Network::carryOut(const std::shared_ptr<Line>& line, const CallPointer& call, Fate fate) {
  if (call->opens) {
    if (fate == Fate::Served) openPipe(line, call);
    return;
  }
  const bool late = fate == Fate::Late;
  const bool writes = isWrite(call->request) && !late;
  if (writes && onWrite && !onWrite(*line, true)) return;
  const std::string actor = late ? line->name + std::string(lateSuffix) : line->name;
  net::Response response = server_.serve(call->request, actor);
  trace_.add(actor, nameOf(call->request) + " -> " + std::to_string(response.status) + bodyOf(call->request));
  if (onServed) onServed(*line, call->request, response.status, fate);
  if (writes && onWrite && !onWrite(*line, false)) return;
  if (fate != Fate::Served) return;
  clock_.at(clock_.instant() + latency() + call->delay,
            [this, call, response = std::move(response)]() mutable { answer(call, std::move(response)); });
}

void Network::answer(const CallPointer& call, Result<net::Response> answer) {
  if (call->waiter == nullptr) return;
  call->answer = std::move(answer);
  call->waiter->wake();
}

void Network::openPipe(const std::shared_ptr<Line>& line, const CallPointer& call) {
  auto admitted = server_.admitWatch(call->request);
  if (const auto* refused = std::get_if<net::Response>(&admitted)) {
    clock_.at(clock_.instant() + latency(), [this, call, refused = *refused] { answer(call, refused); });
    return;
  }
  auto pipe = std::make_shared<Pipe>(Pipe{.start = std::get<test::WatchStart>(admitted), .line = line});
  const Instant opened = clock_.instant() + latency();
  pipe->lastArrival = opened;
  clock_.at(opened, [this, call, pipe] {
    call->pipe = pipe;
    answer(call, net::Response{200, {}, {}});
  });
  if (pipe->start.revision < server_.storage().oldest()) {
    tell(pipe, test::expiredLine());
    close(pipe);
    return;
  }
  for (const test::Change* change : server_.storage().since(pipe->start.revision)) {
    if (auto text = test::eventLine(pipe->start, *change)) tell(pipe, std::move(*text));
  }
  pipes_.push_back(pipe);
  clock_.at(clock_.instant() + pipe->start.timeout, [this, pipe] { close(pipe); });
  bookmark(pipe);
}

void Network::bookmark(std::shared_ptr<Pipe> pipe) {
  clock_.at(clock_.instant() + seconds(60), [this, pipe] {
    if (pipe->closed || pipe->left) return;
    tell(pipe, test::bookmarkLine(pipe->start, server_.storage().revision()));
    bookmark(pipe);
  });
}

// What the server has sent arrives even if the stream ends afterwards.
void Network::tell(const std::shared_ptr<Pipe>& pipe, std::string line) {
  Duration lag = latency();
  for (const std::string& kind : {pipe->start.plural, std::string()}) {
    const auto found = lags_.find(kind);
    if (found == lags_.end()) continue;
    lag += found->second;
    noteFault(lag);
  }
  pipe->lastArrival = std::max(pipe->lastArrival, clock_.instant() + lag);
  clock_.at(pipe->lastArrival, [pipe, line = std::move(line)]() mutable {
    if (pipe->closed) return;
    pipe->last = line;
    pipe->arrived.push_back(std::move(line));
    if (pipe->waiter != nullptr) pipe->waiter->wake();
  });
}

void Network::close(const std::shared_ptr<Pipe>& pipe) {
  pipe->lastArrival = std::max(pipe->lastArrival, clock_.instant());
  clock_.at(pipe->lastArrival, [this, pipe] {
    pipe->closed = true;
    if (pipe->waiter != nullptr) pipe->waiter->wake();
    pipes_.remove(pipe);
  });
}

// Unlike the server's own end of a watch: what is under way is lost.
void Network::cut() {
  noteFault();
  for (const auto& pipe : std::exchange(pipes_, {})) {
    pipe->closed = true;
    if (pipe->waiter != nullptr) pipe->waiter->wake();
  }
}

void Network::blind(Duration span) {
  cut();
  blindUntil_ = clock_.instant() + span;
  noteFault(span);
}

void Network::outage(bool on) {
  noteFault();
  outage_ = on;
  if (on) cut();
}

void Network::noLag() {
  lags_.clear();
  noteFault();
}

void Network::repeat() {
  for (const auto& pipe : pipes_) {
    if (!pipe->last.empty()) tell(pipe, pipe->last);
  }
}

void Network::calm() {
  if (outage_ || !planned_.empty() || !lags_.empty()) noteFault();
  outage_ = false;
  blindUntil_ = Instant::min();
  leaseless_.clear();
  planned_.clear();
  lags_.clear();
}

void Network::changed(const test::Change& change) {
  pipes_.remove_if([](const auto& pipe) { return pipe->left; });
  for (const auto& pipe : pipes_) {
    if (auto text = test::eventLine(pipe->start, change)) tell(pipe, std::move(*text));
  }
}

}  // namespace cloister::sim
