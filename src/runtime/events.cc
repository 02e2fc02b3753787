#include "runtime/events.h"

#include "base/log.h"

namespace cloister::runtime {

EventRecorder::EventRecorder(kube::Client& client, Clock& clock, std::string component, std::string instance)
    : client_(client),
      clock_(clock),
      book_(std::move(component), std::move(instance)),
      timer_(clock.timer()) {}

void EventRecorder::record(EventNote note) {
  if (!book_.admit(note, clock_.instant())) return drop(note, "too many of one object");
  if (queue_.size() == longestQueue) {
    drop(queue_.front(), "too many at once");
    queue_.pop_front();
  }
  queue_.push_back(std::move(note));
  timer_->wake();
}

Task<void> EventRecorder::run() {
  for (;;) {
    while (queue_.empty()) co_await timer_->waitUntil(Instant::max());
    EventNote note = std::move(queue_.front());
    queue_.pop_front();
    co_await send(std::move(note));
  }
}

Task<void> EventRecorder::send(EventNote note) {
  constexpr int tries = 4;
  EventBook::Write write = book_.write(note, clock_.instant(), clock_.now());
  for (int i = 0; i < tries; ++i) {
    const Sent sent = co_await attempt(write);
    if (sent == Sent::Done) co_return;
    if (sent == Sent::Refused) break;
    if (sent == Sent::Missing) {
      book_.forget(note);
      write = book_.write(note, clock_.instant(), clock_.now());
    } else if (i + 1 < tries) {
      co_await clock_.sleep(seconds(1 << i));
    }
  }
  book_.forget(note);
  drop(note, "not taken by the server");
}

Task<EventRecorder::Sent> EventRecorder::attempt(EventBook::Write write) {
  Result<json::value> done;
  if (write.create) {
    done = co_await client_.create(kube::events, write.key.namespace_, std::move(write.body));
  } else {
    done = co_await client_.patch(kube::events, write.key, std::move(write.body), {});
  }
  if (done) co_return Sent::Done;
  const Error& error = done.error();
  if (isRetryable(error)) co_return Sent::TryAgain;
  if (write.create && error.code == Errc::AlreadyExists) co_return Sent::Done;  // by a try without an answer
  // Events live an hour, or what the cluster says.
  if (!write.create && error.code == Errc::NotFound) co_return Sent::Missing;
  log::debug("event refused", {{"error", name(error.code)}, {"message", error.message}});
  co_return Sent::Refused;
}

void EventRecorder::drop(const EventNote& note, std::string_view why) {
  ++dropped_;
  log::debug("event dropped", {{"why", why},
                               {"key", toString(api::keyOf(note.object))},
                               {"reason", note.reason},
                               {"message", note.message}});
}

}  // namespace cloister::runtime
