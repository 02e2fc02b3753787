// What can be read of an object that does not decode as a whole: a user's mistake where no schema is in
// force, or a version newer than ours.
#pragma once

#include <memory>
#include <string>

#include "api/meta.h"
#include "json/codec.h"

namespace cloister::runtime {

// A kind with a status, whose member `unreadable` (not part of its JSON) says why the rest is of an older
// version or empty. It is for kinds that must be told about it, and must end even then.
template <class T>
concept CanBeUnreadable = requires(T object) {
  object.unreadable = std::string();
  object.status;
};

// Only the metadata that names OBJECT: this cannot fail.
template <class T>
T identify(const json::value& object) {
  T identity{};
  identity.metadata.name = json::findString(object, "metadata.name");
  identity.metadata.namespace_ = json::findString(object, "metadata.namespace");
  identity.metadata.uid = json::findString(object, "metadata.uid");
  identity.metadata.resourceVersion = json::findString(object, "metadata.resourceVersion");
  return identity;
}

// Metadata and status of OBJECT as they are, and what its end shall be, each if it can be read; all else as
// it last could be, in KNOWN, which may be null, or as the status tells (takeTold(T&), where T has one).
// REASON says why it does not decode.
template <CanBeUnreadable T>
T salvage(const json::value& object, const std::shared_ptr<const T>& known, std::string reason) {
  T identity = identify<T>(object);
  T saved = known && known->metadata.uid == identity.metadata.uid ? *known : identity;
  const auto take = [&object]<class Part>(const char* name, Part& part) {
    const json::value* found = json::find(object, name);
    if (found == nullptr) return;
    if (Result<Part> read = json::decode<Part>(*found)) part = std::move(*read);
  };
  saved.metadata = std::move(identity.metadata);
  take("metadata", saved.metadata);
  take("status", saved.status);
  if constexpr (requires { saved.spec.lifecycle.onExpiry; })
    take("spec.lifecycle.onExpiry", saved.spec.lifecycle.onExpiry);
  if constexpr (requires { takeTold(saved); }) takeTold(saved);
  saved.unreadable = std::move(reason);
  return saved;
}

}  // namespace cloister::runtime
