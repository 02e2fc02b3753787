// The files by which gVisor's shim on a node calls cloister-runsc, and what becomes of those that are there.
// Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "json/codec.h"

namespace cloister::node {

// Where things are on the node: absolute paths.
struct Preparation {
  std::string program = "/cloister-runsc";  // to install
  std::string folder = "/opt/cloister";     // to install it to, root's alone
  std::string runsc = "/usr/local/bin/runsc";
  std::string runscRoot = "/run/containerd/runsc";
  std::string socket = "/run/cloister/node.sock";
  std::string store = "/var/lib/cloister/snapshots";  // of cloister-node
  std::string containerdConfig = "/etc/containerd/config.toml";
  std::string containerdSocket = "/run/containerd/containerd.sock";
  std::string dropIn = "/etc/containerd/conf.d/cloister.toml";
  std::string handler = "runsc";             // of the RuntimeClass
  std::vector<std::string> runscFlags = {};  // NAME=VALUE
};

struct NodeFile {
  std::string path;
  std::string text;
  bool isProgram = false;
  bool operator==(const NodeFile&) const = default;
};

// All that is installed, PROGRAM's content among it, in the order in which it is written: what names others
// comes after them. InvalidInput names the setting that cannot be written down.
Result<std::vector<NodeFile>> wantedFiles(const Preparation& settings, std::string program);

struct InstalledFile {
  std::string path;
  std::string sha256;
  bool operator==(const InstalledFile&) const = default;
};
BOOST_DESCRIBE_STRUCT(InstalledFile, (), (path, sha256))

// What was written to the node, in that order: the last file that is written.
struct Installed {
  int version = 1;
  std::vector<InstalledFile> files;
  bool operator==(const Installed&) const = default;
};
BOOST_DESCRIBE_STRUCT(Installed, (), (version, files))

inline constexpr std::string_view installedName = "installed.json";

std::string textOf(const Installed& installed);
Result<Installed> parseInstalled(std::string_view text);

using Sums =
    std::map<std::string, std::string>;  // the SHA-256 of the file at each path; none where there is none

struct Changes {
  std::vector<NodeFile> write;
  std::vector<std::string> remove;
  std::vector<std::string> left;  // ours once, and changed since
  Installed meanwhile;            // what may be there while this is carried out
  Installed after;
};

// From BEFORE and what is THERE to WANTED. InvalidInput where something is in the way that is not ours.
Result<Changes> planInstall(const std::vector<NodeFile>& wanted, const Installed& before, const Sums& there);
Changes planRemoval(const Installed& before, const Sums& there);

}  // namespace cloister::node
