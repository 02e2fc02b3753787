// Which runsc a container was created with, and is spoken to with until its end. The node's own may be
// replaced at any time, and what runs goes on with the former one, of which cloister-node keeps a copy
// (agent/versions.h). A restore needs the very version that took the checkpoint.
//
// FOLDER is where the copies are, one folder each: FOLDER/VERSION/runsc, and FOLDER/VERSION/of, which has a
// line for each file that this was a copy of (fileAt). It may be empty, or not be there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/codec.h"

namespace cloister::node {

struct Program {
  std::string path;
  std::string file;           // which one was there (fileAt)
  std::string restored = {};  // the folder of the snapshot whose files it was created with; empty: of none
  bool operator==(const Program&) const = default;
};
BOOST_DESCRIBE_STRUCT(Program, (), (path, file, restored))

// Another text for every other file that is, or was, at PATH: its device, number and the time of its last
// change. Empty when there is none.
std::string fileAt(const std::string& path);
std::string fileOf(int descriptor);

// What the container of BUNDLE was created with, as the file says that cloister-runsc leaves in the bundle.
// None: it has left none.
std::optional<Program> createdWith(const std::string& bundle);
// Leaves that file.
Result<void> noteCreation(const std::string& bundle, const Program& program);

// Where the copies are, of a node whose snapshots are in STORE.
inline std::string copiesIn(const std::string& store) {
  return store + "/.versions";
}

// A name of a folder: letters, digits and "._+-", which does not begin with a dot, of at most 128.
bool isVersion(std::string_view version);
std::string copyOf(const std::string& folder, const std::string& version);
// LIST, which is a copy's FOLDER/VERSION/of, has FILE.
bool isListed(std::string_view list, std::string_view file);
// Of PROGRAM, which is a copy, or there is one of it that can be run; empty when FOLDER tells none.
std::string versionOf(const std::string& folder, const Program& program);

// What the container of BUNDLE is to be spoken to with: INSTALLED, unless it was created with another one
// that is still there.
std::string programFor(const std::string& installed, const std::string& folder, const std::string& bundle);

}  // namespace cloister::node
