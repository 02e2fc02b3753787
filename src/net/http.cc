#include "net/http.h"

#include <boost/algorithm/string/predicate.hpp>

namespace cloister::net {

std::string_view header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (boost::algorithm::iequals(key, name)) return value;
  }
  return {};
}

}  // namespace cloister::net
