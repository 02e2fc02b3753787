// Connections between two exchanges.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "base/time.h"

namespace cloister::net {

template <class T>
class IdlePool {
 public:
  IdlePool(size_t capacity, Duration lifetime) : capacity_(capacity), lifetime_(lifetime) {}

  // The oldest one goes when there are too many.
  void put(T item, Instant now) {
    dropOld(now);
    items_.push_back({std::move(item), now});
    if (items_.size() > capacity_) items_.pop_front();
  }
  // The youngest one, so that the surplus ages away.
  std::optional<T> take(Instant now) {
    dropOld(now);
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.back().item);
    items_.pop_back();
    return item;
  }
  void clear() { items_.clear(); }
  size_t size() const { return items_.size(); }

 private:
  struct Entry {
    T item;
    Instant since;
  };

  void dropOld(Instant now) {
    while (!items_.empty() && now - items_.front().since >= lifetime_) items_.pop_front();
  }

  size_t capacity_;
  Duration lifetime_;
  std::deque<Entry> items_;
};

}  // namespace cloister::net
