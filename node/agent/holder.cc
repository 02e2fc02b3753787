#include "node/agent/holder.h"

#include "base/log.h"

namespace cloister::node {
namespace {

// How soon the API server is asked again about a pod that was taken, and not named by its Sandbox yet.
constexpr Duration firstPause = milliseconds(5);
constexpr Duration longestPause = milliseconds(500);
// Whoever asked may be gone by then; if not it asks again.
constexpr Duration longestWait = std::chrono::minutes(10);

kube::ObjectKey keyOf(const StartRequest& request) {
  return {request.podNamespace, request.podName};
}

bool isTaken(const api::Pod& pod) {
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  return owner == nullptr || owner->kind != "SandboxPool";
}

void note(const StartRequest& request, const std::string& what, const std::string& message) {
  log::info("held", {{"pod", toString(keyOf(request))}, {"what", what}, {"message", message}});
}

}  // namespace

// Known to the API server's watch since it began, and woken by it.
class Holder::Waiting {
 public:
  Waiting(Holder& holder, const kube::ObjectKey& key)
      : all_(holder.waiting_), timer_(holder.parts_.clock.timer()), mine_(all_.emplace(key, timer_.get())) {}
  ~Waiting() { all_.erase(mine_); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  Timer& timer() { return *timer_; }

 private:
  std::multimap<kube::ObjectKey, Timer*>& all_;
  std::unique_ptr<Timer> timer_;
  std::multimap<kube::ObjectKey, Timer*>::iterator mine_;
};

Task<StartAnswer> Holder::wait(StartRequest request) {
  Waiting waiting(*this, keyOf(request));
  Instant asked = parts_.clock.instant();
  const Instant last = asked + longestWait;
  Duration pause = firstPause;
  for (;;) {
    const Glance seen = co_await glance(request, asked);
    // Whoever asked ends with its pod; if not, it asks again.
    if (seen.gone || seen.answer.action != StartAction::Hold) co_return seen.answer;
    const Instant now = parts_.clock.instant();
    if (!seen.soon && now >= last) co_return seen.answer;
    co_await waiting.timer().waitUntil(seen.soon ? now + pause : last);
    if (!seen.soon) asked = parts_.clock.instant();
    pause = seen.soon ? std::min(2 * pause, longestPause) : firstPause;
  }
}

Task<Holder::Glance> Holder::glance(StartRequest request, Instant asked) {
  Glance out{.answer = {.action = StartAction::Hold, .image = {}, .message = {}}};
  const auto pod = parts_.pods.get(keyOf(request));
  const bool known = pod != nullptr && pod->metadata.uid == request.podUID;
  if (known && !isTaken(*pod)) {
    if (api::isHeld(*pod)) co_return out;
    // Never after the word that it has begun.
    auto told = co_await tell(request, true, pod->metadata.resourceVersion);
    if (!told) note(request, "not told", told.error().message);
    out.soon = !told;
    co_return out;
  }
  auto view = co_await parts_.look(request, asked);
  out.soon = !view || known;
  out.gone = view && (!view->pod || view->pod->metadata.uid != request.podUID);
  if (!view) note(request, "not known", view.error().message);
  if (!view || view->isComing) co_return out;
  out.answer = decideStart(request, *view);
  if (out.answer.action != StartAction::Hold) note(request, "begins", out.answer.message);
  co_return out;
}

Task<StartAnswer> Holder::begun(StartRequest request) {
  auto told = co_await tell(request, false, "");
  if (!told) co_return refuse("the pod's condition: " + told.error().message);
  note(request, "has begun", "");
  co_return StartAnswer{.action = StartAction::Start, .image = {}, .message = {}};
}

void Holder::podChanged(const kube::ObjectKey& key) {
  const auto [first, last] = waiting_.equal_range(key);
  for (auto one = first; one != last; ++one) one->second->wake();
}

Task<Result<void>> Holder::tell(StartRequest request, bool held, std::string version) {
  const auto runsc = co_await parts_.runsc.versionOf(request.bundle);
  if (!runsc && runsc.error().code != Errc::NotFound) co_return fail(runsc.error());
  const api::PodCondition condition{.type = std::string(api::heldCondition),
                                    .status = held ? "True" : "False",
                                    .reason = held ? "Waiting" : "Begun",
                                    .message = runsc.value_or("unknown"),
                                    .lastTransitionTime = std::chrono::floor<seconds>(parts_.clock.now())};
  json::object metadata{{"uid", request.podUID}};
  if (!version.empty()) metadata["resourceVersion"] = version;
  json::value body{{"metadata", std::move(metadata)},
                   {"status", {{"conditions", json::array{json::encode(condition)}}}}};
  auto answer = co_await parts_.client.patch(kube::pods, keyOf(request), std::move(body),
                                             {.type = kube::PatchType::Strategic, .subresource = "status"});
  if (!answer && answer.error().code != Errc::NotFound) co_return fail(answer.error());
  co_return Result<void>{};
}

}  // namespace cloister::node
