#include "operator/pool/plan.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "operator/pool/reasons.h"
#include "operator/quota/gate.h"

namespace cloister::pool {
namespace {

// A pod that does not start is given no more time than this before another is tried.
constexpr Duration longestPatience = std::chrono::hours(1);

// One round of one pool.
struct Round {
  const Observed& observed;
  const View& at;
  Time now;
  Plan out = {};
  int left = largestRound;

  void remove(const Member& member) {
    if (left == 0) return;
    --left;
    out.actions.emplace_back(DeletePod{member.pod});
  }
  bool rolls() const { return observed.pool->spec.updateStrategy.type != api::PoolUpdate::Recreate; }
};

// The numbers of slots that no pod has, the lowest first; at most a round of them.
class Slots {
 public:
  explicit Slots(const Observed& observed)
      : prefix_(slotPrefix(*observed.pool)),
        unanswered_(observed.unanswered),
        taken_(observed.idle.size() + observed.taken.size() + observed.foreign.size() + largestRound) {
    for (const auto& pod : observed.idle) take(pod->metadata.name);
    for (const auto& pod : observed.taken) take(pod->metadata.name);
    for (const std::string& name : observed.foreign) take(name);
  }

  // Pods that were promised, and are not there yet.
  std::vector<std::string> granted(const Observed& observed) {
    std::vector<std::string> names;
    for (const api::QuotaGrant& grant : observed.quota->status.grants) {
      if (grant.uid != observed.pool->metadata.uid || isTaken(grant.pod)) continue;
      take(grant.pod);
      if (!api::isWithdrawn(grant)) names.push_back(grant.pod);
    }
    return names;
  }

  // What was asked for in vain before comes first: should it be made late, it is this one pod all the same.
  std::string next() {
    for (const std::string& name : unanswered_) {
      if (isTaken(name)) continue;
      take(name);
      return name;
    }
    const auto free = std::ranges::find(taken_, false);
    *free = true;
    return prefix_ + std::to_string(free - taken_.begin());
  }

 private:
  std::optional<size_t> numberOf(std::string_view name) const {
    if (!name.starts_with(prefix_)) return std::nullopt;
    name.remove_prefix(prefix_.size());
    size_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool whole = error == std::errc() && end == name.data() + name.size();
    return whole && number < taken_.size() ? std::optional(number) : std::nullopt;
  }
  // Greater numbers do not matter: there are enough lower ones that are free.
  void take(std::string_view name) {
    if (const auto number = numberOf(name)) taken_[*number] = true;
  }
  bool isTaken(std::string_view name) const {
    const auto number = numberOf(name);
    return !number || taken_[*number];
  }

