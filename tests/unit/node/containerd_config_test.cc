#include "node/agent/containerd_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::node {
namespace {

using testing::HasSubstr;

const std::string path = "/etc/containerd/config.toml";
const std::string dropIn = "/etc/containerd/conf.d/cloister.toml";

Result<void> check(std::string_view text) {
  const auto config = parseContainerdConfig(text);
  if (!config) return fail(config.error());
  return checkImports(*config, path, dropIn);
}

TEST(ContainerdConfig, IsReadAboveTheFirstTable) {
  const auto config = parseContainerdConfig(R"(# version = 1
version = 3 # of the file
root = "/imports = ['/no']"
imports = [  # some
  "/etc/containerd/conf.d/*.toml", # the usual
  'more/*.toml',
]
disabled_plugins = [
  "a.b"]
[plugins]
  version = 2
imports = ["/etc/not/this"]
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config,
            (ContainerdConfig{.version = 3, .imports = {"/etc/containerd/conf.d/*.toml", "more/*.toml"}}));
}

TEST(ContainerdConfig, ImportsTheDropIn) {
  for (const char* imports :
       {"/etc/containerd/conf.d/*.toml", "conf.d/*.toml", "./conf.d/cloister.toml", "/etc/*/conf.d/*"})
    EXPECT_TRUE(check("version = 3\nimports = ['" + std::string(imports) + "']")) << imports;
  EXPECT_TRUE(check("imports=['conf.d/*']\nversion=4"));
}

TEST(ContainerdConfig, SaysWhichLineIsMissing) {
  EXPECT_THAT(check("version = 3").error().message,
              HasSubstr("put this line above its first table: imports = ['/etc/containerd/conf.d/*.toml']"));
  EXPECT_THAT(check("version = 3\nimports = [\"/a/*.toml\", '/etc/*.toml']\n[x]").error().message,
              HasSubstr("in the place of its imports: imports = ['/a/*.toml', '/etc/*.toml', "
                        "'/etc/containerd/conf.d/*.toml']"));
}

TEST(ContainerdConfig, SaysALineThatCanBeRead) {
  EXPECT_THAT(check("version = 3\nimports = [\"it's/*.toml\"]").error().message,
              HasSubstr("imports = [\"it's/*.toml\", '/etc/containerd/conf.d/*.toml']"));
}

TEST(ContainerdConfig, IsNotTakenWhenItIsOfAnOldVersion) {
  for (const char* text : {"", "imports = ['conf.d/*']", "version = 2\nimports = ['conf.d/*']"})
    EXPECT_THAT(check(text).error().message, HasSubstr("`containerd config migrate` prints it")) << text;
}

TEST(ContainerdConfig, SaysWhatItCannotRead) {
  for (const char* text :
       {"version = three", "version =", "version = 3x", "imports = 'conf.d/*'", "imports = ['a' 'b']",
        "imports = [a]", "imports = ['a", "imports = ['a'", "imports = ['a',", "imports = [\"a\\u0041\"]",
        "imports = ['a\n']", "imports =", "imports = ["}) {
    const auto config = parseContainerdConfig(text);
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, Errc::InvalidInput);
  }
}

TEST(ContainerdConfig, EndsWhereverTheTextDoes) {
  const std::string whole = "# c\nversion = 3 # v\nimports = [ 'a', # b\n \"c\" ]\nroot = 'x'\n[t]";
  for (size_t length = 0; length <= whole.size(); ++length) {
    const auto config = parseContainerdConfig(std::string_view(whole).substr(0, length));
    if (config) EXPECT_LE(config->imports.size(), 2U) << length;
  }
}

}  // namespace
}  // namespace cloister::node
