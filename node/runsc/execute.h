// Small things that a program of few words does by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cloister::node {

// Tells it on standard error. The exit code to end with.
int complain(const std::string& message);

// What the last line of runsc's LOG says.
std::string lastWords(std::string_view log);

// Becomes PROGRAM. Returns the exit code to end with, if that fails.
int execute(const std::string& program, std::vector<std::string> args);
// Becomes the program that FILE is, whatever PROGRAM, its name, stands for by now.
int execute(int file, const std::string& program, std::vector<std::string> args);

}  // namespace cloister::node
