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

// The root element of TEXT. Protocol when it is not well-formed, has a document type (which none of S3's
// has), or nests deeper than 32 elements.
Result<Xml> parseXml(std::string_view text);

}  // namespace cloister::store
