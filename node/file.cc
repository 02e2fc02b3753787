#include "node/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace cloister::node {

std::string readAll(int file) {
  std::string text;
  char buffer[16 << 10];
  ssize_t got = 0;
  while (text.size() <= largestFile && (got = ::read(file, buffer, sizeof buffer)) > 0)
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

Result<void> replaceFile(const std::string& path, std::string_view text) {
  const std::string aside = path + ".cloister";
  const auto trouble = [&] { return fail(Errc::Internal, aside + ": " + std::strerror(errno)); };
  const int file = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return trouble();
  const bool whole = writeAll(file, text);
  if (::close(file) != 0 || !whole || ::rename(aside.c_str(), path.c_str()) != 0) return trouble();
  return {};
}

}  // namespace cloister::node
