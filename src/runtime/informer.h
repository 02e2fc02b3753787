// Feeds a Store with what a watcher brings, decoded. Several informers, one per namespace, may feed one
// store.
//
// An object that does not decode is told once in the log. If its type can say so (CanBeUnreadable), the store
// gets what can be read of it. Otherwise it changes nothing in the store: an older version that did decode
// stays, so that the object is never taken for deleted.
#pragma once

#include <map>

#include "base/log.h"
#include "kube/watcher.h"
#include "runtime/salvage.h"
#include "runtime/store.h"

namespace cloister::runtime {

template <class T>
class Informer final : public kube::Sink {
 public:
  // Feeds STORE with TARGET's objects; TARGET.namespace_ is empty for all.
  Informer(Store<T>& store, kube::WatchTarget target) : store_(store), target_(std::move(target)) {}

  const kube::WatchTarget& target() const { return target_; }
  // True once the store has been filled.
  bool synced() const { return synced_; }
  // True while the store is filled and follows the server. What a store says that is not current must not be
  // acted on.
  bool current() const { return synced_ && current_; }
  // Called after synced() or current() has changed.
  void onState(std::function<void()> observer) { observer_ = std::move(observer); }
  // Objects of the server that the store lacks or has in an older version, because they do not decode.
  size_t unreadable() const { return unreadable_.size(); }

  void beginList() override;
  void page(json::array items) override;
  void endList(std::string_view resourceVersion) override;
  void put(json::value object) override;
  void erase(json::value last) override;
  void reached(std::string_view resourceVersion) override {
    store_.reached(target_.namespace_, resourceVersion);
  }
  void current(bool current) override;

 private:
  struct Unreadable {
    std::string uid;
    std::string reason;
  };
  using UnreadableByKey = std::map<kube::ObjectKey, Unreadable>;

  bool isKnown(const T& identity) const;
  std::optional<T> decode(const json::value& object, UnreadableByKey& unreadable);
  void note(const T& identity, std::string reason, UnreadableByKey& unreadable) const;
  void changed() const {
    if (observer_) observer_();
  }

  Store<T>& store_;
  kube::WatchTarget target_;
  std::function<void()> observer_;
  bool synced_ = false;
  bool current_ = false;
  UnreadableByKey unreadable_;
  // The list that is under way.
  std::vector<T> listed_;
  UnreadableByKey listedUnreadable_;
};

template <class T>
void Informer<T>::beginList() {
  listed_.clear();
  listedUnreadable_.clear();
}

template <class T>
void Informer<T>::page(json::array items) {
  for (const json::value& item : items) {
    if (auto object = decode(item, listedUnreadable_)) listed_.push_back(std::move(*object));
  }
}

template <class T>
void Informer<T>::endList(std::string_view resourceVersion) {
  for (const auto& [key, unreadable] : listedUnreadable_) {
    if (CanBeUnreadable<T>) break;  // they are listed
    if (const auto known = store_.get(key); known && known->metadata.uid == unreadable.uid)
      listed_.push_back(*known);
  }
  unreadable_ = std::exchange(listedUnreadable_, {});
  store_.replace(target_.namespace_, std::exchange(listed_, {}), resourceVersion);
  if (!std::exchange(synced_, true)) changed();
}

template <class T>
void Informer<T>::put(json::value object) {
  const T identity = identify<T>(object);
  const kube::ObjectKey key = api::keyOf(identity.metadata);
  if (isKnown(identity)) {
    unreadable_.erase(key);
    return store_.told(key.namespace_, versionNumber(identity.metadata.resourceVersion));
  }
  if (std::optional<T> decoded = decode(object, unreadable_)) {
    store_.put(std::move(*decoded));
  } else if (const auto known = store_.get(key); known && known->metadata.uid != identity.metadata.uid) {
    store_.erase(*known);  // an unreadable successor has its name
  }
}

// Every second event is of a write of our own, whose answer the store has learned: that one need not be
// decoded again.
template <class T>
bool Informer<T>::isKnown(const T& identity) const {
  const auto known = store_.get(api::keyOf(identity.metadata));
  if (known == nullptr || known->metadata.uid != identity.metadata.uid) return false;
  if constexpr (CanBeUnreadable<T>) {
    if (!known->unreadable.empty()) return false;  // that is still to be told
  }
  return known->metadata.resourceVersion == identity.metadata.resourceVersion;
}

template <class T>
void Informer<T>::erase(json::value last) {
  const T gone = identify<T>(last);
  unreadable_.erase(api::keyOf(gone.metadata));
  store_.erase(gone);
}

template <class T>
void Informer<T>::current(bool current) {
  if (std::exchange(current_, current) != current) changed();
}

template <class T>
std::optional<T> Informer<T>::decode(const json::value& object, UnreadableByKey& unreadable) {
  Result<T> decoded = json::decode<T>(object);
  if (decoded) {
    unreadable.erase(api::keyOf(decoded->metadata));
    return std::move(*decoded);
  }
  const T identity = identify<T>(object);
  note(identity, decoded.error().message, unreadable);
  if constexpr (CanBeUnreadable<T>)
    return salvage(object, store_.get(api::keyOf(identity.metadata)), decoded.error().message);
  else
    return std::nullopt;
}

template <class T>
void Informer<T>::note(const T& identity, std::string reason, UnreadableByKey& unreadable) const {
  const kube::ObjectKey key = api::keyOf(identity.metadata);
  if (const auto told = unreadable_.find(key); told == unreadable_.end() || told->second.reason != reason) {
    log::warn("object cannot be read",
              {{"kind", target_.resource.kind}, {"key", toString(key)}, {"reason", reason}});
  }
  unreadable[key] = {identity.metadata.uid, std::move(reason)};
}

}  // namespace cloister::runtime
