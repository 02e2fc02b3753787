#include "operator/quota/figures.h"

namespace cloister::quota {
namespace {

void add(std::map<std::string, double>& figures, const char* name, const std::optional<int>& count) {
  if (count) figures[name] = *count;
}

void add(std::map<std::string, double>& figures, const char* name, const Quantity& quantity) {
  if (const auto milli = parseMilli(quantity.text)) figures[name] = double(*milli) / 1000;
}

}  // namespace

std::map<std::string, double> figuresOf(const api::QuotaAmounts& amounts) {
  std::map<std::string, double> figures;
  boost::mp11::mp_for_each<json::detail::Members<api::QuotaAmounts>>(
      [&](auto member) { add(figures, member.name, amounts.*member.pointer); });
  return figures;
}

}  // namespace cloister::quota
