// The file operations that snapshots are kept with: an interface, so that each of them can be made to fail.
// All of them block; folders are 0700, files 0600. Errors are Internal, with the path and the reason.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cloister::node {

struct FileSum {
  int64_t size = 0;  // bytes
  std::string sha256;
  bool operator==(const FileSum&) const = default;
};

class Files {
 public:
  virtual ~Files() = default;
  // With its parents; one that is there already is no error, and closed to others.
  virtual Result<void> makeFolder(const std::string& path) = 0;
  // Sorted; empty where there is no such folder.
  virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
  // NotFound when there is none; an error when it is larger than 16 MiB.
  virtual Result<std::string> read(const std::string& path) = 0;
  // LENGTH bytes from OFFSET on, or as many as there are; none past its end. NotFound when there is no such
  // file.
  virtual Result<std::string> readAt(const std::string& path, int64_t offset, size_t length) = 0;
  // That may still be written to the disk of PATH.
  virtual Result<int64_t> freeBytes(const std::string& path) = 0;
  // A new file, on disk when this returns.
  virtual Result<void> write(const std::string& path, std::string_view text) = 0;
  // To the end of the file, which is made if need be. Not on disk yet: see sumAndSync.
  virtual Result<void> append(const std::string& path, std::string_view bytes) = 0;
  // Whoever reaches it may run it: runsc does so again as nobody.
  virtual Result<void> makeProgram(const std::string& path) = 0;
  virtual Result<int64_t> size(const std::string& path) = 0;
  // When it was made, written, renamed or given other rights last, by the machine's clock.
  virtual Result<Time> changedAt(const std::string& path) = 0;
  // Its time stamp: when it was written last, or what was set since.
  virtual Result<Time> stampOf(const std::string& path) = 0;
  virtual Result<void> stamp(const std::string& path, Time time) = 0;
  // Reads the whole file, and returns when it is on disk.
  virtual Result<FileSum> sumAndSync(const std::string& path) = 0;
  // Names made, renamed and removed in it are on disk when this returns.
  virtual Result<void> syncFolder(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  // With all that is in it; one that is not there is no error.
  virtual Result<void> remove(const std::string& path) = 0;
};

// The machine's.
std::unique_ptr<Files> realFiles();

}  // namespace cloister::node
