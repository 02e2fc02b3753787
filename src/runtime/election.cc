#include "runtime/election.h"

#include <algorithm>
#include <cassert>

namespace cloister::runtime {
namespace {

const json::object& specOf(const json::value& lease) {
  static const json::object none;
  const json::value* spec = json::find(lease, "spec");
  return spec != nullptr && spec->is_object() ? spec->get_object() : none;
}

std::string holderOf(const json::value& lease) {
  return json::findString(lease, "spec.holderIdentity");
}

std::optional<int64_t> number(const json::object& spec, std::string_view field) {
  const json::value* found = spec.if_contains(field);
  if (found == nullptr || !found->is_int64()) return std::nullopt;
  return found->get_int64();
}

json::value withSpec(json::value lease, json::object spec) {
  lease.as_object()["spec"] = std::move(spec);
  return lease;
}

}  // namespace

Election::Election(Options options) : options_(std::move(options)), random_(options_.seed) {
  assert(!options_.identity.empty());
  assert(options_.retryPeriod < options_.renewDeadline && options_.renewDeadline < options_.leaseDuration);
}

Election::Action Election::step(const Input& input, Instant now, Time wall) {
  return std::visit([&](const auto& happened) { return on(happened, now, wall); }, input);
}

Instant Election::leadingUntil() const {
  return renewedAt_ ? *renewedAt_ + options_.renewDeadline : Instant::min();
}

Election::Action Election::on(const Waited&, Instant now, Time wall) {
  if (!renewedAt_ || lease_.is_null()) return Read{};
  fresh_ = false;
  return claim(now, wall);
}

Election::Action Election::on(const Found& found, Instant now, Time wall) {
  observe(found.lease, now);
  fresh_ = true;
  if (!heldByAnother(now)) return claim(now, wall);
  renewedAt_.reset();
  mayHold_ = false;
  return retry(now);
}

Election::Action Election::on(const Absent&, Instant now, Time wall) {
  lease_ = nullptr;
  fresh_ = true;
  return claim(now, wall);
}

Election::Action Election::on(const Written& written, Instant now, Time) {
  observe(written.lease, now);
  renewedAt_ = writingSince_;
  return Wait{now + options_.retryPeriod};
}

Election::Action Election::on(const Failed& failed, Instant now, Time) {
  const bool outdated = failed.code == Errc::Conflict || failed.code == Errc::NotFound;
  if (outdated && !std::exchange(fresh_, true)) return Read{};
  return retry(now);
}

void Election::observe(const json::value& lease, Instant now) {
  if (lease_.is_null() || specOf(lease_) != specOf(lease)) seenAt_ = now;
  lease_ = lease.is_object() ? lease : json::object();
}

bool Election::heldByAnother(Instant now) const {
  const std::string holder = holderOf(lease_);
  if (holder.empty() || holder == options_.identity) return false;
  const auto written = number(specOf(lease_), "leaseDurationSeconds");
  // Bounded, so that no number in the Lease overflows.
  const Duration lasts = written ? seconds(std::clamp<int64_t>(*written, 0, 86'400)) : options_.leaseDuration;
  return now < seenAt_ + lasts;
}

Election::Action Election::claim(Instant now, Time wall) {
  writingSince_ = now;
  mayHold_ = true;
  json::object spec = claimedSpec(wall);
  if (lease_.is_null()) return Create{std::move(spec)};
  return Replace{withSpec(lease_, std::move(spec))};
}

json::object Election::claimedSpec(Time wall) const {
  json::object spec = specOf(lease_);
  const std::string now = formatMicroTime(wall);
  if (holderOf(lease_) != options_.identity) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = lease_.is_null() ? 0 : number(spec, "leaseTransitions").value_or(0) + 1;
  }
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] = std::chrono::ceil<seconds>(options_.leaseDuration).count();
  spec["renewTime"] = now;
  return spec;
}

// Who leads tries steadily; who waits adds up to 1.2 periods, so that many do not ask at the same time.
Election::Action Election::retry(Instant now) {
  if (leading(now)) return Wait{std::min(now + options_.retryPeriod, leadingUntil())};
  const double jitter = 1.2 * random_.fraction();
  return Wait{now + options_.retryPeriod + std::chrono::round<Duration>(options_.retryPeriod * jitter)};
}

std::optional<json::value> Election::giveBack(const json::value& lease, Time wall) {
  renewedAt_.reset();
  if (holderOf(lease) != options_.identity) return std::nullopt;
  json::object spec = specOf(lease);
  const std::string now = formatMicroTime(wall);
  spec["holderIdentity"] = "";
  spec["leaseDurationSeconds"] = 1;
  spec["acquireTime"] = now;
  spec["renewTime"] = now;
  return withSpec(lease, std::move(spec));
}

}  // namespace cloister::runtime
