#include "node/agent/containerd_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fnmatch.h>

namespace cloister::node {
namespace {

namespace fs = std::filesystem;

// Versions before it have another name for the table with the runtimes, and containerd 1 puts whole tables in
// the place of others.
constexpr int leastVersion = 3;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool atEnd() const { return text_.empty(); }
  char peek() const { return atEnd() ? '\0' : text_.front(); }
  void skipLine() { text_.remove_prefix(std::min(text_.find('\n'), text_.size() - 1) + 1); }
  void skipBlanks() { take(" \t"); }
  // Blanks, ends of lines, comments.
  void skipSpace() {
    for (take(" \t\r\n"); peek() == '#'; take(" \t\r\n")) skipLine();
  }
  bool skip(char wanted) {
    if (peek() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string_view word() {
    const std::string_view found = text_.substr(0, text_.find_first_of(" \t\r\n=#"));
    text_.remove_prefix(found.size());
    return found;
  }
  Result<std::string> quoted() {
    const char quote = peek();
    const size_t end = text_.find_first_of(quote == '\'' ? "'\n" : "\"\\\n", 1);
    if ((quote != '\'' && quote != '"') || end == std::string_view::npos || text_[end] != quote)
      return fail(Errc::InvalidInput, "imports: give each path on one line, in single quotes");
    std::string found(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return found;
  }

 private:
  void take(std::string_view these) {
    text_.remove_prefix(std::min(text_.find_first_not_of(these), text_.size()));
  }

  std::string_view text_;
};

Result<std::vector<std::string>> readList(Reader& reader) {
  std::vector<std::string> found;
  if (!reader.skip('[')) return fail(Errc::InvalidInput, "imports is no list");
  for (reader.skipSpace(); !reader.skip(']'); reader.skipSpace()) {
    auto path = reader.quoted();
    if (!path) return fail(path.error());
    found.push_back(std::move(*path));
    reader.skipSpace();
    if (!reader.skip(',') && reader.peek() != ']')
      return fail(Errc::InvalidInput, "imports: the list does not end");
  }
  return found;
}

Result<int> readNumber(Reader& reader) {
  const std::string_view word = reader.word();
  int number = 0;
  const auto [end, bad] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (bad != std::errc() || end != word.data() + word.size())
    return fail(Errc::InvalidInput, "version is no number");
  return number;
}

// As the reader reads it: what had stood in single quotes has none, and no escapes what had not.
std::string inQuotes(const std::string& path) {
  const char quote = path.contains('\'') ? '"' : '\'';
  return quote + path + quote;
}

bool isImported(const ContainerdConfig& config, const std::string& path, const std::string& dropIn) {
  const fs::path folder = fs::path(path).parent_path();
  return std::ranges::any_of(config.imports, [&](const std::string& pattern) {
    const std::string whole = (folder / pattern).lexically_normal().string();
    return ::fnmatch(whole.c_str(), dropIn.c_str(), FNM_PATHNAME) == 0;
  });
}

}  // namespace

Result<ContainerdConfig> parseContainerdConfig(std::string_view text) {
  ContainerdConfig config;
  Reader reader(text);
  for (reader.skipSpace(); !reader.atEnd() && reader.peek() != '['; reader.skipSpace()) {
    const std::string_view key = reader.word();
    reader.skipBlanks();
    const bool isSet = reader.skip('=');
    reader.skipBlanks();
    if (isSet && key == "version") {
      const auto version = readNumber(reader);
      if (!version) return fail(version.error());
      config.version = *version;
    } else if (isSet && key == "imports") {
      auto paths = readList(reader);
      if (!paths) return fail(paths.error());
      config.imports = std::move(*paths);
    }
    if (!reader.atEnd()) reader.skipLine();
  }
  return config;
}

Result<void> checkImports(const ContainerdConfig& config, const std::string& path,
                          const std::string& dropIn) {
  if (config.version < leastVersion) {
    return fail(Errc::InvalidInput, path + " is of version " + std::to_string(config.version) +
                                        ": containerd 2 is needed, and a configuration of version " +
                                        std::to_string(leastVersion) +
                                        "; `containerd config migrate` prints it");
  }
  if (isImported(config, path, dropIn)) return {};
  std::string line = "imports = [";
  for (const std::string& pattern : config.imports) line += inQuotes(pattern) + ", ";
  line += inQuotes(fs::path(dropIn).parent_path().string() + "/*.toml") + "]";
  return fail(Errc::InvalidInput,
              path + " does not import " + dropIn + ": put this line " +
                  (config.imports.empty() ? "above its first table: " : "in the place of its imports: ") +
                  line);
}

}  // namespace cloister::node
