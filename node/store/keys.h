// The keys of what is stored elsewhere. Each snapshot has a key of its own, kept in its object's status,
// enciphered with a store key that only Cloister's own namespace has: who deletes the object makes the bytes
// unreadable.
#pragma once

#include <map>

#include "base/result.h"

namespace cloister::store {

// Store keys by their ids, and which of them serves for new snapshots.
struct KeyRing {
  std::string current;
  std::map<std::string, std::string> keys;  // keyBytes each
};

// What FILES (by their names) hold: one key a file, its id the file's name, 32 bytes in base64. CURRENT is
// the id of the one for new snapshots. InvalidInput names the file at fault. Pure.
Result<KeyRing> parseKeys(const std::map<std::string, std::string>& files, const std::string& current);

struct WrappedKey {
  std::string keyId;  // of the store key
  std::string text;   // base64
};

// DATAKEY for the snapshot UID alone.
WrappedKey wrap(const KeyRing& ring, std::string_view dataKey, std::string_view uid);
// NotFound when the ring has no such store key; InvalidInput when it was not wrapped with it, for UID.
Result<std::string> unwrap(const KeyRing& ring, const WrappedKey& wrapped, std::string_view uid);

}  // namespace cloister::store
