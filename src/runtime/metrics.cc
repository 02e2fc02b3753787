#include "runtime/metrics.h"

#include <prometheus/text_serializer.h>

#include "runtime/process_figures.h"

namespace cloister::runtime {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Upper bounds of the buckets, in seconds.
const prometheus::Histogram::BucketBoundaries callBuckets{.005, .01, .025, .05, .1, .25,
                                                          .5,   1,   2.5,  5,   10, 30};
const prometheus::Histogram::BucketBoundaries reconcileBuckets{.0001, .0005, .001, .005, .01, .025, .05,
                                                               .1,    .25,   .5,   1,    2.5, 5,    10};
const prometheus::Histogram::BucketBoundaries startBuckets{.025, .05, .1, .25, .5,  1,  2,
                                                           5,    10,  30, 60,  120, 300};

double inSeconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

ClientMetric sample(MetricType type, double value, const std::map<std::string, std::string>& labels = {}) {
  ClientMetric metric;
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

void addProcess(std::vector<MetricFamily>& families) {
  const Result<ProcessFigures> process = readProcess();
  if (!process) return;
  const auto add = [&](const char* name, const char* help, MetricType type, double value) {
    families.push_back({name, help, type, {sample(type, value)}});
  };
  add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", MetricType::Counter,
      process->cpuSeconds);
  add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
      MetricType::Gauge, process->startTime);
  add("process_resident_memory_bytes", "Resident memory size in bytes.", MetricType::Gauge,
      double(process->residentBytes));
  add("process_virtual_memory_bytes", "Virtual memory size in bytes.", MetricType::Gauge,
      double(process->virtualBytes));
  add("process_open_fds", "Number of open file descriptors.", MetricType::Gauge, double(process->openFiles));
  add("process_max_fds", "Maximum number of open file descriptors.", MetricType::Gauge,
      double(process->mostFiles));
}

}  // namespace

Metrics::Metrics()
    : apiRequests_(prometheus::BuildCounter()
                       .Name("cloister_api_requests_total")
                       .Help("Calls to the API server; code 0: no answer.")
                       .Register(registry_)),
      apiDuration_(prometheus::BuildHistogram()
                       .Name("cloister_api_request_duration_seconds")
                       .Help("Time from a call to the API server to its answer.")
                       .Register(registry_)),
      reconcileDuration_(prometheus::BuildHistogram()
                             .Name("cloister_reconcile_duration_seconds")
                             .Help("Time that one reconcile took.")
                             .Register(registry_)),
      sandboxStart_(prometheus::BuildHistogram()
                        .Name("cloister_sandbox_start_seconds")
                        .Help("Time from a Sandbox first seen to each stage of its start.")
                        .Register(registry_)) {}

void Metrics::apiCall(const kube::CallRecord& call) {
  auto found = calls_.find(std::tuple(call.verb, call.resource, call.status));
  if (found == calls_.end()) {
    std::tuple key(std::string(call.verb), std::string(call.resource), call.status);
    Labels labels{{"verb", std::get<0>(key)}, {"resource", std::get<1>(key)}};
    auto& duration = apiDuration_.Add(labels, callBuckets);
    labels["code"] = std::to_string(call.status);
    found = calls_.emplace(std::move(key), Call{duration, apiRequests_.Add(labels)}).first;
  }
  found->second.duration.Observe(inSeconds(call.took));
  found->second.requests.Increment();
}

void Metrics::reconciled(const ReconcileRecord& record) {
  auto found = reconciles_.find(std::tuple(record.controller, record.succeeded));
  if (found == reconciles_.end()) {
    std::tuple key(std::string(record.controller), record.succeeded);
    const Labels labels{{"controller", std::get<0>(key)}, {"result", record.succeeded ? "success" : "error"}};
    found = reconciles_.emplace(std::move(key), reconcileDuration_.Add(labels, reconcileBuckets)).first;
  }
  found->second.Observe(inSeconds(record.took));
}

void Metrics::sandboxStart(std::string_view stage, Duration took) {
  sandboxStart_.Add({{"stage", std::string(stage)}}, startBuckets).Observe(inSeconds(took));
}

void Metrics::gauge(std::string name, std::string help, Labels labels, std::function<double()> read) {
  sources_.push_back({std::move(name), std::move(help), MetricType::Gauge,
                      [labels = std::move(labels), read = std::move(read)] {
                        return std::vector{sample(MetricType::Gauge, read(), labels)};
                      }});
}

void Metrics::counter(std::string name, std::string help, std::function<double()> read) {
  sources_.push_back({std::move(name), std::move(help), MetricType::Counter,
                      [read = std::move(read)] { return std::vector{sample(MetricType::Counter, read())}; }});
}

void Metrics::gauges(std::string name, std::string help, std::string label,
                     std::function<std::map<std::string, int64_t>()> read) {
  sources_.push_back({std::move(name), std::move(help), MetricType::Gauge,
                      [label = std::move(label), read = std::move(read)] {
                        std::vector<ClientMetric> metrics;
                        for (const auto& [text, value] : read()) {
                          metrics.push_back(sample(MetricType::Gauge, double(value), {{label, text}}));
                        }
                        return metrics;
                      }});
}

void Metrics::gauges(std::string name, std::string help, std::function<std::map<Labels, double>()> read) {
  sources_.push_back({std::move(name), std::move(help), MetricType::Gauge, [read = std::move(read)] {
                        std::vector<ClientMetric> metrics;
                        for (const auto& [labels, value] : read())
                          metrics.push_back(sample(MetricType::Gauge, value, labels));
                        return metrics;
                      }});
}

std::string Metrics::text() const {
  std::vector<MetricFamily> families = registry_.Collect();
  for (const Source& source : sources_) {
    families.push_back({source.name, source.help, source.type, source.read()});
  }
  addProcess(families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace cloister::runtime
