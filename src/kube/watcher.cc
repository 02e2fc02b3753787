#include "kube/watcher.h"

#include <algorithm>
#include <cassert>

namespace cloister::kube {
namespace {

using namespace watcher;

bool isDecimal(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Decimal numbers without leading zeros, of any length.
bool isBefore(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// Failures that say nothing about our place in the server's history. After all others a list tells where we
// are.
bool canResume(const Error& error) {
  if (error.reason == "ResourceVersionTooLarge") return false;  // a server restored from a backup
  switch (error.code) {
    case Errc::Unavailable:
    case Errc::Timeout:
    case Errc::TooManyRequests:
    case Errc::Unauthorized:
    case Errc::Forbidden:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool Watcher::isPast(std::string_view resourceVersion) const {
  return isDecimal(resourceVersion) && isDecimal(resourceVersion_) &&
         isBefore(resourceVersion, resourceVersion_);
}

Action Watcher::step(const Input& input) {
  return std::visit([this](const auto& happened) { return on(happened); }, input);
}

Action Watcher::on(const Started&) {
  assert(state_ == State::Empty);
  return resume();
}

Action Watcher::on(const watcher::Listed& page) {
  assert(state_ == State::Listing);
  if (!page.continueToken.empty()) return List{page.continueToken};
  state_ = State::Listed;
  resourceVersion_ = page.resourceVersion;
  return resume();
}

Action Watcher::on(const Opened&) {
  assert(state_ == State::Listed);
  state_ = State::Watching;
  return ReadEvent{options_.timeout + options_.grace};
}

Action Watcher::on(const Received& event) {
  assert(state_ == State::Watching);
  failures_ = 0;
  if (!event.resourceVersion.empty() && !isPast(event.resourceVersion))
    resourceVersion_ = event.resourceVersion;
  return ReadEvent{options_.timeout + options_.grace};
}

Action Watcher::on(const Failed& failure) {
  const bool watching = state_ == State::Watching;
  const bool quiet = watching && failures_ > 0;
  // The server ends every watch in time: only one that brought nothing at all is a failure.
  const bool ended = watching && !quiet && failure.error.code == Errc::Unavailable;
  // A watch from a version that the server never had (it was restored from a backup) stays open and brings
  // nothing, not even a bookmark. So the second quiet one in a row leads to a list.
  const bool lost = state_ == State::Listing || quiet || !canResume(failure.error);
  state_ = lost ? State::Empty : State::Listed;
  const unsigned attempt = failures_++;
  if (ended) return resume();
  return Wait{std::max(backoffDelay(options_.backoff, attempt, random_), failure.error.retryAfter)};
}

Action Watcher::on(const Waited&) {
  return resume();
}

Action Watcher::resume() {
  if (state_ == State::Listed) return OpenWatch{resourceVersion_};
  assert(state_ == State::Empty);
  state_ = State::Listing;
  return List{};
}

}  // namespace cloister::kube
