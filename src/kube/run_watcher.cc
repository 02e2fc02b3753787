#include "base/log.h"
#include "kube/watcher.h"

namespace cloister::kube {
namespace {

using namespace watcher;

// Carries out what the state machine says, and tells the sink.
class Runner {
 public:
  Runner(Client& client, Clock& clock, WatchTarget target, WatcherOptions options, Sink& sink)
      : client_(client),
        clock_(clock),
        target_(std::move(target)),
        options_(options),
        sink_(sink),
        watcher_(options) {}

  Task<void> run() {
    Input input = Started{};
    for (;;) {
      const Action action = watcher_.step(input);
      tellCurrent(input);
      input = co_await carryOut(action);
    }
  }

 private:
  Task<Input> carryOut(Action action) {
    if (const auto* list = std::get_if<List>(&action)) co_return co_await carryOutList(list->continueToken);
    if (const auto* open = std::get_if<OpenWatch>(&action))
      co_return co_await carryOutOpen(open->resourceVersion);
    if (const auto* read = std::get_if<ReadEvent>(&action)) co_return co_await carryOutRead(read->idle);
    watch_.reset();
    co_await clock_.sleep(std::get<Wait>(action).duration);
    co_return Waited{};
  }

  Task<Input> carryOutList(std::string continueToken) {
    if (continueToken.empty()) sink_.beginList();
    auto page = co_await client_.list(target_.resource, target_.namespace_,
                                      {.labelSelector = target_.labelSelector,
                                       .fieldSelector = target_.fieldSelector,
                                       .limit = options_.pageSize,
                                       .continueToken = continueToken});
    if (!page) co_return Failed{page.error()};
    sink_.page(std::move(page->items));
    if (page->continueToken.empty()) sink_.endList(page->resourceVersion);
    co_return Listed{page->resourceVersion, page->continueToken};
  }

  Task<Input> carryOutOpen(std::string resourceVersion) {
    watch_.reset();
    auto opened = co_await client_.watch(target_.resource, target_.namespace_,
                                         {.labelSelector = target_.labelSelector,
                                          .fieldSelector = target_.fieldSelector,
                                          .resourceVersion = resourceVersion,
                                          .timeout = options_.timeout});
    if (!opened) co_return Failed{opened.error()};
    watch_ = std::move(*opened);
    co_return Opened{};
  }

  Task<Input> carryOutRead(Duration idle) {
    auto event = co_await watch_->next(idle);
    if (!event) co_return Failed{event.error()};
    Received received{json::findString(event->object, "metadata.resourceVersion")};
    if (!watcher_.isPast(received.resourceVersion)) apply(std::move(*event));
    co_return received;
  }

  void apply(WatchEvent event) {
    switch (event.type) {
      case WatchEvent::Type::Added:
      case WatchEvent::Type::Modified:
        return sink_.put(std::move(event.object));
      case WatchEvent::Type::Deleted:
        return sink_.erase(std::move(event.object));
      case WatchEvent::Type::Bookmark:
        return sink_.reached(json::findString(event.object, "metadata.resourceVersion"));
    }
  }

  void tellCurrent(const Input& input) {
    if (const auto* failed = std::get_if<Failed>(&input)) logFailure(failed->error);
    if (std::exchange(current_, watcher_.current()) != current_) sink_.current(current_);
  }

  // A watch that ends in time is no news; one line for each failure after that, at the pace of the backoff.
  void logFailure(const Error& error) const {
    const auto level = current_ && error.code == Errc::Unavailable ? log::Level::Debug : log::Level::Warn;
    log::write(
        level, "watch interrupted",
        {{"resource", target_.resource.plural}, {"namespace", target_.namespace_}, {"error", error.message}});
  }

  Client& client_;
  Clock& clock_;
  WatchTarget target_;
  WatcherOptions options_;
  Sink& sink_;
  Watcher watcher_;
  bool current_ = false;
  std::unique_ptr<Watch> watch_;
};

}  // namespace

Task<void> runWatcher(Client& client, Clock& clock, WatchTarget target, WatcherOptions options, Sink& sink) {
  Runner runner(client, clock, std::move(target), options, sink);
  co_await runner.run();
}

}  // namespace cloister::kube
