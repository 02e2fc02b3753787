// JSON that an API server, or somebody who writes objects to it, hands us: the codec there and back, and the
// merge patches between two such objects. The input is one document, or two on a line each.
#include <algorithm>

#include "api/sandbox.h"
#include "fuzz.h"
#include "json/merge_patch.h"
#include "tests/support/apiserver/patch.h"

using namespace cloister;
using fuzz::require;

namespace {

// Objects carry whole seconds: a fraction of one ("05.5Z") does not survive.
bool hasFractions(const json::value& document) {
  const std::string text = json::print(document);
  for (size_t at = text.find('.', 3); at != std::string::npos; at = text.find('.', at + 1)) {
    if (text[at - 3] == ':') return true;
  }
  return false;
}

// What was read is written so that it reads back the same.
template <class T>
void codec(const json::value& document) {
  const auto decoded = json::decode<T>(document);
  if (!decoded) {
    require(decoded.error().code == Errc::InvalidInput, "bad objects are InvalidInput");
    return;
  }
  const json::value written = json::encode(*decoded);
  const auto again = json::decode<T>(*json::parse(json::print(written)), json::Unknown::Refuse);
  require(again.has_value(), "what encode wrote decodes: " + json::print(written));
  require(json::encode(*again) == written, "what decodes encodes the same: " + json::print(written));
  require(hasFractions(document) || *again == *decoded,
          "nothing is lost on the way: " + json::print(written));
}

// Boost.JSON 1.81 may read a fraction, or a number beyond 64 bits, one unit in the last place off.
bool isExact(const json::value& v) {
  if (v.is_array()) return std::ranges::all_of(v.get_array(), isExact);
  if (!v.is_object()) return !v.is_double();
  return std::ranges::all_of(v.get_object(), [](const auto& member) { return isExact(member.value()); });
}

void texts(const json::value& document) {
  const auto again = json::parse(json::print(document));
  require(again && *again == document, "what print wrote parses to the same");
  const std::string sorted = json::printSorted(document);
  const auto resorted = json::parse(sorted);
  require(resorted && *resorted == document, "sorting changes no value");
  require(json::printSorted(*resorted) == sorted, "one text for equal values");
}

json::value emptied(const json::value& v, std::string_view name) {
  if (v.is_array()) {
    json::array items;
    for (const json::value& item : v.get_array()) items.push_back(emptied(item, name));
    return items;
  }
  if (!v.is_object()) return v;
  json::object fields;
  for (const auto& [key, item] : v.get_object())
    fields[key] = key == name && item.is_array() ? json::array() : emptied(item, name);
  return fields;
}

void leavingOut(std::string_view text, const json::value& document) {
  if (text.contains('\\')) return;
  const auto less = json::parse(text, "metadata");
  require(less && *less == emptied(document, "metadata"), "only lists of that name come out empty");
}

// A merge patch cannot say a null inside objects.
json::value withoutNulls(const json::value& v) {
  if (!v.is_object()) return v;
  json::object out;
  for (const auto& [key, item] : v.get_object()) {
    if (!item.is_null()) out[key] = withoutNulls(item);
  }
  return out;
}

void patches(const json::value& from, const json::value& given) {
  if (!from.is_object() || !given.is_object()) return;
  const json::value to = withoutNulls(given);
  const json::object patch = json::mergePatch(from.get_object(), to.get_object());
  require(patch.empty() == (from == to), "a patch says something exactly when something changed");
  json::value patched = from;
  test::applyMergePatch(patched, patch);
  require(patched == to, "the patch " + json::print(patch) + " turns the one into the other");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::textOf(data, size);
  std::vector<json::value> documents;
  for (const auto line : fuzz::split(text, "\n", 2)) {
    const auto document = json::parse(line);
    if (!document) {
      require(!json::parse(line, "metadata"), "what is left out is checked");
      continue;
    }
    codec<api::Sandbox>(*document);
    codec<api::Pod>(*document);
    if (!isExact(*document)) continue;
    codec<api::NetworkPolicy>(*document);
    texts(*document);
    leavingOut(line, *document);
    documents.push_back(*document);
  }
  if (documents.size() == 2) patches(documents[0], documents[1]);
  return 0;
}
