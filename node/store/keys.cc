#include "node/store/keys.h"

#include "node/store/cipher.h"

namespace cloister::store {
namespace {

std::string boundOf(std::string_view keyId, std::string_view uid) {
  return "cloister snapshot key 1/" + std::string(keyId) + "/" + std::string(uid);
}

}  // namespace

Result<KeyRing> parseKeys(const std::map<std::string, std::string>& files, const std::string& current) {
  KeyRing out{.current = current, .keys = {}};
  for (const auto& [name, text] : files) {
    const auto key = fromBase64(text);
    if (!key || key->size() != keyBytes) {
      return fail(Errc::InvalidInput, "the store key \"" + name +
                                          "\" is not 32 bytes in base64; make one with: "
                                          "openssl rand -base64 32");
    }
    out.keys[name] = *key;
  }
  if (!out.keys.contains(current)) {
    return fail(Errc::InvalidInput,
                "there is no store key \"" + current + "\"; put it into the Secret, or name another one");
  }
  return out;
}

// A nonce by chance may serve for 2^32 snapshots under one store key.
WrappedKey wrap(const KeyRing& ring, std::string_view dataKey, std::string_view uid) {
  const std::string nonce = randomBytes(nonceBytes);
  const std::string sealed = seal(ring.keys.at(ring.current), nonce, dataKey, boundOf(ring.current, uid));
  return {.keyId = ring.current, .text = base64Of(nonce + sealed)};
}

Result<std::string> unwrap(const KeyRing& ring, const WrappedKey& wrapped, std::string_view uid) {
  const auto key = ring.keys.find(wrapped.keyId);
  if (key == ring.keys.end()) {
    return fail(Errc::NotFound, "the store key \"" + wrapped.keyId +
                                    "\" is not there any more; put it back into the Secret of store keys");
  }
  const auto bytes = fromBase64(wrapped.text);
  auto dataKey = bytes && bytes->size() == nonceBytes + keyBytes + tagBytes
                     ? unseal(key->second, bytes->substr(0, nonceBytes), bytes->substr(nonceBytes),
                              boundOf(wrapped.keyId, uid))
                     : std::nullopt;
  if (!dataKey) {
    return fail(Errc::InvalidInput,
                "the snapshot's key was not wrapped with the store key \"" + wrapped.keyId + "\" for it");
  }
  return std::move(*dataKey);
}

}  // namespace cloister::store
