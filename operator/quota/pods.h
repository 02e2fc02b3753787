// A namespace's pods, as requests and grants are held against them. Pure.
#pragma once

#include "operator/quota/plan.h"

namespace cloister::quota {

class Pods {
 public:
  explicit Pods(const Observed& observed);

  // By those that have not ended.
  const Amount& used() const { return used_; }
  // None: there is no such pod; else whether the watch has told of it, so that another process sees it as
  // well before it may decide anything.
  std::optional<bool> named(const std::string& name) const;
  // The pod that GRANT promised; of a Sandbox, whichever it got for that start.
  std::optional<bool> keeping(const api::QuotaGrant& grant) const;
  // The Sandbox UID has what it asked for by REQUEST, or a pod of that name is in its place still.
  bool has(const std::string& uid, const Request& request) const;

 private:
  // Of which Sandbox, and which of its pods, the first being 0.
  using Start = std::pair<std::string, int64_t>;

  Amount used_;
  std::map<std::string, bool> byName_;
  std::map<Start, bool> byStart_;  // that have not ended
};

}  // namespace cloister::quota
