#include "base/version.h"

namespace cloister {

std::string_view version() {
  return CLOISTER_VERSION;
}

}  // namespace cloister
