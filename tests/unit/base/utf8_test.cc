#include "base/utf8.h"

#include <gtest/gtest.h>

namespace cloister {
namespace {

TEST(Utf8Test, LeavesWellFormedTextAlone) {
  for (const std::string_view text :
       {"", "abc", "\u00e9", "\u20ac", "\ud7ff", "\ue000", "\U00010000", "\U0010ffff"}) {
    EXPECT_EQ(validUtf8(text), text);
    EXPECT_TRUE(isUtf8(text));
  }
  EXPECT_EQ(validUtf8(std::string_view("a\0b", 3)), std::string_view("a\0b", 3));
}

TEST(Utf8Test, ReplacesEachByteThatBelongsToNoCharacter) {
  EXPECT_EQ(validUtf8("a\x80z"), "a\ufffdz");                            // continues nothing
  EXPECT_EQ(validUtf8("\xc3"), "\ufffd");                                // ends too soon
  EXPECT_EQ(validUtf8("\xe2\x82z"), "\ufffd\ufffdz");                    // ... in the middle
  EXPECT_EQ(validUtf8("\xc0\xaf"), "\ufffd\ufffd");                      // longer than needed
  EXPECT_EQ(validUtf8("\xe0\x9f\xbf"), "\ufffd\ufffd\ufffd");            // ... with three bytes
  EXPECT_EQ(validUtf8("\xf0\x8f\xbf\xbf"), "\ufffd\ufffd\ufffd\ufffd");  // ... with four
  EXPECT_EQ(validUtf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");            // half a surrogate pair
  EXPECT_EQ(validUtf8("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd");  // beyond U+10FFFF
  EXPECT_EQ(validUtf8("\xff\xfe"), "\ufffd\ufffd");
}

TEST(Utf8Test, FindsWhatBelongsToNoCharacterAnywhere) {
  EXPECT_FALSE(isUtf8("\xff"));
  EXPECT_FALSE(isUtf8("ab\x80"));
  EXPECT_FALSE(isUtf8("\u20ac\xe2\x82"));
  EXPECT_TRUE(isUtf8("\u20ac\u00e9z"));
}

TEST(Utf8Test, CutsBetweenCharacters) {
  EXPECT_EQ(validUtf8("abc", 2), "ab");
  EXPECT_EQ(validUtf8("abc", 3), "abc");
  EXPECT_EQ(validUtf8("a\u20acb", 3), "a");
  EXPECT_EQ(validUtf8("a\u20acb", 4), "a\u20ac");
  EXPECT_EQ(validUtf8("\xff\xff", 5), "\ufffd");
  EXPECT_EQ(validUtf8("abc", 0), "");
}

}  // namespace
}  // namespace cloister
