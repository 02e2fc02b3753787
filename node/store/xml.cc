#include "node/store/xml.h"

#include <algorithm>
#include <expat.h>
#include <memory>

namespace cloister::store {
namespace {

constexpr size_t deepest = 32;

struct Reader {
  XML_Parser parser = nullptr;
  Xml root = {};                     // its only child is the document's
  std::vector<Xml*> open = {&root};  // innermost last
  size_t count = 0;
  std::string refused = {};

  void refuse(std::string why) {
    refused = std::move(why);
    XML_StopParser(parser, XML_FALSE);
  }
};

void begin(void* user, const XML_Char* name, const XML_Char**) {
  auto& reader = *static_cast<Reader*>(user);
  if (reader.open.size() > deepest) return reader.refuse("it nests too deep");
  if (++reader.count > mostElements) return reader.refuse("it has too many elements");
  const std::string_view all = name;
  // A vector of an element only grows while that is the innermost: pointers into it stay good.
  auto& siblings = reader.open.back()->children;
  siblings.push_back({.name = std::string(all.substr(all.find(':') + 1)), .text = {}, .children = {}});
  reader.open.push_back(&siblings.back());
}

void end(void* user, const XML_Char*) {
  static_cast<Reader*>(user)->open.pop_back();
}

void take(void* user, const XML_Char* text, int length) {
  static_cast<Reader*>(user)->open.back()->text.append(text, size_t(length));
}

void refuseDoctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
  static_cast<Reader*>(user)->refuse("it has a document type");
}

}  // namespace

std::string_view Xml::operator[](std::string_view child) const {
  const auto found = std::ranges::find(children, child, &Xml::name);
  return found == children.end() ? std::string_view() : found->text;
}

Result<Xml> parseXml(std::string_view text) {
  if (text.size() > largestXml) return fail(Errc::Protocol, "the answer is too large");
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, decltype(&XML_ParserFree)> parser(
      XML_ParserCreate("UTF-8"), &XML_ParserFree);
  Reader reader{.parser = parser.get()};
  XML_SetUserData(parser.get(), &reader);
  XML_SetElementHandler(parser.get(), begin, end);
  XML_SetCharacterDataHandler(parser.get(), take);
  XML_SetStartDoctypeDeclHandler(parser.get(), refuseDoctype);
  if (XML_Parse(parser.get(), text.data(), int(text.size()), 1) != XML_STATUS_OK) {
    const std::string why =
        reader.refused.empty() ? XML_ErrorString(XML_GetErrorCode(parser.get())) : reader.refused;
    return fail(Errc::Protocol, "the answer is not the XML that it should be: " + why);
  }
  return std::move(reader.root.children.front());
}

}  // namespace cloister::store
