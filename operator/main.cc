#include "operator/application.h"
#include "operator/options.h"

int main(int argc, char** argv) {
  const cloister::ParsedOptions parsed = cloister::parseOptions(argc, argv);
  if (parsed.exitCode) return *parsed.exitCode;
  return cloister::runOperator(parsed.options);
}
