// Cuts a byte stream into lines.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cloister::kube {

class Lines {
 public:
  // LONGEST: of a line that is not ended yet, in bytes.
  explicit Lines(size_t longest = 16ULL << 20) : longest_(longest) {}

  // Errc::Protocol when a line is too long; the splitter is of no use then.
  Result<void> add(std::string_view bytes);
  // The next whole line without its end ("\n" or "\r\n"), valid until add(). Empty lines are left out.
  std::optional<std::string_view> next();

 private:
  size_t longest_;
  std::string buffer_;
  size_t begin_ = 0;    // of the line to hand out next
  size_t scanned_ = 0;  // no line ends between begin_ and here
  size_t open_ = 0;     // length of the line that is not ended yet
};

}  // namespace cloister::kube
