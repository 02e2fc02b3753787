#include "runtime/leader_election.h"

#include <algorithm>

#include "base/log.h"
#include "base/within.h"

namespace cloister::runtime {

LeaderElection::LeaderElection(Options options, kube::Client& client, Clock& clock)
    : options_(std::move(options)),
      key_{options_.namespace_, options_.name},
      client_(client),
      clock_(clock),
      election_({options_.identity, options_.leaseDuration, options_.renewDeadline, options_.retryPeriod,
                 options_.seed}) {}

Task<void> LeaderElection::run() {
  Election::Input input = Election::Waited{};
  for (;;) {
    Election::Action action = election_.step(input, clock_.instant(), clock_.now());
    announce();
    input = co_await carryOut(std::move(action));
  }
}

Task<Election::Input> LeaderElection::carryOut(Election::Action action) {
  if (const auto* wait = std::get_if<Election::Wait>(&action)) {
    co_await clock_.sleep(wait->until - clock_.instant());
    co_return Election::Waited{};
  }
  if (std::holds_alternative<Election::Read>(action)) co_return co_await read();
  if (auto* replace = std::get_if<Election::Replace>(&action)) {
    co_return co_await write(client_.replace(kube::leases, key_, std::move(replace->lease)));
  }
  json::object lease{{"apiVersion", kube::apiVersion(kube::leases)},
                     {"kind", kube::leases.kind},
                     {"metadata", {{"name", key_.name}, {"namespace", key_.namespace_}}},
                     {"spec", std::move(std::get<Election::Create>(action).spec)}};
  co_return co_await write(client_.create(kube::leases, key_.namespace_, std::move(lease)));
}

Task<Election::Input> LeaderElection::read() {
  const Result<json::value> lease = co_await inTime(client_.get(kube::leases, key_));
  if (lease) co_return Election::Found{*lease};
  if (lease.error().code == Errc::NotFound) co_return Election::Absent{};
  co_return failed(lease.error());
}

Task<Election::Input> LeaderElection::write(Task<Result<json::value>> request) {
  const Result<json::value> lease = co_await inTime(std::move(request));
  if (lease) co_return Election::Written{*lease};
  co_return failed(lease.error());
}

// A call that hangs must leave time for another within the renew deadline, and not hide that this has passed.
Task<Result<json::value>> LeaderElection::inTime(Task<Result<json::value>> request) {
  const Instant now = clock_.instant();
  Duration limit = options_.renewDeadline / 2;
  if (election_.leading(now)) limit = std::min(limit, election_.leadingUntil() - now);
  std::optional<Result<json::value>> answer = co_await within(clock_, limit, std::move(request));
  if (!answer) co_return fail(Errc::Timeout, "no answer within " + formatDuration(limit));
  co_return std::move(*answer);
}

Election::Failed LeaderElection::failed(const Error& error) const {
  if (error.code != Errc::Conflict) {
    log::warn("leader election: a call failed",
              {{"lease", toString(key_)}, {"error", name(error.code)}, {"message", error.message}});
  }
  return {error.code};
}

void LeaderElection::announce() {
  if (std::exchange(announced_, leading()) == leading()) return;
  log::info(announced_ ? "leading" : "no longer leading",
            {{"lease", toString(key_)}, {"identity", options_.identity}});
  if (observer_) observer_(announced_);
}

Task<void> LeaderElection::release() {
  // A renewal that was cancelled may still be carried out and make the first try a conflict.
  constexpr int tries = 3;
  for (int i = 0; i < tries && election_.mayHold(); ++i) {
    const Result<void> done = co_await tryRelease();
    announce();
    if (done) co_return;
    if (done.error().code == Errc::Conflict) continue;
    log::warn("leader election: the lease was not given back",
              {{"lease", toString(key_)}, {"message", done.error().message}});
    co_return;
  }
}

Task<Result<void>> LeaderElection::tryRelease() {
  const Result<json::value> lease = co_await inTime(client_.get(kube::leases, key_));
  if (!lease) co_return fail(lease.error());
  std::optional<json::value> freed = election_.giveBack(*lease, clock_.now());
  if (!freed) co_return Result<void>();
  const Result<json::value> done = co_await inTime(client_.replace(kube::leases, key_, std::move(*freed)));
  if (!done) co_return fail(done.error());
  co_return Result<void>();
}

}  // namespace cloister::runtime
