// Which objects a list or a watch asks for. Source:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/codec.h"

namespace cloister::test {

class Selector {
 public:
  // LABELS: "a=b,c!=d,e,!f"; FIELDS: "metadata.name=x,involvedObject.uid=y", by the path in the object.
  Selector(std::string_view labels, std::string_view fields);

  bool matches(const json::value& object) const;

 private:
  enum class Test { Exists, Absent, Equal, Unequal };
  struct Requirement {
    std::string key;
    Test test;
    std::string value;
  };

  static std::vector<Requirement> parse(std::string_view text);
  static bool holds(const Requirement& requirement, const std::string* value);

  std::vector<Requirement> labels_;
  std::vector<Requirement> fields_;
};

}  // namespace cloister::test
