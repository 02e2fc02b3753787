#include "runtime/process_figures.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace cloister::runtime {
namespace {

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(" \n"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

uint64_t number(std::string_view word) {
  uint64_t value = 0;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

// Seconds since 1970 at which the system started.
uint64_t bootTime(std::string_view systemStat) {
  constexpr std::string_view label = "\nbtime ";
  const size_t at = systemStat.find(label);
  return at == std::string_view::npos ? 0 : number(systemStat.substr(at + label.size()));
}

std::string readAll(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Result<ProcessFigures> parseProcess(std::string_view ownStat, std::string_view systemStat,
                                    int64_t ticksPerSecond, int64_t pageSize) {
  // The program's name, field 2, is in parentheses and may itself hold blanks and parentheses.
  const size_t name = ownStat.rfind(')');
  const auto words = split(name == std::string_view::npos ? "" : ownStat.substr(name + 1));
  constexpr size_t firstField = 3;
  constexpr size_t lastField = 24;
  if (words.size() <= lastField - firstField) return fail(Errc::Internal, "/proc/self/stat: unknown format");
  const auto field = [&](size_t n) { return number(words[n - firstField]); };
  const double tick = 1.0 / double(ticksPerSecond);
  return ProcessFigures{.cpuSeconds = double(field(14) + field(15)) * tick,
                        .startTime = double(bootTime(systemStat)) + double(field(22)) * tick,
                        .residentBytes = field(24) * uint64_t(pageSize),
                        .virtualBytes = field(23)};
}

Result<ProcessFigures> readProcess() {
  auto figures = parseProcess(readAll("/proc/self/stat"), readAll("/proc/stat"), sysconf(_SC_CLK_TCK),
                              sysconf(_SC_PAGESIZE));
  if (!figures) return figures;
  std::error_code error;
  for (std::filesystem::directory_iterator file("/proc/self/fd", error), end; !error && file != end;
       file.increment(error)) {
    ++figures->openFiles;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) figures->mostFiles = limit.rlim_cur;
  return figures;
}

}  // namespace cloister::runtime
