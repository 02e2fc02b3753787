#include "operator/sandbox/confirm.h"

#include "runtime/learn.h"

namespace cloister::sandbox {
namespace {

kube::ObjectKey snapshotKey(const Observed& seen) {
  return {seen.sandbox->metadata.namespace_, api::suspendedAs(*seen.sandbox)};
}

// Looks for the snapshot that the Sandbox is kept in, which the store lacks.
Task<Result<void>> findSnapshot(Parts& parts, Observed& seen) {
  const kube::ObjectKey key = snapshotKey(seen);
  auto object = co_await parts.client.get(kube::sandboxSnapshots, key);
  if (!object && object.error().code == Errc::NotFound) co_return Result<void>{};
  if (!object) co_return fail(object.error());
  learn(parts.stores.snapshots, *object);
  seen.snapshot = parts.stores.snapshots.get(key);
  co_return Result<void>{};
}

// The pod last: what it says of its standing still holds from before the snapshot was begun.
Task<Result<void>> readLive(Parts& parts, Observed& seen) {
  auto snapshot = co_await parts.client.get(kube::sandboxSnapshots, snapshotKey(seen));
  if (!snapshot && snapshot.error().code == Errc::NotFound) co_return Result<void>{};
  if (!snapshot) co_return fail(snapshot.error());
  auto pod = co_await parts.client.get(kube::pods,
                                       {seen.sandbox->metadata.namespace_, seen.sandbox->status.podName});
  if (!pod && pod.error().code == Errc::NotFound) co_return Result<void>{};
  if (!pod) co_return fail(pod.error());
  auto readSnapshot = json::decode<api::SandboxSnapshot>(*snapshot);
  if (!readSnapshot) co_return fail(readSnapshot.error());
  auto readPod = json::decode<api::Pod>(*pod);
  if (!readPod) co_return fail(readPod.error());
  seen.live = LiveSave{.snapshot = std::move(*readSnapshot), .pod = std::move(*readPod)};
  co_return Result<void>{};
}

// A name is in the status before anything else has it, and never comes again: what was seen before this and
// is not named by it is given up for good.
Task<Result<void>> readName(Parts& parts, Observed& seen) {
  auto object = co_await parts.client.get(kube::sandboxes, api::keyOf(seen.sandbox->metadata));
  if (!object && object.error().code == Errc::NotFound) co_return Result<void>{};
  if (!object) co_return fail(object.error());
  if (json::findString(*object, "metadata.uid") != seen.sandbox->metadata.uid) co_return Result<void>{};
  seen.suspendedAs = json::findString(*object, "status.suspension.snapshotName");
  co_return Result<void>{};
}

}  // namespace

Task<Result<void>> confirmSuspension(Parts& parts, Questions ask, Observed& seen) {
  if (ask.snapshot) {
    auto done = co_await findSnapshot(parts, seen);
    if (!done) co_return fail(done.error());
  }
  if (ask.live) {
    auto done = co_await readLive(parts, seen);
    if (!done) co_return fail(done.error());
  }
  if (ask.abandoned) {
    auto done = co_await readName(parts, seen);
    if (!done) co_return fail(done.error());
  }
  co_return Result<void>{};
}

}  // namespace cloister::sandbox
