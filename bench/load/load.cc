#include "bench/load/load.h"

#include <sys/resource.h>

#include "base/log.h"

namespace cloister::bench {
namespace {

double inMs(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

Duration inDuration(double wanted) {
  return std::chrono::round<Duration>(std::chrono::duration<double>(wanted));
}

double ownCpuMs() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& time) { return double(time.tv_sec) * 1e3 + double(time.tv_usec) / 1e3; };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

kube::WatchTarget targetOf(const kube::Resource& resource, const Plan& plan) {
  return {.resource = resource, .namespace_ = plan.namespace_};
}

}  // namespace

Load::Load(boost::asio::any_io_executor executor, kube::Client& client, Clock& clock, const Plan& plan)
    : client_(client),
      clock_(clock),
      plan_(plan),
      resource_{plan.kind.group, plan.kind.version, plan.kind.plural, plan.kind.kind},
      log_(clock, plan.prefix),
      watching_(executor),
      starting_(executor),
      posted_(size_t(plan.count)) {
  if (plan.bare) bare_.emplace(client, plan.namespace_, *plan.bare);
  client.onCall([this](const kube::CallRecord& call) { count(call); });
}

Task<Result<Answer>> Load::run() {
  if (bare_) {
    if (auto found = co_await bare_->findPods(); !found) co_return fail(found.error());
    if (bare_->pods() < size_t(plan_.count)) {
      co_return fail(Errc::NotFound, "there are " + std::to_string(bare_->pods()) + " warm pods for " +
                                         std::to_string(plan_.count) + " starts");
    }
  }
  watching_.spawn("watch",
                  kube::runWatcher(client_, clock_, targetOf(resource_, plan_), {.pageSize = 500}, log_));
  co_await log_.established();
  const Instant begin = clock_.instant();
  co_await startAll(begin);
  co_await starting_.join();
  co_await log_.hasSeen(size_t(plan_.count), clock_.instant() + inDuration(plan_.limitSeconds));
  co_await watching_.stop();
  co_return answer(begin);
}

Task<void> Load::startAll(Instant begin) {
  const auto alarm = clock_.timer();
  for (int index = 0; index < plan_.count; ++index) {
    co_await alarm->waitUntil(dueAt(index, begin));
    starting_.spawn("start", start(index, begin));
  }
}

Task<void> Load::start(int index, Instant begin) {
  json::object object = plan_.object;
  object["metadata"] = {{"name", nameOf(index)}};
  posted_[size_t(index)] = clock_.instant();
  auto made = co_await client_.create(resource_, plan_.namespace_, std::move(object));
  if (!made) {
    log::warn("not created", {{"name", nameOf(index)}, {"error", made.error().message}});
    co_return;
  }
  if (!bare_) co_return;
  const auto started = co_await bare_->start(std::move(*made));
  if (!started) log::warn("not started", {{"name", nameOf(index)}, {"error", started.error().message}});
}

Instant Load::dueAt(int index, Instant begin) const {
  return begin + inDuration(index / plan_.rate);
}

void Load::count(const kube::CallRecord& call) {
  if (call.verb != "create" && call.verb != "patch") return;
  ++counts_.writes;
  if (call.status == 409 || call.status == 422) {
    ++counts_.conflicts;
  } else if (call.status < 200 || call.status >= 300) {
    ++counts_.failures;
  }
}

Answer Load::answer(Instant begin) const {
  Answer out = counts_;
  for (int index = 0; index < plan_.count; ++index) {
    Start start{.due = inMs(dueAt(index, begin) - begin), .posted = inMs(posted_[size_t(index)] - begin)};
    if (const auto ready = log_.ready(nameOf(index))) start.ready = inMs(*ready - begin);
    out.starts.push_back(start);
  }
  out.cpuMs = ownCpuMs();
  return out;
}

}  // namespace cloister::bench
