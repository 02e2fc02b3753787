// What the operator knows of one kind: the objects that the watch brought, with indexes.
//
// Two sources feed a store: the watch, in the order of the server's history, and answers to our own writes,
// which may overtake it (learn). So a reconcile that runs right after a write sees what it wrote.
#pragma once

#include <cassert>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/meta.h"

namespace cloister::runtime {

// Kubernetes' resourceVersions are decimal and ordered within one resource (KEP-5504). 0 for anything else.
uint64_t versionNumber(std::string_view resourceVersion);

// T has a member `metadata` of type api::ObjectMeta.
template <class T>
class Store {
 public:
  using Pointer =
      std::shared_ptr<const T>;  // stays valid across a co_await, whatever the watch brings meanwhile
  using IndexFunction = std::function<std::vector<std::string>(const T&)>;
  // BEFORE is null for a new object, AFTER for one that is gone. Both are given, with different uids, when an
  // object and its successor of the same name were seen without the deletion between. Called after the store
  // has changed.
  using Observer = std::function<void(const Pointer& before, const Pointer& after)>;

  // Before the first object: objects are then found by each value that FUNCTION gives for them.
  void addIndex(std::string name, IndexFunction function);
  void onChange(Observer observer) { observers_.push_back(std::move(observer)); }

  Pointer get(const kube::ObjectKey& key) const;
  // By key. INDEX was added.
  std::vector<Pointer> byIndex(const std::string& index, const std::string& value) const;
  // byIndex() would find something.
  bool has(const std::string& index, const std::string& value) const {
    return indexes_.at(index).entries.contains(value);
  }
  std::vector<Pointer> all() const;
  std::vector<Pointer> inNamespace(const std::string& namespace_) const;
  // Up to which version the watch has told everything of NAMESPACE.
  uint64_t watchedUpTo(const std::string& namespace_) const;
  // The newest version of those objects and deletions that it told. Another process that watches is told of
  // each of them at once, but of a list's or bookmark's version only by a bookmark, up to a minute later.
  uint64_t newestTold(const std::string& namespace_) const;
  size_t size() const { return objects_.size(); }

  // The whole of NAMESPACE (empty: of every namespace) as listed at VERSION; what is not in OBJECTS is gone,
  // except what a write of ours made after VERSION. A store is fed either as a whole or namespace by
  // namespace.
  void replace(const std::string& namespace_, std::vector<T> objects, std::string_view version);
  // One event of the watch. What a write of ours has overtaken changes nothing.
  void put(T object);
  void erase(const T& last);  // reads only the metadata
  // ... whose object, at VERSION, the store has learned already.
  void told(const std::string& namespace_, uint64_t version);
  // The watch of NAMESPACE has told everything up to VERSION.
  void reached(const std::string& namespace_, std::string_view version);
  // The answer to a request of ours about one object. Ignored when the watch has already passed it: then the
  // store has what became of it, be it a newer version or nothing.
  void learn(T object);

 private:
  using Objects = std::map<kube::ObjectKey, Pointer>;
  using Entry = Objects::value_type;  // stays where it is while its object changes
  struct ByKey {
    bool operator()(const Entry* a, const Entry* b) const { return a->first < b->first; }
  };
  struct Index {
    IndexFunction function;
    std::unordered_map<std::string, std::set<const Entry*, ByKey>> entries;

    void add(const Entry& entry, std::vector<std::string> values);
    void remove(const Entry& entry, const std::vector<std::string>& values);
  };
  struct Change {
    Pointer before;
    Pointer after;
  };
  using Changes = std::vector<Change>;

  static uint64_t versionOf(const T& object) { return versionNumber(object.metadata.resourceVersion); }
  static bool isSame(const T& a, const T& b) {
    return a.metadata.uid == b.metadata.uid && a.metadata.resourceVersion == b.metadata.resourceVersion;
  }

  using Versions = std::map<std::string, uint64_t>;  // by the namespace that is watched ("" for all)

  static uint64_t versionAt(const Versions& versions, const std::string& namespace_);
  std::string watchOf(const std::string& namespace_) const;
  void set(const kube::ObjectKey& key, Pointer next, Changes& changes);
  void notify(const Changes& changes) const;

