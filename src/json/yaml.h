// YAML read as JSON, with the line of each field for error messages.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "json/codec.h"

namespace cloister::json {

struct Yaml {
  value root;
  std::map<std::string, int>
      lines;  // by path, as in the codec's errors: ".defaults.resources.cpu", ".items[2].name"

  // ERROR, whose message starts with a path, as "FILE:LINE: .path: reason". The line of the deepest known
  // part is taken.
  Error locate(std::string_view file, Error error) const;
};

// The first document of TEXT; null when there is none. Plain scalars become booleans, numbers and nulls as in
// YAML's core schema; quoted ones stay strings. All text is UTF-8. At most 1 MiB, 64 levels and 2^18 values,
// aliases counted where they are used. Errors read "FILE:LINE: reason".
Result<Yaml> parseYaml(std::string_view text, std::string_view file);

}  // namespace cloister::json
