#include "api/golden.h"

namespace cloister::api {
namespace {

constexpr size_t longestHead = 36;
constexpr size_t hashLength = 8;

}  // namespace

std::string goldenName(std::string_view template_, std::string_view hash) {
  std::string head(template_.substr(0, longestHead));
  // A template's name may have dots, a Sandbox's not.
  std::ranges::replace(head, '.', '-');
  while (head.ends_with('-')) head.pop_back();
  return head + "-golden-" + std::string(hash);
}

const OwnerReference* goldenOwner(const ObjectMeta& meta) {
  const OwnerReference* owner = controllerOf(meta);
  if (owner == nullptr || !isTemplate(*owner) || labelOf(meta, managedByLabel) != managedBy) return nullptr;
  const size_t length = std::min(meta.name.size(), hashLength);
  const std::string hash = meta.name.substr(meta.name.size() - length);
  return meta.name == goldenName(owner->name, hash) ? owner : nullptr;
}

SandboxSpec builderSpec(const std::string& name) {
  SandboxSpec spec;
  spec.templateRef = LocalReference{name};
  return spec;
}

SandboxSnapshotSpec goldenSpec(const std::string& name) {
  return {.sandboxRef = {name}, .mode = {}, .deletionPolicy = {}, .ttl = {}};
}

bool isBuilder(const Sandbox& sandbox) {
  const OwnerReference* owner = goldenOwner(sandbox.metadata);
  return owner != nullptr && sandbox.unreadable.empty() && sandbox.spec == builderSpec(owner->name);
}

bool isGolden(const SandboxSnapshot& snapshot) {
  return goldenOwner(snapshot.metadata) != nullptr && snapshot.unreadable.empty() &&
         snapshot.spec == goldenSpec(snapshot.metadata.name);
}

}  // namespace cloister::api
