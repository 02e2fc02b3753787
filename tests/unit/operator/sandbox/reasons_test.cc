// docs/conditions.md says the same as operator/sandbox/reasons.h and operator/pool/reasons.h.
#include "operator/sandbox/reasons.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/snapshot.h"
#include "operator/pool/reasons.h"
#include "operator/quota/reasons.h"
#include "operator/template/reasons.h"

namespace cloister::sandbox {
namespace {

using testing::UnorderedElementsAreArray;

std::string documentation() {
  std::ifstream file(CLOISTER_SOURCE_DIR "/docs/conditions.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The names in the given column of the tables, whose rows read "| `Condition` | `Reason` | ...".
std::set<std::string> column(int index) {
  std::set<std::string> names;
  std::istringstream lines(documentation());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    std::istringstream cells(line.substr(1));
    std::string cell;
    for (int i = 0; i <= index; ++i) std::getline(cells, cell, '|');
    std::istringstream words(cell);
    for (std::string word; words >> word;) {
      const size_t end = word.find('`', 1);
      if (word.starts_with('`') && end != std::string::npos) names.insert(word.substr(1, end - 1));
    }
  }
  return names;
}

TEST(Reasons, AreDocumented) {
  std::set<std::string> reasons(reason::all.begin(), reason::all.end());
  reasons.insert(pool::reason::all.begin(), pool::reason::all.end());
  reasons.insert(quota::reason::all.begin(), quota::reason::all.end());
  reasons.insert(templates::reason::all.begin(), templates::reason::all.end());
  reasons.insert(api::snapshot::all.begin(), api::snapshot::all.end());
  EXPECT_THAT(column(1), UnorderedElementsAreArray(reasons));
}

TEST(Reasons, BelongToDocumentedConditions) {
  const std::set<std::string> conditions{std::string(condition::accepted),
                                         std::string(condition::podScheduled),
                                         std::string(condition::ready),
                                         std::string(condition::networkFenced),
                                         std::string(condition::stalled),
                                         std::string(condition::warmStart),
                                         std::string(pool::condition::progressing),
                                         std::string(templates::condition::goldenReady),
                                         std::string(pool::condition::guarded),
                                         std::string(api::snapshot::stored)};
  EXPECT_EQ(column(0), conditions);
}

TEST(Reasons, AreDistinct) {
  EXPECT_EQ(std::set(reason::all.begin(), reason::all.end()).size(), reason::all.size());
}

// metav1.Condition: ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$
TEST(Reasons, AreWords) {
  for (const std::string_view reason : reason::all) {
    EXPECT_FALSE(reason.empty());
    EXPECT_TRUE(std::ranges::all_of(reason, [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0;
    })) << reason;
  }
}

}  // namespace
}  // namespace cloister::sandbox
