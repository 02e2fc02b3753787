// S3's answers: small XML documents. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cloister::store {

struct Xml {
  std::string name;  // without a namespace's prefix
  std::string text;  // between its children, all together
  std::vector<Xml> children;

  // The text of its first child NAME, or empty.
  std::string_view operator[](std::string_view child) const;
};

inline constexpr size_t largestXml = size_t(8) << 20;  // bytes
inline constexpr size_t mostElements = 100'000;

// The root element of TEXT. Protocol when it is not well-formed, has a document type (which none of S3's
// has), nests deeper than 32 elements, or is larger than these bounds.
Result<Xml> parseXml(std::string_view text);

}  // namespace cloister::store
