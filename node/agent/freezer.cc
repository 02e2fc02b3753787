#include "node/agent/freezer.h"

#include <boost/describe/enum_to_string.hpp>

#include "base/log.h"

namespace cloister::node {
namespace {

// What is being checkpointed is looked at again so often.
constexpr Duration savingPeriod = milliseconds(250);

}  // namespace

Task<Result<runtime::Outcome>> Freezer::reconcile(kube::ObjectKey key, uint64_t) {
  const auto pod = parts_.pods.get(key);
  if (pod == nullptr || !needsLook(*pod, unclear_.contains(pod->metadata.uid))) co_return runtime::Outcome{};
  auto all = co_await parts_.runsc.list();
  if (!all) co_return fail(all.error());
  auto sandbox = findSandbox(*all, pod->metadata.uid);
  if (sandbox && parts_.runsc.isSaving(sandbox->rootId))
    co_return runtime::Outcome{.again = parts_.clock.now() + savingPeriod};
  if (sandbox) {
    auto done = co_await settle(pod, std::move(*sandbox));
    if (!done) co_return fail(done.error());
  }
  unclear_.erase(pod->metadata.uid);
  co_return runtime::Outcome{};
}

// The wish may be taken back before the answer is there: until then it is not known what holds.
Task<Result<void>> Freezer::settle(std::shared_ptr<const api::Pod> pod, RunningSandbox sandbox) {
  const FreezeStep step = nextStep(*pod, sandbox);
  doubt(*pod);
  std::optional<Error> failure;
  if (step != FreezeStep::None) {
    auto done = co_await carryOut(step, std::move(sandbox));
    if (!done) failure = done.error();
    log::info("freezing", {{"pod", toString(api::keyOf(pod->metadata))},
                           {"step", boost::describe::enum_to_string(step, "")},
                           {"failure", failure ? failure->message : ""}});
  }
  if (auto next = nextAnswer(*pod, failure, parts_.clock.now())) {
    auto written = co_await answer(pod, std::move(*next));
    if (!written) co_return fail(written.error());
  }
  if (failure) co_return fail(*failure);
  co_return Result<void>{};
}

Task<Result<void>> Freezer::carryOut(FreezeStep step, RunningSandbox sandbox) {
  if (step == FreezeStep::Pause) co_return co_await parts_.runsc.pause(sandbox.rootId);
  if (step == FreezeStep::End) {
    for (const std::string& id : sandbox.containers) {
      auto done = co_await parts_.runsc.kill(id);
      if (!done) co_return fail(done.error());
    }
  }
  co_return co_await parts_.runsc.resume(sandbox.rootId);
}

Task<Result<void>> Freezer::answer(std::shared_ptr<const api::Pod> pod, api::PodCondition condition) {
  json::value body{{"metadata", {{"uid", pod->metadata.uid}}},
                   {"status", {{"conditions", json::array{json::encode(condition)}}}}};
  auto answer = co_await parts_.client.patch(kube::pods, api::keyOf(pod->metadata), std::move(body),
                                             {.type = kube::PatchType::Strategic, .subresource = "status"});
  if (!answer && answer.error().code == Errc::NotFound) co_return Result<void>{};
  if (!answer) co_return failWith("writing the pod's condition", answer.error());
  co_return Result<void>{};
}

}  // namespace cloister::node
