"""What is changed mechanically, and that it compiles and does what its name says."""

import os
import subprocess
from pathlib import Path

import pytest

from schemata import mechanical, syntax
from schemata.edits import weave

ROOT = Path(__file__).resolve().parents[3]

SOURCE = """#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
namespace cloister {
std::optional<int> positive(int a) {
  return a > 0 ? std::optional(a) : std::nullopt;
}
bool both(int a, int b) {
  return a > 1 && b > 1 && a + b > 5;
}
template <class T>
T least(T a, T b) {
  return std::min(a, b);
}
bool isWord(const std::string& text) {
  const bool same = text != "word";
  return !same;
}
int main(int a, int b) {
  int sum = 0;
  if (const auto found = positive(a)) sum += *found;
  if (a == b) sum += 10;
  while (sum < b) ++sum;
  return sum + least(a, b);
}
}
int main(int argc, char** argv) {
  const int a = std::atoi(argv[1]), b = std::atoi(argv[2]);
  std::cout << cloister::both(a, b) << cloister::isWord(argc > 3 ? argv[3] : "") << " " << cloister::main(a, b);
}
"""


@pytest.fixture(scope="module", name="program")
def fixture_program(tmp_path_factory):
    """run(WORDS..., NAME) -> what SOURCE prints with the mutant of that name at work."""
    folder = tmp_path_factory.mktemp("mechanical")
    source = folder / "source.cc"
    source.write_text(SOURCE)
    command = f"clang++-19 -std=c++23 -I{ROOT} -o {folder}/program -c {source}"
    mutants = mechanical.derive("source.cc", SOURCE, syntax.read(command, str(folder), "cloister", source))
    for number, mutant in enumerate(mutants):
        mutant.number = number
    (folder / "woven.cc").write_text(weave(SOURCE, mutants))
    subprocess.run(["clang++-19", "-std=c++23", f"-I{ROOT}", "-o", folder / "program", folder / "woven.cc"], check=True)
    numbers = {mutant.name.removeprefix("source.cc: "): str(mutant.number) for mutant in mutants}

    def run(*words, name=None):
        environment = dict(os.environ, CLOISTER_MUTANTS_MET=str(folder / "met"))
        if name:
            environment["CLOISTER_MUTANT"] = numbers[name]
        done = subprocess.run([folder / "program", *words], env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    run.names = list(numbers)
    run.met = lambda: {list(numbers)[int(line)] for line in (folder / "met").read_text().split()}
    return run


def test_every_guard_and_comparison_is_changed_and_nothing_twice(program):
    assert program.names == [
        "positive: boundary: a > 0",
        "positive: otherwise: a > 0",
        "both: boundary: a > 1",
        "both: without: a > 1",
        "both: always: a > 1 && b > 1 && a + b > 5",
        "both: never: a > 1 && b > 1 && a + b > 5",
        "both: boundary: b > 1",
        "both: without: b > 1",
        "both: boundary: a + b > 5",
        "both: without: a + b > 5",
        "least: extreme: std::min(a, b)",
        'isWord: inverted: text != "word"',
        "isWord: inverted: !same",
        "main: never: const auto found = positive(a)",
        "main: always: a == b",
        "main: never: a == b",
        "main: boundary: sum < b",
        "main: never: sum < b",
    ]


@pytest.mark.parametrize(("words", "name", "without", "mutated"), [
    (("2", "3"), "both: boundary: a + b > 5", "00 5", "10 5"),
    (("2", "4"), "both: boundary: a + b > 5", "10 6", "10 6"),
    (("2", "3"), "both: without: a + b > 5", "00 5", "10 5"),
    (("1", "9"), "both: without: a > 1", "00 10", "10 10"),
    (("2", "4"), "both: never: a > 1 && b > 1 && a + b > 5", "10 6", "00 6"),
    (("1", "1"), "both: always: a > 1 && b > 1 && a + b > 5", "00 12", "10 12"),
    (("2", "4"), "least: extreme: std::min(a, b)", "10 6", "10 8"),
    (("0", "0", "word"), 'isWord: inverted: text != "word"', "01 10", "00 10"),
    (("5", "2"), "main: never: const auto found = positive(a)", "10 7", "10 4"),
    (("5", "2"), "main: always: a == b", "10 7", "10 17"),
    (("2", "2"), "main: never: a == b", "00 14", "00 4"),
    (("1", "4"), "main: never: sum < b", "00 5", "00 2"),
    (("1", "4"), "main: boundary: sum < b", "00 5", "00 6"),
])
def test_each_does_what_its_name_says(program, words, name, without, mutated):
    assert program(*words) == without
    assert program(*words, name=name) == mutated


def test_it_is_known_which_places_were_passed(program):
    program("0", "0")
    assert "both: boundary: a > 1" in program.met()
    assert "both: boundary: b > 1" not in program.met()
