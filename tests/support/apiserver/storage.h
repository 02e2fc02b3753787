// What etcd is to the API server: objects by key, one revision for every write, and their history.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "json/codec.h"
#include "kube/resource.h"

namespace cloister::test {

struct ObjectId {
  std::string plural;
  kube::ObjectKey key;
  auto operator<=>(const ObjectId&) const = default;
};
// "pods/team/hello"
std::string toString(const ObjectId& id);

// One version of an object, and its text, which is printed once.
struct Version {
  json::value json;
  std::string text;
};
using Object = std::shared_ptr<const Version>;

struct Change {
  uint64_t revision = 0;
  ObjectId id;
  Object before;  // null: it was created
  Object after;   // null: it was deleted
  Object last;    // what a watch tells: after, or before with the revision of the deletion
};

class Storage {
 public:
  uint64_t revision() const { return revision_; }
  // Null when there is none.
  Object get(const ObjectId& id) const;
  // By namespace and name. NAMESPACE empty: of all.
  std::vector<Object> list(const std::string& plural, const std::string& namespace_) const;
  // ... as it was at REVISION, which is not before oldest().
  std::vector<Object> listAt(const std::string& plural, const std::string& namespace_,
                             uint64_t revision) const;

  // Sets metadata.resourceVersion.
  Object put(const ObjectId& id, json::value object);
  void erase(const ObjectId& id);

  // The changes after REVISION, which is not before oldest().
  std::vector<const Change*> since(uint64_t revision) const;
  // The oldest revision whose later history is still known.
  uint64_t oldest() const { return revision_ - history_.size(); }
  void compact() { history_.clear(); }

  // Called after each change, in the order of registration.
  void onChange(std::function<void(const Change&)> observer) { observers_.push_back(std::move(observer)); }

 private:
  using Objects = std::map<ObjectId, Object>;
  static std::vector<Object> select(const Objects& objects, const std::string& plural,
                                    const std::string& namespace_);
  void record(Change change);

  uint64_t revision_ = 1;
  Objects objects_;
  std::deque<Change> history_;
  std::vector<std::function<void(const Change&)>> observers_;
};

}  // namespace cloister::test
