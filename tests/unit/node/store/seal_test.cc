#include "node/store/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/store/keys.h"

namespace cloister::store {
namespace {

using testing::HasSubstr;

const std::string dataKey(keyBytes, 'k');
const FileKeys keys(dataKey, "uid-1", "pages.img");

std::vector<std::string> sealedChunks(const std::vector<std::string>& chunks) {
  Sealer sealer(keys);
  std::vector<std::string> out;
  for (size_t i = 0; i < chunks.size(); ++i) out.push_back(sealer.add(chunks[i], i + 1 == chunks.size()));
  return out;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string out;
  for (const std::string& piece : pieces) out += piece;
  return out;
}

Result<std::string> opened(std::string_view sealed, const FileKeys& with = keys, size_t step = 1 << 20) {
  Opener opener(with);
  std::string plain;
  for (size_t at = 0; at < sealed.size(); at += step) {
    auto added = opener.add(sealed.substr(at, step), [&](std::string_view chunk) -> Result<void> {
      plain += chunk;
      return {};
    });
    if (!added) return fail(added.error());
  }
  if (auto whole = opener.finish(); !whole) return fail(whole.error());
  return plain;
}

const std::string full(chunkBytes, 'a');

TEST(Seal, ComesBackFromPiecesOfAnySize) {
  const std::string sealed = joined(sealedChunks({full, std::string(chunkBytes, '\0'), "end"}));
  EXPECT_LT(sealed.size(), 1000U) << "compressed";
  for (const size_t step : {size_t(1), size_t(7), sealed.size()})
    EXPECT_EQ(opened(sealed, keys, step).value(), full + std::string(chunkBytes, '\0') + "end");
}

TEST(Seal, KeepsAnEmptyFile) {
  EXPECT_EQ(opened(joined(sealedChunks({""}))).value(), "");
}

TEST(Seal, FitsWhatDoesNotCompress) {
  const std::string noise = randomBytes(chunkBytes);
  const std::string sealed = joined(sealedChunks({noise, ""}));
  EXPECT_LE(int64_t(sealed.size()), largestSealed(int64_t(chunkBytes)));
  EXPECT_EQ(opened(sealed).value(), noise);
}

TEST(Seal, MakesTheSameBytesAgain) {
  EXPECT_EQ(sealedChunks({full, "b"}), sealedChunks({full, "b"}));
}

TEST(Seal, UsesNoNonceForTwoTexts) {
  EXPECT_NE(sealedChunks({"a"})[0].substr(4, nonceBytes), sealedChunks({"b"})[0].substr(4, nonceBytes));
  const auto twice = sealedChunks({full, full, ""});
  EXPECT_NE(twice[0].substr(4, nonceBytes), twice[1].substr(4, nonceBytes));
}

TEST(Seal, FindsEveryBitThatChanged) {
  const std::string sealed = joined(sealedChunks({full, "end"}));
  for (size_t at = 0; at < sealed.size(); ++at) {
    for (const int bit : {0, 7}) {
      std::string changed = sealed;
      changed[at] = char(changed[at] ^ (1 << bit));
      EXPECT_FALSE(opened(changed)) << "byte " << at << ", bit " << bit;
    }
  }
}

TEST(Seal, FindsEveryCut) {
  const std::string sealed = joined(sealedChunks({full, "end"}));
  for (size_t length = 0; length < sealed.size(); ++length)
    EXPECT_FALSE(opened(sealed.substr(0, length))) << length;
}

TEST(Seal, FindsChunksThatAreMissingSwappedRepeatedOrAdded) {
  const auto chunks = sealedChunks({full, std::string(chunkBytes, 'b'), "end"});
  EXPECT_FALSE(opened(chunks[0] + chunks[2]));
  EXPECT_FALSE(opened(chunks[1] + chunks[0] + chunks[2]));
  EXPECT_FALSE(opened(chunks[0] + chunks[0] + chunks[1] + chunks[2]));
  EXPECT_FALSE(opened(joined(chunks) + chunks[2]));
  EXPECT_FALSE(opened(joined(chunks) + "x"));
}

TEST(Seal, IsOfOneFileOfOneSnapshot) {
  const std::string sealed = joined(sealedChunks({"text"}));
  EXPECT_FALSE(opened(sealed, FileKeys(dataKey, "uid-2", "pages.img")));
  EXPECT_FALSE(opened(sealed, FileKeys(dataKey, "uid-1", "other.img")));
  EXPECT_FALSE(opened(sealed, FileKeys(std::string(keyBytes, 'x'), "uid-1", "pages.img")));
}

TEST(Seal, PassesOnWhatTheTakerFailsWith) {
  Opener opener(keys);
  auto added =
      opener.add(sealedChunks({"a"})[0], [](std::string_view) { return fail(Errc::Internal, "full"); });
  EXPECT_EQ(added.error().message, "full");
}

const std::string keyText = base64Of(std::string(keyBytes, '1'));

TEST(Keys, WrapForOneSnapshot) {
  const KeyRing ring = parseKeys({{"2026", keyText}}, "2026").value();
  const WrappedKey wrapped = wrap(ring, dataKey, "uid-1");
  EXPECT_EQ(unwrap(ring, wrapped, "uid-1").value(), dataKey);
  EXPECT_EQ(unwrap(ring, wrapped, "uid-2").error().code, Errc::InvalidInput);
  EXPECT_NE(wrap(ring, dataKey, "uid-1").text, wrapped.text);
}

TEST(Keys, OutliveARotation) {
  const WrappedKey wrapped = wrap(parseKeys({{"old", keyText}}, "old").value(), dataKey, "uid-1");
  const std::string another = base64Of(std::string(keyBytes, '2'));
  EXPECT_EQ(unwrap(parseKeys({{"new", another}, {"old", keyText}}, "new").value(), wrapped, "uid-1").value(),
            dataKey);
  const auto gone = unwrap(parseKeys({{"new", another}}, "new").value(), wrapped, "uid-1");
  EXPECT_EQ(gone.error().code, Errc::NotFound);
  EXPECT_THAT(gone.error().message, HasSubstr("\"old\""));
  const auto other = unwrap(parseKeys({{"old", another}}, "old").value(), wrapped, "uid-1");
  EXPECT_EQ(other.error().code, Errc::InvalidInput);
}

TEST(Keys, AreReadAsOpensslWritesThem) {
  EXPECT_TRUE(parseKeys({{"a", keyText + "\n"}}, "a"));
  EXPECT_THAT(parseKeys({{"a", "c2hvcnQ="}}, "a").error().message, HasSubstr("openssl rand -base64 32"));
  EXPECT_THAT(parseKeys({{"a", "%"}}, "a").error().message, HasSubstr("\"a\" is not 32 bytes"));
  EXPECT_THAT(parseKeys({{"a", keyText}}, "b").error().message, HasSubstr("no store key \"b\""));
}

TEST(Keys, ThatAreNoBase64AreNone) {
  for (const char* text : {"=", "A=B=", "====", "AAA", "A A="}) EXPECT_FALSE(fromBase64(text)) << text;
  EXPECT_EQ(fromBase64(""), "");
  EXPECT_EQ(fromBase64("YQ=="), "a");
}

}  // namespace
}  // namespace cloister::store