  std::string prefix_;
  const std::set<std::string>& unanswered_;
  std::vector<bool> taken_;
};

// What is worth least first: not ready, outdated, young.
auto worth(const Member& member) {
  return std::tuple(member.standing != Standing::Spent, member.standing == Standing::Ready, member.updated,
                    -member.pod->metadata.creationTimestamp.time_since_epoch());
}

void scaleDown(Round& round) {
  std::vector<Member> members = round.at.members;
  const int surplus = std::min(round.at.present() - round.at.target, largestRound);
  const auto last = members.begin() + surplus;
  std::ranges::partial_sort(members, last, {}, worth);
  for (auto member = members.begin(); member != last; ++member) round.remove(*member);
}

// Of the MISSING pods, those that can be made now: all, or those that the quota has granted, while the others
// are asked for.
std::vector<std::string> namesOf(Round& round, int missing) {
  const Observed& observed = round.observed;
  Slots slots(observed);
  const bool asks = observed.quota != nullptr && quota::countsForPool(*observed.quota);
  std::vector<std::string> names;
  if (asks) names = slots.granted(observed);
  names.resize(std::min(names.size(), size_t(missing)));
  std::vector<std::string> wanted = names;
  while (std::ssize(wanted) < missing) wanted.push_back(slots.next());
  if (!asks) return wanted;
  const api::ContainerLimits limits = limitsOf(*observed.design);
  for (std::string& name : wanted)
    round.out.wants.push_back({.pod = std::move(name), .need = {.pods = 1, .limits = limits}});
  return names;
}

void fill(Round& round) {
  const int missing = std::min(round.at.target - round.at.present(), round.left);
  if (missing <= 0) return;
  const std::vector<std::string> names = namesOf(round, missing);
  if (names.empty()) return;
  const Design& design = *round.observed.design;
  const std::string& namespace_ = round.observed.pool->metadata.namespace_;
  for (CreatePolicy& absent : policy::missing(namespace_, design.profile, round.observed.policies)) {
    round.out.actions.emplace_back(std::move(absent));
  }
  for (const std::string& name : names) {
    round.out.actions.emplace_back(CreatePod{name, podNamed(design, name)});
    --round.left;
  }
}

void replaceSpent(Round& round) {
  for (const Member& member : round.at.members) {
    const bool due = round.now - member.born >= shortestLife;
    if (member.standing == Standing::Spent && due) round.remove(member);
  }
}

// As many of the ready ones as may be missing; the others are of no use to anybody.
void replaceOutdated(Round& round) {
  const View& at = round.at;
  // Where the quota holds the pool back it goes on with the pods that it may have.
  const int wanted = round.observed.answer ? std::min(at.target, at.present()) : at.target;
  int spare = round.rolls() ? at.ready - (wanted - at.mostUnavailable) : at.ready;
  if (round.rolls() && at.failing) spare = 0;
  for (const Member& member : at.members) {
    if (member.updated || member.standing == Standing::Spent) continue;
    if (member.standing == Standing::Ready && spare-- <= 0) continue;
    round.remove(member);
  }
}

const api::Condition* isFalse(const Observed& observed, std::string_view type) {
  const api::Condition* found = api::findCondition(observed.pool->status.conditions, type);
  return found != nullptr && found->status == "False" ? found : nullptr;
}

// That pods do not become Ready in time has been told.
bool isToldOfDeadline(const Observed& observed) {
  const api::Condition* progressing = isFalse(observed, condition::progressing);
  return progressing != nullptr && progressing->reason == reason::progressDeadlineExceeded;
}

// Since when the pool has been in trouble: short of ready pods, or, in an update, without progress.
Time troubleSince(const Observed& observed, Time now) {
  const api::Condition* trouble = isFalse(observed, condition::ready);
  if (trouble == nullptr) trouble = isFalse(observed, condition::progressing);
  return trouble == nullptr ? now : trouble->lastTransitionTime.value_or(now);
}

// When another pod is tried in the place of MEMBER, which is stuck. While others become Ready the fault is
// its own; else it has as much time as the pool had been in trouble when it began to start, so that tries
// become rarer.
Time replacementOf(const Round& round, const Member& member) {
  if (round.at.newestIsReady) return member.since + round.at.deadline;
  const Duration trouble = member.since - troubleSince(round.observed, round.now);
  return member.since + std::clamp(trouble, round.at.deadline, std::max(round.at.deadline, longestPatience));
}

void replaceStuck(Round& round) {
  const View& at = round.at;
  const Member* oldest = nullptr;
  bool starting = at.present() < at.target;
  for (const Member& member : at.members) {
    if (!member.updated) continue;
    starting = starting || member.standing == Standing::Starting;
    if (member.standing != Standing::Stuck || replacementOf(round, member) > round.now) continue;
    if (at.newestIsReady) round.remove(member);
    if (oldest == nullptr || member.pod->metadata.creationTimestamp < oldest->pod->metadata.creationTimestamp)
      oldest = &member;
  }
  // One at a time: what comes in its place shows whether it is of any use. Not before it was told: a pod that
  // goes tells nothing any more.
  if (oldest != nullptr && !starting && !at.newestIsReady && isToldOfDeadline(round.observed))
    round.remove(*oldest);
}

// The next time at which the mere passing of time changes what is to be done or said.
std::optional<Time> nextLook(const Round& round) {
  std::optional<Time> next;
  const auto at = [&](Time time) {
    if (time > round.now) next = std::min(next.value_or(time), time);
  };
  for (const Member& member : round.at.members) {
    if (member.standing == Standing::Ready) continue;
    at(member.born + quietRefill);
    if (member.standing == Standing::Starting) at(member.since + round.at.deadline);
    if (member.standing == Standing::Spent) at(member.born + shortestLife);
    if (member.standing == Standing::Stuck) at(replacementOf(round, member));
  }
  for (const Time claim : round.observed.claims) at(claim + demandWindow);
  return next;
}

}  // namespace

Plan plan(const Observed& observed, const View& at, Time now) {
  // The pods of a pool that goes are the garbage collector's. Of one that cannot be read it is not known how
  // many it wants.
  if (observed.pool == nullptr || observed.pool->metadata.deletionTimestamp) return {};
  if (!observed.pool->unreadable.empty()) return {};
  Round round{.observed = observed, .at = at, .now = now};
  if (at.present() > at.target) {
    scaleDown(round);
  } else if (observed.design) {
    // Whoever takes a pod reads there what it was made from.
    if (!observed.revisionIsKept && at.target > 0)
      round.out.actions.emplace_back(KeepRevision{observed.template_});
    fill(round);
    replaceSpent(round);
    replaceOutdated(round);
    replaceStuck(round);
  }
  round.out.again = round.out.actions.empty() ? nextLook(round) : now + roundPeriod;
  return std::move(round.out);
}

}  // namespace cloister::pool
