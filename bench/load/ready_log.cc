#include "bench/load/ready_log.h"

namespace cloister::bench {

bool isReady(const json::value& object) {
  const json::value* conditions = json::find(object, "status.conditions");
  if (conditions == nullptr || !conditions->is_array()) return false;
  return std::ranges::any_of(conditions->get_array(), [](const json::value& condition) {
    return json::findString(condition, "type") == "Ready" && json::findString(condition, "status") == "True";
  });
}

std::optional<Instant> ReadyLog::ready(const std::string& name) const {
  const auto found = ready_.find(name);
  return found == ready_.end() ? std::nullopt : std::optional(found->second);
}

Task<void> ReadyLog::established() {
  while (!current_) co_await changed_->waitUntil(Instant::max());
}

Task<bool> ReadyLog::hasSeen(size_t count, Instant deadline) {
  while (ready_.size() < count && clock_.instant() < deadline) co_await changed_->waitUntil(deadline);
  co_return ready_.size() >= count;
}

void ReadyLog::page(json::array items) {
  for (const json::value& item : items) see(item);
}

void ReadyLog::current(bool current) {
  current_ = current;
  changed_->wake();
}

void ReadyLog::see(const json::value& object) {
  const Instant now = clock_.instant();
  std::string name = json::findString(object, "metadata.name");
  if (!name.starts_with(prefix_) || !isReady(object)) return;
  if (ready_.try_emplace(std::move(name), now).second) changed_->wake();
}

}  // namespace cloister::bench
