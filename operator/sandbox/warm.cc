#include "operator/sandbox/warm.h"

#include "operator/sandbox/reasons.h"
#include "operator/template/effective.h"
#include "operator/template/golden.h"

namespace cloister::sandbox {
namespace {

std::optional<Refusal> missing(const Observed& observed) {
  const api::SandboxSpec& spec = observed.sandbox->spec;
  if (spec.poolRef && observed.pool == nullptr) {
    return Refusal{reason::poolNotFound, "spec.poolRef: the namespace has no SandboxPool \"" +
                                             spec.poolRef->name +
                                             "\"; create it, or create the Sandbox without poolRef"};
  }
  const std::string& named = observed.pool ? observed.pool->spec.templateRef.name : spec.templateRef->name;
  if (spec.templateRef && spec.templateRef->name != named) {
    return Refusal{reason::templateMismatch,
                   "spec.templateRef: the pool's pods are made from the template \"" + named +
                       "\"; remove the field, or name another pool"};
  }
  if (observed.template_ == nullptr) {
    return Refusal{reason::templateNotFound,
                   (observed.pool ? "spec.poolRef: the pool's pods are made from" : "spec.templateRef:") +
                       (" the SandboxTemplate \"" + named +
                        "\", which the namespace does not have; create it, or name another one")};
  }
  if (!observed.template_->unreadable.empty()) {
    return Refusal{reason::unreadable, "This version cannot read the SandboxTemplate \"" + named +
                                           "\": " + observed.template_->unreadable + ". Correct it."};
  }
  return std::nullopt;
}

Completed completeFrom(const api::SandboxSpec& own, const api::SandboxTemplateSpec& from,
                       bool builder = false) {
  Completed whole{.spec = templates::effective(own, from), .refusal = {}};
  if (builder) whole.spec = templates::asBuilder(std::move(whole.spec));
  if (auto allowed = templates::checkOverrides(own, from); !allowed)
    whole.refusal = Refusal{reason::notOverridable, allowed.error().message};
  return whole;
}

// Whose pod it is does not matter.
std::string shapeFor(const api::SandboxSpec& spec, const Resolved& resolved, const Config& config) {
  return shapeOf(podFor({}, spec, resolved, config.requests, ""));
}

// With the present revision's pods first; older ones only where the pool may still give them away.
std::vector<const Offer*> inOrder(const Observed& observed) {
  const bool olderToo = observed.pool->spec.updateStrategy.type.value_or(api::PoolUpdate::RollingUpdate) ==
                        api::PoolUpdate::RollingUpdate;
  std::vector<const Offer*> offers;
  for (const Offer& offer : observed.offers) {
    const api::OwnerReference* owner = api::controllerOf(offer.pod->metadata);
    if (owner == nullptr || owner->uid != observed.pool->metadata.uid || offer.revision == nullptr) continue;
    if (offer.revision->metadata.name == observed.presentRevision)
      offers.insert(offers.begin(), &offer);
    else if (olderToo)
      offers.push_back(&offer);
  }
  return offers;
}

// What POD, which is held, was created with can restore what runsc VERSION has saved; so could any, as far as
// a cloister-node knows that does not tell.
bool hasRunsc(const api::Pod& pod, const std::string& version) {
  const std::string& own = api::findPodCondition(pod, api::heldCondition)->message;
  return own.empty() || own == version;
}

// The pod of OFFER waits where SNAPSHOT is kept, with the very image that was saved.
bool isHeldFor(const api::SandboxSnapshot& snapshot, const Offer& offer) {
  const api::SandboxSnapshotStatus& saved = snapshot.status;
  const api::ContainerStatus* container = sandboxContainer(*offer.pod);
  return api::isHeld(*offer.pod) && offer.pod->spec.nodeName == saved.nodeName && container != nullptr &&
         container->imageID == saved.imageID && hasRunsc(*offer.pod, saved.runtimeVersion);
}

// Where the Sandbox is to go on from its snapshot, the pod of OFFER, which has the image that it would get
// itself, can do so: the very one that was saved, under the name that it had.
bool fitsSnapshot(const Observed& observed, const Resolved& resolved, const Offer& offer) {
  if (!observed.sandbox->spec.restoreFrom) return true;
  return isHeldFor(*observed.snapshot, offer) && resolved.image == observed.snapshot->status.image;
}

// The network profile that the Sandbox has under the older revision of OFFER, if its pod would be the same.
std::optional<policy::NetworkProfile> profileIfFits(const Observed& observed, const Offer& offer,
                                                    const Config& config) {
  const Completed then = completeFrom(observed.sandbox->spec, offer.revision->data);
  const Resolved resolved = resolve(then.spec, config);
  if (then.refusal || resolved.refusal) return std::nullopt;
  if (shapeFor(then.spec, resolved, config) != offer.shape) return std::nullopt;
  return policy::networkProfile(then.spec.network, config.network);
}

// The members that the Sandbox sets itself and that are the pod's matter.
std::string shapingOverrides(const api::SandboxSpec& own) {
  std::string names;
  for (const std::string& name : templates::overrides(own)) {
    // What is to be saved at its end needs a node that can.
    const bool plain = name == "restartPolicy" || (name == "lifecycle" && !own.lifecycle.onExpiry);
    if (plain) continue;
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

// Of the pod that the Sandbox would get. Most set nothing that shapes it: theirs is known.
std::string ownShape(const Observed& observed, const api::SandboxSpec& spec, const Resolved& resolved,
                     const Config& config) {
  const bool plain =
      pinnedRevision(*observed.sandbox, nullptr).empty() && shapingOverrides(observed.sandbox->spec).empty();
  return plain && !observed.presentShape.empty() ? observed.presentShape : shapeFor(spec, resolved, config);
}

// plainShape() of the template, which is there.
std::string templateShape(const Observed& observed, const Config& config) {
  return observed.presentShape.empty() ? plainShape(*observed.template_, config) : observed.presentShape;
}

// The pods that the pool makes now have SHAPE.
bool fitsTemplate(const Observed& observed, const Config& config, const std::string& shape) {
  return observed.template_ != nullptr && shape == templateShape(observed, config);
}

void sayWhyNot(const Observed& observed, const Config& config, const std::string& shape, Start& start) {
  const std::string pool = "pool \"" + observed.pool->metadata.name + "\"";
  if (fitsTemplate(observed, config, shape)) {
    const auto& from = observed.sandbox->spec.restoreFrom;
    start.reason = reason::poolEmpty;
    start.message =
        "The " + pool + " has no ready pod" +
        (from ? " with the saved image and runsc on the node of the SandboxSnapshot \"" + from->name + "\"."
              : ".");
    return;
  }
  const std::string own = shapingOverrides(observed.sandbox->spec);
  start.reason = reason::poolMismatch;
  start.message = own.empty()
                      ? "The pods of the " + pool + " are made from another revision of the template."
                      : "The pods of the " + pool + " don't have what the Sandbox sets itself (" + own + ").";
}

}  // namespace

std::string pinnedRevision(const api::Sandbox& sandbox, const api::Pod* pod) {
  if (!sandbox.status.templateRevision.empty()) return sandbox.status.templateRevision;
  return pod != nullptr ? api::labelOf(pod->metadata, api::revisionLabel) : "";
}

Completed complete(const Observed& observed, const api::Pod* pod) {
  const api::Sandbox& sandbox = *observed.sandbox;
  const bool builder = api::isBuilder(sandbox);
  if (!pinnedRevision(sandbox, pod).empty()) {
    if (observed.pinned != nullptr) return completeFrom(sandbox.spec, observed.pinned->data, builder);
    return {.spec = sandbox.spec, .refusal = {}, .lost = true};
  }
  if (!sandbox.spec.templateRef && !sandbox.spec.poolRef) return {.spec = sandbox.spec, .refusal = {}};
  const bool over = hasEnded(sandbox.status) || (pod == nullptr && hasBegun(sandbox.status));
  if (over && sandbox.status.podUID.empty()) return {.spec = sandbox.spec, .refusal = {}, .lost = true};
  if (auto refusal = missing(observed)) return {.spec = sandbox.spec, .refusal = std::move(refusal)};
  return completeFrom(sandbox.spec, observed.template_->spec, builder);
}

std::string plainShape(const api::SandboxTemplate& from, const Config& config) {
  const api::SandboxSpec& spec = from.spec.sandbox;
  return shapeFor(spec, resolve(spec, config), config);
}

namespace {

// A pod of its could not begin from one.
bool hasFailedGolden(const api::Sandbox& sandbox) {
  return sandbox.status.golden && !sandbox.status.golden->failedPodUID.empty();
}

// The pod of OFFER is one that can begin from the golden snapshot.
bool fitsGolden(const Observed& observed, const Offer& offer) {
  return observed.golden != nullptr && isHeldFor(*observed.golden, offer) &&
         offer.revision->metadata.name == observed.presentRevision;
}

// That the golden snapshot of the template, whose pods have SHAPE, has now.
std::string goldenNameOf(const Observed& observed, const std::string& shape) {
  return templates::goldenName(*observed.template_, observed.presentRevision, shape);
}

// The golden snapshot of the template, if it was made of the very pod that START is to get.
const api::SandboxSnapshot* goldenFor(const Observed& observed, const api::SandboxSpec& spec,
                                      const Resolved& resolved, const Config& config, const Start& start) {
  const api::Sandbox& sandbox = *observed.sandbox;
  const bool unborn =
      start.way == Start::Way::Cold || (start.way == Start::Way::Adopt && fitsGolden(observed, *start.offer));
  if (!unborn || observed.golden == nullptr || spec.restoreFrom || api::isBuilder(sandbox)) return nullptr;
  if (hasFailedGolden(sandbox)) return nullptr;
  const std::string present = templateShape(observed, config);
  const bool same = ownShape(observed, spec, resolved, config) == present &&
                    (start.offer == nullptr || start.offer->shape == present);
  const bool isOfIt = same && observed.golden->metadata.name == goldenNameOf(observed, present);
  return isOfIt ? observed.golden.get() : nullptr;
}

// What can begin from the golden snapshot first.
std::vector<const Offer*> goldenFirst(const Observed& observed, const std::vector<const Offer*>& offers) {
  std::vector<const Offer*> order;
  for (const bool fits : {true, false}) {
    for (const Offer* offer : offers) {
      if (fitsGolden(observed, *offer) == fits) order.push_back(offer);
    }
  }
  return order;
}

Start choosePod(const Observed& observed, const api::SandboxSpec& spec, const Resolved& resolved,
                const Config& config) {
  Start start{.profile = policy::networkProfile(spec.network, config.network)};
  if (observed.pool == nullptr) return start;
  const std::string shape = ownShape(observed, spec, resolved, config);
  const bool pinned = !pinnedRevision(*observed.sandbox, nullptr).empty();
  for (const Offer* offer : goldenFirst(observed, inOrder(observed))) {
    if (!fitsSnapshot(observed, resolved, *offer)) continue;
    if (pinned || offer->revision->metadata.name == observed.presentRevision) {
      if (shape != offer->shape) continue;
    } else if (auto profile = profileIfFits(observed, *offer, config)) {
      start.profile = std::move(*profile);
    } else {
      continue;
    }
    start.way = Start::Way::Adopt;
    start.offer = offer;
    return start;
  }
  sayWhyNot(observed, config, shape, start);
  const auto whenEmpty = observed.pool->spec.whenEmpty.value_or(api::WhenEmpty::Cold);
  if (whenEmpty == api::WhenEmpty::Fail) start.way = Start::Way::Fail;
  // What the pool will never have is not waited for.
  if (whenEmpty == api::WhenEmpty::Wait && start.reason == reason::poolEmpty) start.way = Start::Way::Wait;
  return start;
}

}  // namespace

Start chooseStart(const Observed& observed, const api::SandboxSpec& spec, const Resolved& resolved,
                  const Config& config) {
  Start start = choosePod(observed, spec, resolved, config);
  start.golden = goldenFor(observed, spec, resolved, config, start);
  return start;
}

std::optional<api::GoldenStart> goldenToTell(const Observed& observed, const Start& start) {
  // That one has failed is told for good.
  if (hasFailedGolden(*observed.sandbox)) return observed.sandbox->status.golden;
  if (start.golden == nullptr) return std::nullopt;
  const api::ObjectMeta& meta = start.golden->metadata;
  return api::GoldenStart{.snapshotName = meta.name, .snapshotUID = meta.uid, .failedPodUID = {}};
}

}  // namespace cloister::sandbox
