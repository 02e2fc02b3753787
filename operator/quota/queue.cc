#include "operator/quota/queue.h"

#include <algorithm>

#include "operator/quota/gate.h"

namespace cloister::quota {
namespace {

std::vector<const Asker*> oldestFirst(const std::vector<Asker>& askers) {
  std::vector<const Asker*> sorted;
  sorted.reserve(askers.size());
  for (const Asker& asker : askers) sorted.push_back(&asker);
  std::ranges::sort(sorted, {}, [](const Asker* asker) { return std::tie(asker->created, asker->uid); });
  return sorted;
}

// OWNER: the member that names it.
api::QuotaGrant granted(const Request& request, const std::string& uid, std::string api::QuotaGrant::* owner,
                        const std::string& name) {
  api::QuotaGrant grant;
  grant.pod = request.pod;
  grant.*owner = name;
  grant.uid = uid;
  grant.restart = request.restart;
  if (request.pod.empty()) return grant;
  grant.cpu = cores(request.need.limits.cpuMilli);
  grant.memory = bytes(request.need.limits.memoryBytes);
  grant.disk = bytes(request.need.limits.diskBytes);
  return grant;
}

class Queue {
 public:
  Queue(const Observed& observed, const Pods& pods, Amount used, Served begun, Time now)
      : observed_(observed),
        pods_(pods),
        spec_(observed.quota->spec),
        used_(used),
        out_(std::move(begun)),
        now_(now) {}

  Served serve() {
    for (const Asker* sandbox : oldestFirst(observed_.sandboxes)) serveSandbox(*sandbox);
    for (const Asker* pool : oldestFirst(observed_.pools)) servePool(*pool);
    return std::move(out_);
  }

 private:
  // Of this very start of the Sandbox.
  api::QuotaGrant* grantOf(const std::string& uid, const Request& request) {
    const auto found = std::ranges::find_if(out_.grants, [&](const api::QuotaGrant& grant) {
      return grant.uid == uid && grant.restart == request.restart;
    });
    return found == out_.grants.end() ? nullptr : &*found;
  }

  // Too small a quota is nobody else's trouble.
  std::optional<Answer> refused(const Request& request) const {
    if (!observed_.quota->unreadable.empty()) return Answer{};
    if (const auto limit = exceeded(spec_, {}, request.need)) return Answer{.limit = limit, .tooSmall = true};
    return std::nullopt;
  }

  // What is in the way of a Sandbox that has no grant yet. FRESH: it has none for this start either; a
  // restart is no creation.
  std::optional<Limit> inTheWay(const Request& request, const Amount& had, bool fresh) {
    if (everyone_) return everyone_;
    if (!request.pod.empty()) {
      if (!room_) {
        Amount others = used_;
        others -= had;
        room_ = exceeded(spec_, others, request.need);
      }
      if (room_) return room_;
    }
    if (!fresh) return std::nullopt;
    if (spec_.creationsPerMinute && !request.restart && creations(out_.recent) >= *spec_.creationsPerMinute)
      everyone_ = Limit::Creations;
    else if (spec_.sandboxHoursPerDay &&
             observed_.hours.spent >= std::chrono::hours(*spec_.sandboxHoursPerDay))
      everyone_ = Limit::Hours;
    return everyone_;
  }

  void wait(const Asker& asker, const Request& request, Answer answer) {
    if (!answer.tooSmall) answer.position = ++out_.queued;
    // It will need room: what pools make would take it away.
    if (!request.pod.empty() && !answer.tooSmall) poolsWait_ = true;
    out_.answers[asker.uid] = answer;
  }

  void serveSandbox(const Asker& sandbox) {
    if (!sandbox.wants) {
      // Whether it wants something will show at once; until then nobody passes it.
      out_.complete = false;
      return;
    }
    if (sandbox.wants->empty()) return;
    const Request& request = sandbox.wants->front();
    api::QuotaGrant* present = grantOf(sandbox.uid, request);
    // What it wants may rest on an older view than this one.
    if (pods_.has(sandbox.uid, request)) return;
    if (!countsForSandbox(*observed_.quota, request) || (present != nullptr && covers(*present, request)))
      return;
    if (const auto answer = refused(request)) return wait(sandbox, request, *answer);
    if (!out_.complete) return wait(sandbox, request, {});
    // It is promised something again once nothing can come of what was taken back.
    if (present != nullptr && api::isWithdrawn(*present))
      return wait(sandbox, request, {.limit = inTheWay(request, {}, false)});
    const Amount had = present == nullptr ? Amount() : amountOf(*present);
    if (const auto limit = inTheWay(request, had, present == nullptr))
      return wait(sandbox, request, {.limit = limit});
    if (present == nullptr && !request.restart && spec_.creationsPerMinute)
      addCreations(out_.recent, 1, now_);
    used_ -= had;
    add(request, granted(request, sandbox.uid, &api::QuotaGrant::sandbox, sandbox.name), present);
  }

  void servePool(const Asker& pool) {
    if (!pool.wants || !countsForPool(*observed_.quota)) return;
    for (const Request& request : *pool.wants) {
      if (isHeld(pool.uid, request) || pods_.named(request.pod)) continue;
      if (isTakenBack(request)) continue;
      if (const auto answer = refused(request)) {
        out_.answers[pool.uid] = *answer;
        return;
      }
      const auto limit = exceeded(spec_, used_, request.need);
      if (!out_.complete || poolsWait_ || limit) {
        out_.answers[pool.uid] = {.limit = poolsWait_ ? std::nullopt : limit};
        return;
      }
      add(request, granted(request, pool.uid, &api::QuotaGrant::pool, pool.name), nullptr);
    }
  }

  bool isHeld(const std::string& uid, const Request& request) const {
    return std::ranges::any_of(out_.grants, [&](const api::QuotaGrant& grant) {
      return grant.uid == uid && covers(grant, request);
    });
  }

  // The pool chooses another name for its pod once it knows.
  bool isTakenBack(const Request& request) const {
    const auto grant = std::ranges::find(out_.grants, request.pod, &api::QuotaGrant::pod);
    return grant != out_.grants.end() && api::isWithdrawn(*grant);
  }

  // In the place of BEFORE, if there is one.
  void add(const Request& request, api::QuotaGrant grant, api::QuotaGrant* before) {
    used_ += request.need;
    out_.changed = true;
    grant.since = std::to_string(observed_.seen.pods);
    if (before != nullptr)
      *before = std::move(grant);
    else
      out_.grants.push_back(std::move(grant));
  }

  const Observed& observed_;
  const Pods& pods_;
  const api::SandboxQuotaSpec& spec_;
  Amount used_;
  Served out_;
  Time now_;
  bool poolsWait_ = false;         // a Sandbox waits that needs room
  std::optional<Limit> room_;      // in the way of the first that needs room, and so of all behind it
  std::optional<Limit> everyone_;  // in the way of the first, whatever it needs
};

}  // namespace

Served serve(const Observed& observed, const Pods& pods, std::vector<api::QuotaGrant> held,
             const Amount& used, std::vector<api::QuotaStep> recent, Time now) {
  return Queue(observed, pods, used, {.grants = std::move(held), .recent = std::move(recent), .answers = {}},
               now)
      .serve();
}

}  // namespace cloister::quota
