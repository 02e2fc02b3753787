// Kubernetes resource quantities: "500m", "1", "512Mi", "1.5Gi", "2e3".
// Source: k8s.io/apimachinery/pkg/api/resource, Quantity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cloister {

struct Quantity {
  std::string text;  // as written; empty is "not given"

  bool operator==(const Quantity&) const = default;
  bool empty() const { return text.empty(); }
};

// In thousandths, rounded up; nothing negative; none when TEXT is no quantity or exceeds 2^62.
std::optional<int64_t> parseMilli(std::string_view text);
// In whole units (bytes, cores, processes), rounded up; the same bounds.
std::optional<int64_t> parseUnits(std::string_view text);

}  // namespace cloister
