// Files of which the N-th operation fails, or after which everything does, as if the program had died there.
#pragma once

#include <gtest/gtest.h>

#include "node/agent/files.h"

namespace cloister::node {

class FailingFiles final : public Files {
 public:
  int failAt = 0;     // counted from 1; 0: none
  bool dies = false;  // and so does each one after it
  int count = 0;
  std::optional<int64_t> free = {};  // bytes, in place of the disk's

  Result<void> makeFolder(const std::string& path) override {
    if (fails()) return broken();
    return real_->makeFolder(path);
  }
  Result<std::vector<std::string>> list(const std::string& folder) override {
    if (fails()) return broken();
    return real_->list(folder);
  }
  Result<std::string> read(const std::string& path) override {
    if (fails()) return broken();
    return real_->read(path);
  }
  Result<std::string> readAt(const std::string& path, int64_t offset, size_t length) override {
    if (fails()) return broken();
    return real_->readAt(path, offset, length);
  }
  Result<int64_t> freeBytes(const std::string& path) override {
    if (fails()) return broken();
    return free ? *free : real_->freeBytes(path);
  }
  Result<void> write(const std::string& path, std::string_view text) override {
    if (!fails()) return real_->write(path, text);
    (void)real_->write(path, text.substr(0, text.size() / 2));  // the disk was full, or the power gone
    return broken();
  }
  Result<void> append(const std::string& path, std::string_view bytes) override {
    if (!fails()) return real_->append(path, bytes);
    (void)real_->append(path, bytes.substr(0, bytes.size() / 2));
    return broken();
  }
  Result<void> makeProgram(const std::string& path) override {
    if (fails()) return broken();
    return real_->makeProgram(path);
  }
  Result<Time> changedAt(const std::string& path) override {
    if (fails()) return broken();
    return real_->changedAt(path);
  }
  Result<Time> stampOf(const std::string& path) override {
    if (fails()) return broken();
    return real_->stampOf(path);
  }
  Result<void> stamp(const std::string& path, Time time) override {
    if (fails()) return broken();
    return real_->stamp(path, time);
  }
  Result<int64_t> size(const std::string& path) override {
    if (fails()) return broken();
    return real_->size(path);
  }
  Result<FileSum> sumAndSync(const std::string& path) override {
    if (fails()) return broken();
    return real_->sumAndSync(path);
  }
  Result<void> syncFolder(const std::string& path) override {
    if (fails()) return broken();
    return real_->syncFolder(path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (fails()) return broken();
    return real_->rename(from, to);
  }
  Result<void> remove(const std::string& path) override {
    if (fails()) return broken();
    return real_->remove(path);
  }

 private:
  bool fails() { return ++count == failAt || (dies && failAt != 0 && count > failAt); }
  static std::unexpected<Error> broken() { return fail(Errc::Internal, "broken"); }

  std::unique_ptr<Files> real_ = realFiles();
};

}  // namespace cloister::node