  Objects objects_;
  std::map<std::string, Index> indexes_;
  std::vector<Observer> observers_;
  // Up to which version the watch has told everything. Objects of ours with a greater one are learned, and
  // not yet confirmed by the watch.
  Versions watched_;
  Versions newest_;
};

template <class T>
void Store<T>::addIndex(std::string name, IndexFunction function) {
  assert(objects_.empty());
  indexes_[std::move(name)].function = std::move(function);
}

template <class T>
Store<T>::Pointer Store<T>::get(const kube::ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? nullptr : found->second;
}

template <class T>
std::vector<typename Store<T>::Pointer> Store<T>::byIndex(const std::string& index,
                                                          const std::string& value) const {
  const auto& entries = indexes_.at(index).entries;
  std::vector<Pointer> found;
  if (const auto entry = entries.find(value); entry != entries.end()) {
    for (const Entry* object : entry->second) found.push_back(object->second);
  }
  return found;
}

template <class T>
std::vector<typename Store<T>::Pointer> Store<T>::all() const {
  std::vector<Pointer> objects;
  objects.reserve(objects_.size());
  for (const auto& [key, object] : objects_) objects.push_back(object);
  return objects;
}

template <class T>
std::vector<typename Store<T>::Pointer> Store<T>::inNamespace(const std::string& namespace_) const {
  std::vector<Pointer> objects;
  for (auto at = objects_.lower_bound({namespace_, ""});
       at != objects_.end() && at->first.namespace_ == namespace_; ++at)
    objects.push_back(at->second);
  return objects;
}

template <class T>
uint64_t Store<T>::watchedUpTo(const std::string& namespace_) const {
  return versionAt(watched_, namespace_);
}

template <class T>
uint64_t Store<T>::newestTold(const std::string& namespace_) const {
  return versionAt(newest_, namespace_);
}

template <class T>
void Store<T>::replace(const std::string& namespace_, std::vector<T> objects, std::string_view version) {
  const uint64_t listed = versionNumber(version);
  // Lists are read from etcd itself. One from before what the watch has told means that etcd was restored
  // from a backup: then the list alone is the truth.
  const bool restored = listed < watchedUpTo(namespace_);
  uint64_t newest = restored ? 0 : newestTold(namespace_);
  const auto isAhead = [&](const T& object) { return !restored && versionOf(object) > listed; };
  std::map<kube::ObjectKey, Pointer> next;
  for (T& object : objects) {
    const kube::ObjectKey key = api::keyOf(object.metadata);
    newest = std::max(newest, versionOf(object));
    next[key] = std::make_shared<const T>(std::move(object));
  }
  for (const auto& [key, object] : objects_) {
    if (!namespace_.empty() && key.namespace_ != namespace_) continue;
    if (Pointer& after = next[key]; isAhead(*object)) after = object;
  }
  Changes changes;
  for (auto& [key, object] : next) set(key, std::move(object), changes);
  watched_[watchOf(namespace_)] = listed;
  newest_[watchOf(namespace_)] = newest;
  notify(changes);
}

template <class T>
void Store<T>::put(T object) {
  const kube::ObjectKey key = api::keyOf(object.metadata);
  const uint64_t version = versionOf(object);
  Changes changes;
  if (const Pointer known = get(key); !known || versionOf(*known) <= version) {
    set(key, std::make_shared<const T>(std::move(object)), changes);
  }
  told(key.namespace_, version);
  notify(changes);
}

template <class T>
void Store<T>::erase(const T& last) {
  const kube::ObjectKey key = api::keyOf(last.metadata);
  const uint64_t version = versionOf(last);
  Changes changes;
  // Nothing comes after the deletion of one uid. A successor of the same name may be known from our own
  // write.
  if (const Pointer known = get(key); known) {
    if (known->metadata.uid == last.metadata.uid || versionOf(*known) <= version) set(key, nullptr, changes);
  }
  told(key.namespace_, version);
  notify(changes);
}

template <class T>
void Store<T>::reached(const std::string& namespace_, std::string_view version) {
  uint64_t& seen = watched_[watchOf(namespace_)];
  seen = std::max(seen, versionNumber(version));
}

template <class T>
void Store<T>::learn(T object) {
  const kube::ObjectKey key = api::keyOf(object.metadata);
  if (versionOf(object) <= watchedUpTo(key.namespace_)) return;
  if (const Pointer known = get(key); known && versionOf(*known) >= versionOf(object)) return;
  Changes changes;
  set(key, std::make_shared<const T>(std::move(object)), changes);
  notify(changes);
}

template <class T>
uint64_t Store<T>::versionAt(const Versions& versions, const std::string& namespace_) {
  const auto everywhere = versions.find("");
  const auto found = everywhere != versions.end() ? everywhere : versions.find(namespace_);
  return found == versions.end() ? 0 : found->second;
}

// The namespace of the watch that tells of NAMESPACE.
template <class T>
std::string Store<T>::watchOf(const std::string& namespace_) const {
  return watched_.contains("") ? "" : namespace_;
}

template <class T>
void Store<T>::told(const std::string& namespace_, uint64_t version) {
  for (Versions* versions : {&watched_, &newest_}) {
    uint64_t& known = (*versions)[watchOf(namespace_)];
    known = std::max(known, version);
  }
}

// Puts NEXT, which may be null, in the place of what is there.
template <class T>
void Store<T>::set(const kube::ObjectKey& key, Pointer next, Changes& changes) {
  const auto found = objects_.find(key);
  const Pointer before = found == objects_.end() ? nullptr : found->second;
  if (before == next || (before && next && isSame(*before, *next))) return;
  const auto entry = before ? found : objects_.emplace(key, nullptr).first;
  for (auto& [name, index] : indexes_) {
    const auto old = before ? index.function(*before) : std::vector<std::string>();
    auto values = next ? index.function(*next) : std::vector<std::string>();
    if (values == old) continue;
    index.remove(*entry, old);
    index.add(*entry, std::move(values));
  }
  entry->second = next;
  if (!next) objects_.erase(entry);
  changes.push_back({before, std::move(next)});
}

template <class T>
void Store<T>::Index::add(const Entry& entry, std::vector<std::string> values) {
  for (std::string& value : values) entries[std::move(value)].insert(&entry);
}

template <class T>
void Store<T>::Index::remove(const Entry& entry, const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    const auto found = entries.find(value);
    if (found == entries.end()) continue;
    found->second.erase(&entry);
    if (found->second.empty()) entries.erase(found);
  }
}

template <class T>
void Store<T>::notify(const Changes& changes) const {
  for (const Change& change : changes) {
    for (const Observer& observer : observers_) observer(change.before, change.after);
  }
}

}  // namespace cloister::runtime
