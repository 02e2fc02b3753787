#include "json/yaml.h"

#include <charconv>

#include <yaml-cpp/yaml.h>

#include "base/utf8.h"

namespace cloister::json {
namespace {

constexpr size_t largestText = 1 << 20;
constexpr int deepest = 64;
// Of an ordinary text of the largest size. A few nested aliases would be more: each of them is read anew.
constexpr size_t mostNodes = 1 << 18;

struct Unreadable {
  int line;
  std::string reason;
};

template <class T>
bool readNumber(std::string_view text, T& out) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// A plain scalar by YAML 1.2's core schema.
value plain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const bool numeric = text.find_first_not_of("+-.0123456789eE") == std::string::npos;
  if (int64_t whole = 0; numeric && readNumber(text, whole)) return whole;
  if (double real = 0; numeric && readNumber(text, real)) return real;
  return value(text);
}

// The text of NODE, a scalar. The library takes bytes as they come.
const std::string& textOf(const YAML::Node& node) {
  if (!isUtf8(node.Scalar())) throw Unreadable{node.Mark().line + 1, "not UTF-8"};
  return node.Scalar();
}

// Walks the tree of nodes once; throws Unreadable.
class Reader {
 public:
  explicit Reader(std::map<std::string, int>& lines) : lines_(lines) {}

  value read(const YAML::Node& node, const std::string& path, int depth) {
    const int line = node.Mark().line + 1;
    if (++nodes_ > mostNodes) throw Unreadable{line, "more than " + std::to_string(mostNodes) + " values"};
    if (depth > deepest) throw Unreadable{line, "nested deeper than " + std::to_string(deepest) + " levels"};
    if (!path.empty()) lines_.emplace(path, line);
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return node.Tag() == "?" ? plain(textOf(node)) : value(textOf(node));
      case YAML::NodeType::Sequence:
        return readList(node, path, depth);
      case YAML::NodeType::Map:
        return readMap(node, path, depth);
      default:
        return nullptr;
    }
  }

 private:
  value readList(const YAML::Node& node, const std::string& path, int depth) {
    array items;
    for (const YAML::Node& item : node) {
      items.push_back(read(item, path + "[" + std::to_string(items.size()) + "]", depth + 1));
    }
    return items;
  }

  value readMap(const YAML::Node& node, const std::string& path, int depth) {
    object fields;
    for (const auto& entry : node) {
      const int line = entry.first.Mark().line + 1;
      if (!entry.first.IsScalar()) throw Unreadable{line, "a field's name must be a plain text"};
      const std::string& name = textOf(entry.first);
      const std::string step = path + "." + name;
      if (fields.contains(name)) throw Unreadable{line, step + ": given twice"};
      lines_.emplace(step, line);
      fields[name] = read(entry.second, step, depth + 1);
    }
    return fields;
  }

  std::map<std::string, int>& lines_;
  size_t nodes_ = 0;
};

std::string at(std::string_view file, int line) {
  return std::string(file) + ":" + std::to_string(line) + ": ";
}

}  // namespace

Error Yaml::locate(std::string_view file, Error error) const {
  std::string path = error.message.substr(0, error.message.find(": "));
  while (!path.empty() && !lines.contains(path)) {
    const size_t cut = path.find_last_of(".[");
    path.resize(cut == std::string::npos ? 0 : cut);
  }
  // An unknown field is named by its own path, so the loop above finds its line as well.
  error.message = at(file, path.empty() ? 1 : lines.at(path)) + error.message;
  return error;
}

Result<Yaml> parseYaml(std::string_view text, std::string_view file) {
  if (text.size() > largestText) return fail(Errc::InvalidInput, std::string(file) + ": larger than 1 MiB");
  Yaml yaml;
  try {
    yaml.root = Reader(yaml.lines).read(YAML::Load(std::string(text)), "", 0);
  } catch (const YAML::Exception& error) {
    return fail(Errc::InvalidInput, at(file, error.mark.line + 1) + error.msg);
  } catch (const Unreadable& error) {
    return fail(Errc::InvalidInput, at(file, error.line) + error.reason);
  }
  return yaml;
}

}  // namespace cloister::json
