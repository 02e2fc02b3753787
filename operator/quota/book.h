// Who wants a pod, as this process last saw it, and what the quota answered. Only a means to batch and to put
// in order: what counts are the grants in the SandboxQuota's status.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "operator/quota/amount.h"

namespace cloister::quota {

// One pod.
struct Request {
  std::string pod;  // its name; empty: one of a pool's pods is to be taken, which is counted already
  Amount need;      // nothing, then
  std::optional<int64_t> restart = {};  // number of the Sandbox's pod that it is for; none: its first
  bool operator==(const Request&) const = default;
};

// A Sandbox, which wants one pod at most, or a SandboxPool.
struct Asker {
  std::string name;
  std::string uid;
  std::string version;  // resourceVersion that was looked at
  Time created;
  std::optional<std::vector<Request>> wants;  // none: this process has not looked at it as it is now
  uint64_t pods = 0;                          // the pods' version that WANTS rests on
  std::optional<int64_t> restart = {};        // of a Sandbox: number of its pod when it was looked at
  bool operator==(const Asker&) const = default;
};

// Why it has to wait.
struct Answer {
  std::optional<Limit> limit;  // none: Sandboxes that wait come first, or the quota cannot be read
  bool tooSmall = false;       // ... and would be if nothing else was there
  int position = 0;            // among the Sandboxes that wait, from 1 on; 0: none
  bool operator==(const Answer&) const = default;
};

class Book {
 public:
  using Askers = std::map<std::string, Asker>;  // by uid
  // Told with the namespace when somebody wants something else than before; that it is wanted on a newer view
  // is no news.
  void onChange(std::function<void(const std::string&)> observer) { observer_ = std::move(observer); }

  // What a Sandbox or a pool wants, having been looked at. It stays until it is forgotten.
  void noteSandbox(const std::string& namespace_, Asker sandbox);
  void notePool(const std::string& namespace_, Asker pool);
  void forget(const std::string& namespace_, const std::string& uid);
  void forgetAll(const std::string& namespace_) { pages_.erase(namespace_); }

  const Askers& sandboxes(const std::string& namespace_) const { return page(namespace_).sandboxes; }
  const Askers& pools(const std::string& namespace_) const { return page(namespace_).pools; }

  // Somebody has decided to make POD, and does not know yet whether it is there.
  void begin(const std::string& namespace_, const std::string& pod);
  void end(const std::string& namespace_, const std::string& pod);
  bool isUnderWay(const std::string& namespace_, const std::string& pod) const;

  std::optional<Answer> answer(const std::string& namespace_, const std::string& uid) const;
  // No answer: it has what it wants.
  void publish(const std::string& namespace_, const std::string& uid, std::optional<Answer> answer);

 private:
  struct Page {
    Askers sandboxes;
    Askers pools;
    std::map<std::string, Answer> answers;
  };
  const Page& page(const std::string& namespace_) const;
  void note(Askers& askers, const std::string& namespace_, Asker asker);

  std::map<std::string, Page> pages_;
  std::multiset<std::pair<std::string, std::string>> underWay_;  // namespaces and names of pods
  std::function<void(const std::string&)> observer_;
};

// PODS are under way for as long as this lives.
class UnderWay {
 public:
  UnderWay(Book& book, std::string namespace_, std::vector<std::string> pods);
  ~UnderWay();
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  Book& book_;
  std::string namespace_;
  std::vector<std::string> pods_;
};

}  // namespace cloister::quota
