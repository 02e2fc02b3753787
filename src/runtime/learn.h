// What the API server answers goes into the stores, so that the next plan knows it before the watch brings
// it.
#pragma once

#include "kube/client.h"
#include "runtime/salvage.h"
#include "runtime/store.h"

namespace cloister::runtime {

// An answer that does not decode is no reason to fail: the watch brings the object as well.
template <class T>
void learn(Store<T>& store, const json::value& answer) {
  if (auto object = json::decode<T>(answer)) {
    store.learn(std::move(*object));
  } else if constexpr (CanBeUnreadable<T>) {
    const auto known = store.get(api::keyOf(identify<T>(answer).metadata));
    store.learn(salvage<T>(answer, known, object.error().message));
  }
}

// A write to the object KEY was refused since somebody has changed it: reads it, rather than being refused
// again and again for as long as the watch lags. Failing to is no failure of its own.
template <class T>
Task<void> catchUp(kube::Client& client, Store<T>& store, kube::Resource kind, kube::ObjectKey key) {
  auto present = co_await client.get(kind, key);
  if (present) learn(store, *present);
}

}  // namespace cloister::runtime
