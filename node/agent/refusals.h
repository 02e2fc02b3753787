// That a pod has one answer: what was refused to its root container is not allowed to the others. gVisor
// starts such a root container all the same (runsc/decide.cc), with nothing in it; while, by the time that
// the next container asks, a snapshot may have come that it could be restored from.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "node/protocol.h"

namespace cloister::node {

class Refusals {
 public:
  // Of so many pods, those refused last: the containers of one ask within minutes.
  static constexpr size_t most = 256;

  // ANSWER is what REQUEST gets.
  void note(const StartRequest& request, const StartAnswer& answer) {
    if (request.kind != ContainerKind::sandbox) return;
    std::erase_if(roots_, [&](const Root& root) { return root.podUID == request.podUID; });
    std::erase(started_, request.podUID);
    if (answer.action == StartAction::Refuse) add(roots_, {request.podUID, answer.message});
    if (answer.action == StartAction::Start) add(started_, request.podUID);
    if (answer.action == StartAction::Restore) add(restored_, request.podUID);
  }
  // How often root containers of its pod were to be restored before REQUEST, which is another one's: as often
  // that has failed.
  int restores(const StartRequest& request) const {
    if (request.kind != ContainerKind::sandbox) return 0;
    return int(std::ranges::count(restored_, request.podUID));
  }
  // Its pod's root container was started: there is nothing in it that others could be restored into.
  bool isStarted(const StartRequest& request) const {
    return request.kind != ContainerKind::sandbox &&
           std::ranges::find(started_, request.podUID) != started_.end();
  }
  // Whether REQUEST may get another answer than a refusal.
  bool allow(const StartRequest& request) const { return reason(request).empty(); }
  // Why its pod's root container was refused; empty when it was not, or REQUEST is the root container's.
  std::string reason(const StartRequest& request) const {
    if (request.kind == ContainerKind::sandbox) return "";
    const auto found = std::ranges::find(roots_, request.podUID, &Root::podUID);
    return found == roots_.end() ? "" : found->message;
  }

 private:
  struct Root {
    std::string podUID;
    std::string message;
  };
  // The oldest goes where there is no room.
  template <class T>
  static void add(std::vector<T>& to, T one) {
    if (to.size() == most) to.erase(to.begin());
    to.push_back(std::move(one));
  }

  std::vector<Root> roots_;
  std::vector<std::string> started_;   // uids of pods; and
  std::vector<std::string> restored_;  // ... one for each time, whatever became of it
};

}  // namespace cloister::node
