#include "runtime/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/process_figures.h"

namespace cloister::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricsTest, CountsCallsByVerbResourceAndCode) {
  Metrics metrics;
  metrics.apiCall({"create", "pods", 201, milliseconds(3)});
  metrics.apiCall({"create", "pods", 201, milliseconds(30)});
  metrics.apiCall({"create", "pods", 0, seconds(15)});
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# TYPE cloister_api_requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr(R"(cloister_api_requests_total{code="201",resource="pods",verb="create"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(cloister_api_requests_total{code="0",resource="pods",verb="create"} 1)"));
  EXPECT_THAT(text,
              HasSubstr(R"(cloister_api_request_duration_seconds_count{resource="pods",verb="create"} 3)"));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(cloister_api_request_duration_seconds_bucket{resource="pods",verb="create",le="0.005"} 1)"));
}

TEST(MetricsTest, MeasuresReconcilesAndStarts) {
  Metrics metrics;
  metrics.reconciled({"sandbox", true, milliseconds(2)});
  metrics.reconciled({"sandbox", false, milliseconds(2)});
  metrics.sandboxStart("ready", milliseconds(500));
  const std::string text = metrics.text();
  EXPECT_THAT(
      text,
      HasSubstr(R"(cloister_reconcile_duration_seconds_count{controller="sandbox",result="success"} 1)"));
  EXPECT_THAT(
      text, HasSubstr(R"(cloister_reconcile_duration_seconds_count{controller="sandbox",result="error"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(cloister_sandbox_start_seconds_sum{stage="ready"} 0.5)"));
}

TEST(MetricsTest, ReadsValuesWhenAsked) {
  Metrics metrics;
  double leading = 0;
  metrics.gauge("cloister_leader", "1 while this replica leads.", {}, [&] { return leading; });
  metrics.gauge("cloister_build_info", "Always 1.", {{"version", "1.2.3"}}, [] { return 1; });
  metrics.gauges("cloister_sandboxes", "Sandboxes by phase.", "phase",
                 [] { return std::map<std::string, int64_t>{{"Pending", 2}, {"Running", 3}}; });
  metrics.counter("cloister_events_dropped_total", "Events that could not be sent.", [] { return 7; });
  EXPECT_THAT(metrics.text(), HasSubstr("\ncloister_leader 0\n"));
  leading = 1;
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("\ncloister_leader 1\n"));
  EXPECT_THAT(text, HasSubstr(R"(cloister_build_info{version="1.2.3"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(cloister_sandboxes{phase="Pending"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(cloister_sandboxes{phase="Running"} 3)"));
  EXPECT_THAT(text,
              HasSubstr("# TYPE cloister_events_dropped_total counter\ncloister_events_dropped_total 7\n"));
}

TEST(MetricsTest, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.gauge("odd", "", {{"label", "a\"b\\c\nd"}}, [] { return 1; });
  EXPECT_THAT(metrics.text(), HasSubstr(R"(odd{label="a\"b\\c\nd"} 1)"));
}

TEST(MetricsTest, TellsOfItsProcess) {
  const std::string text = Metrics().text();
  for (const char* name :
       {"process_cpu_seconds_total", "process_start_time_seconds", "process_resident_memory_bytes",
        "process_virtual_memory_bytes", "process_open_fds", "process_max_fds"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + name + " ")) << name;
  }
  EXPECT_THAT(text, Not(HasSubstr("\nprocess_resident_memory_bytes 0\n")));
  EXPECT_THAT(text, Not(HasSubstr("\nprocess_open_fds 0\n")));
}

TEST(ProcessFiguresTest, ReadsTheKernelsTexts) {
  const auto figures = parseProcess(
      "4711 (odd) name () S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 1000 8192000 250 21 22 23\n",
      "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n", 100, 4096);
  ASSERT_TRUE(figures);
  EXPECT_DOUBLE_EQ(figures->cpuSeconds, 2);
  EXPECT_DOUBLE_EQ(figures->startTime, 1'700'000'010);
  EXPECT_EQ(figures->virtualBytes, 8'192'000U);
  EXPECT_EQ(figures->residentBytes, 250U * 4096);
}

TEST(ProcessFiguresTest, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(parseProcess("", "", 100, 4096));
  EXPECT_FALSE(parseProcess("1 (a) S 1 2", "", 100, 4096));
  EXPECT_FALSE(parseProcess("no parentheses", "", 100, 4096));
}

}  // namespace
}  // namespace cloister::runtime
