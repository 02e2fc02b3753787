#include "kube/lines.h"

#include <cstring>

namespace cloister::kube {

Result<void> Lines::add(std::string_view bytes) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  buffer_ += bytes;
  // Not rfind(), which looks at one byte after another.
  const auto* lastEnd = static_cast<const char*>(::memrchr(bytes.data(), '\n', bytes.size()));
  open_ = lastEnd == nullptr ? open_ + bytes.size() : size_t(bytes.end() - lastEnd) - 1;
  if (open_ > longest_)
    return fail(Errc::Protocol, "a line is longer than " + std::to_string(longest_) + " bytes");
  return {};
}

std::optional<std::string_view> Lines::next() {
  for (;;) {
    const size_t end = buffer_.find('\n', scanned_);
    if (end == std::string::npos) {
      scanned_ = buffer_.size();
      return std::nullopt;
    }
    std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = scanned_ = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) return line;
  }
}

}  // namespace cloister::kube
