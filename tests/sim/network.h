// Between the operator's processes and the API server: takes time, and does all that networks and busy
// servers do to a request. Every process has a Line; what was sent goes on its way even if the sender dies.
#pragma once

#include <list>
#include <optional>

#include "net/http.h"
#include "tests/sim/dice.h"
#include "tests/sim/trace.h"
#include "tests/support/apiserver/api_server.h"
#include "tests/support/sim_clock.h"

namespace cloister::sim {

// What becomes of one request.
BOOST_DEFINE_FIXED_ENUM_CLASS(Fate, int,
                              Served,        // as it should be
                              Slow,          // ... seconds later
                              SlowAnswer,    // carried out at once, answered seconds later
                              Refused,       // no connection
                              Throttled,     // 429
                              Unauthorized,  // 401: the token has just run out
                              Forbidden,     // 403: the right is taken away for a moment
                              Misled,        // 504: a server that is behind the version asked for
                              Broken,        // 500, not carried out
                              Failed,        // 500, yet carried out
                              Conflict,      // 409 for no reason of ours
                              Silent,        // neither carried out nor answered
                              AnswerLost,    // carried out, not answered
                              Reset,         // the connection breaks before it is carried out
                              ResetAnswer,   // ... after
                              Late)          // carried out long after the sender gave up

// What a process's name ends with while a request is carried out that it has long given up.
inline constexpr std::string_view lateSuffix = " (late)";

// One process's way to the API server.
struct Line {
  std::string name;
};

class Network {
 public:
  Network(test::SimClock& clock, test::ApiServer& server, Trace& trace, uint64_t seed);

  // The next COUNT requests meet FATE.
  void fail(Fate fate, int count) { planned_.insert(planned_.end(), size_t(count), fate); }
  // For the time being no request comes through, and every watch ends.
  void outage(bool on);
  // Ends every watch.
  void cut();
  // Ends every watch, and lets none begin for SPAN.
  void blind(Duration span);
  // For SPAN the requests for Leases of the processes whose names begin with PREFIX are refused. This is no
  // fault for calmSince(): nothing else meets it.
  void refuseLease(const std::string& prefix, Duration span) { leaseless_[prefix] = clock_.instant() + span; }
  // Events of kind PLURAL (empty: all) come LAG later than usual.
  void lag(const std::string& plural, Duration lag) { lags_[plural] = lag; }
  void noLag();
  // Every watch is told again what it was told last.
  void repeat();
  void calm();  // none of the above any more
  // No fault is in force or has met anything since BEGIN.
  bool calmSince(Instant begin) const {
    return !outage_ && planned_.empty() && lags_.empty() && lastFault_ < begin;
  }

  // Asked before and after each write is carried out; false when the sender has died of it, so that no answer
  // goes out, and before: nothing is carried out.
  std::function<bool(const Line& line, bool before)> onWrite;

  // Told after each request that was carried out. FATE: whether its sender hears of it, or has long given up
  // (Late).
  std::function<void(const Line& line, const net::Request& request, int status, Fate fate)> onServed;

  std::unique_ptr<net::Transport> connect(std::shared_ptr<Line> line, Clock& clock);

 private:
  friend class SimTransport;
  friend class SimStream;
  struct Call {
    net::Request request;
    bool opens = false;   // a watch
    Duration delay = {};  // of the answer
    std::optional<Result<net::Response>> answer = {};
    std::shared_ptr<struct Pipe> pipe = {};
    Timer* waiter = nullptr;
  };
  using CallPointer = std::shared_ptr<Call>;

  void send(std::shared_ptr<Line> line, CallPointer call);
  bool isLeaseRefused(const Line& line, const net::Request& request) const;
  Fate fateOf(const Call& call);
  void carryOut(const std::shared_ptr<Line>& line, const CallPointer& call, Fate fate);
  void openPipe(const std::shared_ptr<Line>& line, const CallPointer& call);
  void answer(const CallPointer& call, Result<net::Response> answer);
  void tell(const std::shared_ptr<struct Pipe>& pipe, std::string line);
  void close(const std::shared_ptr<struct Pipe>& pipe);
  void bookmark(std::shared_ptr<struct Pipe> pipe);
  void noteFault(Duration lasting = {});
  void changed(const test::Change& change);
  Duration latency() { return dice_.between(milliseconds(1), milliseconds(4)); }

  test::SimClock& clock_;
  test::ApiServer& server_;
  Trace& trace_;
  Dice dice_;
  bool outage_ = false;
  Instant blindUntil_ = Instant::min();
  std::map<std::string, Instant> leaseless_;  // until when, by the beginning of a process's name
  std::deque<Fate> planned_;
  std::map<std::string, Duration> lags_;
  Instant lastFault_ = Instant::min();  // its end, where it lasts
  std::list<std::shared_ptr<struct Pipe>> pipes_;
};

}  // namespace cloister::sim
