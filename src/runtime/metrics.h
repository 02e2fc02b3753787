// What the program tells Prometheus. Names and labels are documented in docs/configuration.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include "kube/client.h"
#include "runtime/controller.h"

namespace cloister::runtime {

class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();

  void apiCall(const kube::CallRecord& call);
  void reconciled(const ReconcileRecord& record);
  void sandboxStart(std::string_view stage, Duration took);

  // Values that are read when somebody asks for them. READ must outlive this.
  void gauge(std::string name, std::string help, std::map<std::string, std::string> labels,
             std::function<double()> read);
  void counter(std::string name, std::string help, std::function<double()> read);
  // One value for each value of LABEL.
  void gauges(std::string name, std::string help, std::string label,
              std::function<std::map<std::string, int64_t>()> read);

  // One value for each set of labels.
  void gauges(std::string name, std::string help, std::function<std::map<Labels, double>()> read);

  // Everything, in Prometheus' text format, the process's own figures included.
  std::string text() const;

 private:
  using Read = std::function<std::vector<prometheus::ClientMetric>()>;
  struct Source {
    std::string name;
    std::string help;
    prometheus::MetricType type;
    Read read;
  };
  struct Call {
    prometheus::Histogram& duration;
    prometheus::Counter& requests;
  };

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& apiRequests_;
  prometheus::Family<prometheus::Histogram>& apiDuration_;
  prometheus::Family<prometheus::Histogram>& reconcileDuration_;
  prometheus::Family<prometheus::Histogram>& sandboxStart_;
  // Those above by their labels: to find one there, its labels are copied and hashed.
  std::map<std::tuple<std::string, std::string, int>, Call, std::less<>> calls_;  // verb, resource, status
  std::map<std::tuple<std::string, bool>, prometheus::Histogram&, std::less<>> reconciles_;
  std::vector<Source> sources_;
};

}  // namespace cloister::runtime
