#include "tests/sim/script.h"

namespace cloister::sim {

std::string toString(const Step& step) {
  std::string text = formatDuration(step.at) + " " + boost::describe::enum_to_string(step.what, "?") +
                     " which=" + std::to_string(step.which);
  if (step.count != 0) text += " count=" + std::to_string(step.count);
  if (step.span != Duration{}) text += " span=" + formatDuration(step.span);
  if (!step.how.empty()) text += " how=" + step.how;
  if (!step.restart.empty()) text += " restart=" + step.restart;
  return text;
}

}  // namespace cloister::sim
