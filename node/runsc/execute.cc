#include "node/runsc/execute.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

#include <boost/json/parse.hpp>

#include "json/codec.h"
#include "node/file.h"

namespace cloister::node {
namespace {

constexpr int failed = 125;

// As execv() wants them.
class Arguments {
 public:
  Arguments(const std::string& program, std::vector<std::string>& rest) : program_(program) {
    pointers_.push_back(program_.data());
    for (std::string& one : rest) pointers_.push_back(one.data());
    pointers_.push_back(nullptr);
  }
  char* const* pointers() const { return pointers_.data(); }

 private:
  std::string program_;
  std::vector<char*> pointers_;
};

int cannotRun(const std::string& program) {
  return complain("cannot run " + program + ": " + std::strerror(errno));
}

}  // namespace

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
  ::execv(program.c_str(), Arguments(program, args).pointers());
  return cannotRun(program);
}

int execute(int file, const std::string& program, std::vector<std::string> args) {
  Arguments all(program, args);
  ::fexecve(file, all.pointers(), environ);
  // A script is opened by its name, once FILE is closed.
  if (errno == ENOENT) ::execv(program.c_str(), all.pointers());
  return cannotRun(program);
}

}  // namespace cloister::node
