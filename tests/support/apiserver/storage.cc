#include "tests/support/apiserver/storage.h"

#include <cassert>
#include <ranges>

namespace cloister::test {
namespace {

// Long enough for every run; a bound all the same.
constexpr size_t longestHistory = 20'000;

Object version(json::value object, uint64_t revision) {
  object.at("metadata").as_object()["resourceVersion"] = std::to_string(revision);
  std::string text = json::print(object);
  return std::make_shared<const Version>(std::move(object), std::move(text));
}

}  // namespace

std::string toString(const ObjectId& id) {
  return id.plural + "/" + kube::toString(id.key);
}

Object Storage::get(const ObjectId& id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<Object> Storage::select(const Objects& objects, const std::string& plural,
                                    const std::string& namespace_) {
  std::vector<Object> found;
  for (auto at = objects.lower_bound({plural, {namespace_, ""}}); at != objects.end(); ++at) {
    const ObjectId& id = at->first;
    if (id.plural != plural || (!namespace_.empty() && id.key.namespace_ != namespace_)) break;
    found.push_back(at->second);
  }
  return found;
}

std::vector<Object> Storage::list(const std::string& plural, const std::string& namespace_) const {
  return select(objects_, plural, namespace_);
}

std::vector<Object> Storage::listAt(const std::string& plural, const std::string& namespace_,
                                    uint64_t revision) const {
  if (revision >= revision_) return list(plural, namespace_);
  Objects then = objects_;
  const auto later = since(revision);
  for (const Change* change : later | std::views::reverse) {
    if (change->before) {
      then[change->id] = change->before;
    } else {
      then.erase(change->id);
    }
  }
  return select(then, plural, namespace_);
}

Object Storage::put(const ObjectId& id, json::value object) {
  const Object next = version(std::move(object), revision_ + 1);
  Object& slot = objects_[id];
  record({.id = id, .before = std::exchange(slot, next), .after = next, .last = next});
  return next;
}

void Storage::erase(const ObjectId& id) {
  const auto found = objects_.find(id);
  assert(found != objects_.end());
  const Object before = found->second;
  objects_.erase(found);
  record({.id = id, .before = before, .after = nullptr, .last = version(before->json, revision_ + 1)});
}

std::vector<const Change*> Storage::since(uint64_t revision) const {
  assert(revision >= oldest());
  std::vector<const Change*> changes;
  const size_t from = revision >= revision_ ? history_.size() : history_.size() - (revision_ - revision);
  for (size_t i = from; i < history_.size(); ++i) changes.push_back(&history_[i]);
  return changes;
}

void Storage::record(Change change) {
  change.revision = ++revision_;
  history_.push_back(change);
  if (history_.size() > longestHistory) history_.pop_front();
  for (const auto& observer : observers_) observer(change);
}

}  // namespace cloister::test
