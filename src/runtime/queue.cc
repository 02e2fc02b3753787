#include "runtime/queue.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace cloister::runtime {

void Queue::addAt(const kube::ObjectKey& key, Instant at) {
  if (const auto held = working_.find(key); held != working_.end()) {
    held->second = std::min(held->second.value_or(at), at);
    return;
  }
  const auto failures = failures_.find(key);
  schedule(key, failures == failures_.end() ? at : std::max(at, failures->second.notBefore));
}

void Queue::addAll(Instant now) {
  std::vector<kube::ObjectKey> keys;
  keys.reserve(due_.size());
  for (const auto& [key, place] : due_) keys.push_back(key);
  for (const kube::ObjectKey& key : keys) addAt(key, now);
}

void Queue::schedule(const kube::ObjectKey& key, Instant at) {
  if (const auto waiting = due_.find(key); waiting != due_.end()) {
    if (waiting->second.at <= at) return;
    order_.erase(waiting->second);
  }
  const Order place{at, sequence_++};
  order_[place] = key;
  due_[key] = place;
}

std::optional<kube::ObjectKey> Queue::take(Instant now) {
  if (nextDue() > now) return std::nullopt;
  kube::ObjectKey key = std::move(order_.begin()->second);
  order_.erase(order_.begin());
  due_.erase(key);
  working_[key] = std::nullopt;
  return key;
}

void Queue::done(const kube::ObjectKey& key) {
  failures_.erase(key);
  if (const auto again = release(key)) schedule(key, *again);
}

void Queue::failed(const kube::ObjectKey& key, Instant now, Duration atLeast) {
  Failures& failures = failures_[key];
  failures.notBefore = now + atLeast;
  const Instant retry = now + backoffDelay(policy_, failures.count++, random_);
  const Instant again = std::min(release(key).value_or(retry), retry);
  schedule(key, std::max(again, failures.notBefore));
}

size_t Queue::ready(Instant now) const {
  return size_t(std::distance(order_.begin(), order_.upper_bound(Order{now, UINT64_MAX})));
}

// No longer worked on; returns when it was asked to come again meanwhile.
std::optional<Instant> Queue::release(const kube::ObjectKey& key) {
  const auto held = working_.find(key);
  assert(held != working_.end());
  const std::optional<Instant> again = held->second;
  working_.erase(held);
  return again;
}

}  // namespace cloister::runtime
