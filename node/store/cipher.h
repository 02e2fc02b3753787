// The few primitives that signing and sealing need, on OpenSSL. Pure, but for randomBytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cloister::store {

inline constexpr size_t keyBytes = 32;
inline constexpr size_t nonceBytes = 12;
inline constexpr size_t tagBytes = 16;

// Of any length of KEY; 32 bytes.
std::string hmacSha256(std::string_view key, std::string_view bytes);
// Against accidents only: 16 bytes.
std::string md5Of(std::string_view bytes);
// From the system's generator; fit for keys.
std::string randomBytes(size_t count);
// AES-256-GCM: PLAIN enciphered, and the tag behind it. KEY has keyBytes, NONCE nonceBytes; no two texts may
// be sealed with the same two.
std::string seal(std::string_view key, std::string_view nonce, std::string_view plain,
                 std::string_view bound);
// None when it is not what seal() made of these.
std::optional<std::string> unseal(std::string_view key, std::string_view nonce, std::string_view sealed,
                                  std::string_view bound);

std::string base64Of(std::string_view bytes);
// None when TEXT, but for white space around it, is no base64.
std::optional<std::string> fromBase64(std::string_view text);

}  // namespace cloister::store
