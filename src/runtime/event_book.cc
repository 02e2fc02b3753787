#include "runtime/event_book.h"

#include <algorithm>

#include "base/hash.h"
#include "base/utf8.h"

namespace cloister::runtime {
namespace {

// Makes room for one more entry: drops what is STALE, or else the entry with the least TIME.
template <class Map, class Stale, class TimeOf>
void makeRoom(Map& map, size_t largest, Stale stale, TimeOf timeOf) {
  if (map.size() < largest) return;
  std::erase_if(map, stale);
  if (map.size() < largest) return;
  map.erase(std::ranges::min_element(map, {}, timeOf));
}

bool isAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

}  // namespace

bool EventBook::admit(const EventNote& note, Instant now) {
  const auto found = shares_.find(note.object.uid);
  if (found == shares_.end()) {
    makeRoom(
        shares_, largest, [&](const auto& entry) { return now - entry.second.at > refill * int(burst); },
        [](const auto& entry) { return entry.second.at; });
  }
  Share& share = shares_.try_emplace(note.object.uid, burst, now).first->second;
  share.left = std::min(burst, share.left + double((now - share.at).count()) / double(refill.count()));
  share.at = now;
  if (share.left < 1) return false;
  share.left -= 1;
  return true;
}

EventBook::Write EventBook::write(const EventNote& note, Instant now, Time wall) {
  const Kind kind = kindOf(note);
  const auto found = series_.find(kind);
  if (found != series_.end() && now - found->second.last <= repetitionWindow) {
    Series& series = found->second;
    series.last = now;
    ++series.count;
    return {series.key, false, json::object{{"count", series.count}, {"lastTimestamp", formatTime(wall)}}};
  }
  makeRoom(
      series_, largest, [&](const auto& entry) { return now - entry.second.last > repetitionWindow; },
      [](const auto& entry) { return entry.second.last; });
  const kube::ObjectKey key = keyFor(note, wall);
  series_[kind] = {key, 1, now};
  return {key, true, event(note, key, wall)};
}

void EventBook::forget(const EventNote& note) {
  series_.erase(kindOf(note));
}

EventBook::Kind EventBook::kindOf(const EventNote& note) {
  return {note.object.uid, note.warning, note.reason, note.message};
}

// A try that was carried out without an answer has the same name as the next one. No two Events have: the
// time of the first and the replica are in it.
kube::ObjectKey EventBook::keyFor(const EventNote& note, Time wall) const {
  constexpr size_t longestName = 253;
  constexpr size_t hashLength = 12;
  std::string base = note.object.name.substr(0, longestName - hashLength - 1);
  while (!base.empty() && !isAlphanumeric(base.back())) base.pop_back();
  const std::string told = note.object.uid + '\0' + (note.warning ? "W" : "N") + note.reason + '\0' +
                           note.message + '\0' + formatMicroTime(wall) + '\0' + instance_;
  return {note.object.namespace_.empty() ? "default" : note.object.namespace_,
          base + "." + shortHash(told, hashLength)};
}

json::value EventBook::event(const EventNote& note, const kube::ObjectKey& key, Time wall) const {
  json::object involved{{"apiVersion", kube::apiVersion(note.resource)},
                        {"kind", note.resource.kind},
                        {"name", note.object.name},
                        {"uid", note.object.uid}};
  if (!note.object.namespace_.empty()) involved["namespace"] = note.object.namespace_;
  return json::object{{"apiVersion", "v1"},
                      {"kind", "Event"},
                      {"metadata", {{"name", key.name}, {"namespace", key.namespace_}}},
                      {"involvedObject", std::move(involved)},
                      {"type", note.warning ? "Warning" : "Normal"},
                      {"reason", validUtf8(note.reason, 128)},
                      {"message", validUtf8(note.message, 1024)},
                      {"count", 1},
                      {"firstTimestamp", formatTime(wall)},
                      {"lastTimestamp", formatTime(wall)},
                      {"source", {{"component", component_}}},
                      {"reportingComponent", component_},
                      {"reportingInstance", instance_}};
}

}  // namespace cloister::runtime
