#include "node/runsc/execute.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <boost/json/parse.hpp>

#include "json/codec.h"
#include "node/runsc/bundle.h"

namespace cloister::node {
namespace {

constexpr int failed = 125;

}  // namespace

std::string readAll(int file) {
  std::string text;
  char buffer[16 << 10];
  ssize_t got = 0;
  while (text.size() <= largestConfig && (got = ::read(file, buffer, sizeof buffer)) > 0)
    text.append(buffer, size_t(got));
  ::close(file);
  return got == 0 ? text : "";
}

std::string readFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  return file < 0 ? "" : readAll(file);
}

bool writeAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file, text.data(), text.size());
    if (put <= 0) return false;
    text.remove_prefix(size_t(put));
  }
  return true;
}

int complain(const std::string& message) {
  const std::string text = "cloister-runsc: " + message + "\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
  return failed;
}

std::string lastWords(std::string_view log) {
  while (log.ends_with('\n')) log.remove_suffix(1);
  boost::system::error_code error;
  const json::value line = boost::json::parse(log.substr(log.rfind('\n') + 1), error);
  return error ? "" : json::findString(line, "msg");
}

int execute(const std::string& program, std::vector<std::string> args) {
  args.insert(args.begin(), program);
  std::vector<char*> pointers;
  pointers.reserve(args.size() + 1);
  for (std::string& arg : args) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  ::execv(program.c_str(), pointers.data());
  return complain("cannot run " + program + ": " + std::strerror(errno));
}

}  // namespace cloister::node
