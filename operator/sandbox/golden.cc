#include "operator/sandbox/golden.h"

#include "operator/sandbox/reasons.h"

namespace cloister::sandbox {
namespace {

bool isUnbegun(const Situation& at) {
  return at.pod != nullptr && !at.begun && !at.overdue && !at.pod->metadata.deletionTimestamp &&
         !hasEnded(at.sandbox.status);
}

}  // namespace

bool couldNotBegin(const Situation& at) {
  // Whatever another one, which leads as well, has made the status say since.
  const bool wasTo =
      isUnbegun(at) &&
      api::annotationOf(at.pod->metadata, api::restoreAnnotation).starts_with(api::goldenPrefix);
  if (!wasTo || isToldNotToBegin(at)) return false;
  const Diagnosis diagnosis = diagnosePod(*at.pod, {}, std::nullopt);
  // The very image that was saved, which the registry may not have any more, or never had.
  const bool lacksImage =
      diagnosis.reason == reason::imagePullFailed || diagnosis.reason == reason::imageMissing;
  // Not the node or somebody else has ended it.
  const bool ended = diagnosis.phase == api::Phase::Failed && diagnosis.exitCode;
  return lacksImage || ended;
}

bool isToldNotToBegin(const Situation& at) {
  const std::optional<api::GoldenStart>& golden = at.sandbox.status.golden;
  return isUnbegun(at) && golden && golden->failedPodUID == at.pod->metadata.uid;
}

}  // namespace cloister::sandbox
