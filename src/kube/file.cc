#include "kube/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace cloister::kube {
namespace {

constexpr size_t largest = 1 << 20;

std::unexpected<Error> unreadable(const std::string& file, std::string_view why) {
  return fail(Errc::InvalidInput, file + ": cannot be read: " + std::string(why));
}

}  // namespace

Result<std::string> readFile(const std::string& file) {
  const std::unique_ptr<FILE, int (*)(FILE*)> in(std::fopen(file.c_str(), "rbe"), std::fclose);
  if (!in) return unreadable(file, std::strerror(errno));
  std::string out(largest + 1, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), in.get()));
  if (std::ferror(in.get()) != 0) return unreadable(file, std::strerror(errno));
  if (out.size() > largest) return unreadable(file, "it is larger than 1 MiB");
  return out;
}

}  // namespace cloister::kube
