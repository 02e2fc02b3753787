// Small things that a program of few words does by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cloister::node {

// All that comes from FILE, which is closed then. Empty when it cannot be read, or is too large.
std::string readAll(int file);
std::string readFile(const std::string& path);
bool writeAll(int file, std::string_view text);

// Tells it on standard error. The exit code to end with.
int complain(const std::string& message);

// What the last line of runsc's LOG says.
std::string lastWords(std::string_view log);

// Becomes PROGRAM. Returns the exit code to end with, if that fails.
int execute(const std::string& program, std::vector<std::string> args);

}  // namespace cloister::node
