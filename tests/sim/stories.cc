#include "tests/sim/stories.h"

#include "tests/sim/wishes.h"

namespace cloister::sim {
namespace {

constexpr Duration early = seconds(1);
constexpr Duration later = seconds(15);
constexpr Duration last = seconds(50);

Step create(std::string image, Step more = {}) {
  more.at = early;
  more.what = What::Create;
  more.how = std::move(image);
  return more;
}

Step at(Duration when, What what, Step more = {}) {
  more.at = when;
  more.what = what;
  return more;
}

Script story(std::string name, std::vector<Step> steps, Setup setup = {}) {
  setup.election = false;
  if (steps.back().at < last) steps.push_back(at(last, What::Repeat));
  return {.name = std::move(name), .seed = 7, .setup = setup, .steps = std::move(steps)};
}

void addStarts(std::vector<Script>& out) {
  out.push_back(story("start", {create("runs")}));
  out.push_back(story("start with egress", {create("runs", {.count = 1})}));
  out.push_back(story("start slowly", {create("slow")}));
  out.push_back(story("start two under one policy",
                      {create("runs", {.count = 1}), create("runs", {.which = 2, .count = 1})}));
  out.push_back(story("complete", {create("completes")}));
  out.push_back(story("crash", {create("crashes")}));
  out.push_back(story("cannot be pulled", {create("unpullable")}));
  out.push_back(story("refused by the node", {create("refused")}));
  out.push_back(story("fits nowhere", {create("unschedulable")}));
  out.push_back(story("a quota is in the way for a while",
                      {at({}, What::Quota, {.span = seconds(20)}), create("runs")}));
  out.push_back(story("no RuntimeClass for a while",
                      {at({}, What::NoRuntimeClass, {.span = seconds(20)}), create("runs")}));
  out.push_back(story("a name that is taken", {create("runs"), at(early, What::Squat)}));
  out.push_back(story(
      "a name that is taken for a while",
      {create("runs"), at(early, What::Squat), at(later, What::DeletePod), at(seconds(100), What::Repeat)}));
  out.push_back(
      story("a state that is refused", {create("runs"), at(later, What::SetState, {.how = "Paused"})}));
  out.push_back(story("a state that is refused for a while, before there is a pod",
                      {at({}, What::Quota, {.span = seconds(12)}), create("runs"),
                       at(seconds(8), What::SetState, {.how = "Paused"}),
                       at(seconds(30), What::SetState, {.how = "Running"})}));
}

Step want(Duration when, const char* state) {
  return at(when, What::SetState, {.how = state});
}

void addPauses(std::vector<Script>& out) {
  const Setup agents{.agents = true};
  const Step pause = want(seconds(8), "Paused");
  const Step resume = want(seconds(30), "Running");
  const Step end = at(seconds(25), What::EndPod, {.how = "oom"});
  out.push_back(story("pause", {create("runs"), pause}, agents));
  out.push_back(story("pause and resume", {create("runs"), pause, resume}, agents));
  out.push_back(story("pause past the ttl, and resume",
                      {create("runs", {.span = seconds(20)}), pause, resume}, agents));
  out.push_back(story("pause, and end so", {create("runs"), pause, end}, agents));
  out.push_back(story("pause, be restarted, and pause again",
                      {create("runs", {.restart = "Always"}), pause, end}, agents));
  out.push_back(story("pause, and delete", {create("runs"), pause, at(later, What::Delete)}, agents));
}

void addSuspends(std::vector<Script>& out) {
  const Setup agents{.agents = true};
  const Step runs = create("runs");
  const Step suspend = want(seconds(8), "Suspended");
  const Step resume = want(seconds(35), "Running");
  out.push_back(story("suspend", {runs, suspend}, agents));
  out.push_back(story("suspend and resume", {runs, suspend, resume}, agents));
  out.push_back(
      story("suspend, and think better of it", {runs, suspend, want(seconds(9), "Running")}, agents));
  out.push_back(
      story("suspend, and resume while it is saved", {runs, suspend, want(seconds(11), "Running")}, agents));
  out.push_back(
      story("pause, suspend, and pause again",
            {runs, want(seconds(8), "Paused"), want(seconds(12), "Suspended"), want(seconds(35), "Paused")},
            agents));
  out.push_back(story("suspend, resume and suspend",
                      {runs, suspend, want(seconds(22), "Running"), want(seconds(30), "Suspended")}, agents));
  out.push_back(story("suspend past the ttl, and resume",
                      {create("runs", {.span = seconds(20)}), suspend, resume}, agents));
  out.push_back(story("suspend, and delete",
                      {runs, suspend, at(seconds(30), What::Delete, {.how = "Background"})}, agents));
  out.push_back(story("suspend and resume under a quota",
                      {runs, suspend, resume, at(later, What::Create, {.which = 2, .how = "runs"}),
                       at(seconds(70), What::Delete, {.which = 2, .how = "Background"})},
                      {.quota = 1, .agents = true}));
}

// The end of what is created so comes 21 or 22 s after the beginning.
Step brief(int wish, Step more = {}) {
  more.count = wish;
  more.span = seconds(20);
  return create("runs", std::move(more));
}

void addKept(std::vector<Script>& out) {
  const Step runs = brief(suspendWish());
  const Step moved = at(seconds(40), What::SetTtl, {.span = seconds(3000)});
  const auto add = [&](std::string name, std::vector<Step> steps, Setup setup = {.agents = true}) {
    out.push_back(story(std::move(name), std::move(steps), setup));
  };
  add("end suspended", {runs});
  add("end suspended, and go on", {runs, moved});
  add("move the end while it is saved",
      {runs, at(milliseconds(23'000), What::SetTtl, {.span = seconds(3000)})});
  add("pause, go on, and end suspended",
      {runs, want(seconds(8), "Paused"), want(seconds(30), "Running"), at(seconds(90), What::Repeat)});
  add("end suspended, and delete", {runs, at(seconds(40), What::Delete, {.how = "Background"})});
  add("end suspended, and be deleted at the end",
      {runs, at(seconds(40), What::SetOnExpiry, {.how = "Delete"})});
  add("end suspended under a quota", {runs, at(later, What::Create, {.which = 2, .how = "runs"})},
      {.quota = 1, .agents = true});
  add("end before it starts, suspended",
      {at({}, What::Quota, {.span = seconds(60)}), create("runs", {.count = briefWish()}),
       at(seconds(3), What::SetOnExpiry, {.how = "Suspend"}), at(seconds(90), What::Repeat)});
  add("end after a crash, suspended", {create("crashes", {.count = suspendWish(), .span = seconds(20)})});
  add("end while no node answers",
      {runs, at(later, What::LoseNode, {.which = 0, .span = seconds(60)}),
       at(later, What::LoseNode, {.which = 1, .span = seconds(60)}),
       at(later, What::LoseNode, {.which = 2, .span = seconds(60)}), at(seconds(90), What::Repeat)});
  add("leave a snapshot", {brief(handWish())});
  add("leave the snapshot that it is suspended in",
      {create("runs", {.count = briefWish()}), at(seconds(3), What::SetOnExpiry, {.how = "Snapshot"}),
       want(seconds(8), "Suspended")});
  add("leave no snapshot after a crash", {create("crashes", {.count = handWish(), .span = seconds(20)})});
}

void addEnds(std::vector<Script>& out) {
  const Step runs = create("runs");
  const Step shortLived = create("runs", {.span = seconds(20)});
  out.push_back(story("expire", {shortLived}));
  out.push_back(story("expire after a crash", {create("crashes", {.span = seconds(20)})}));
  out.push_back(story("raise the ttl", {shortLived, at(later, What::SetTtl, {.span = seconds(3000)})}));
  out.push_back(story("lower the ttl", {runs, at(later, What::SetTtl, {.span = seconds(2)})}));
  out.push_back(story("delete", {runs, at(later, What::Delete, {.how = "Background"})}));
  out.push_back(story("delete in the foreground", {runs, at(later, What::Delete, {.how = "Foreground"})}));
  // Beside another, which needs the same policy in any case.
  out.push_back(story(
      "delete while it starts",
      {runs, create("runs", {.which = 2}), at(milliseconds(1300), What::Delete, {.how = "Background"})}));
  out.push_back(story("orphan", {runs, at(later, What::Delete, {.how = "Orphan"})}));
  out.push_back(story("recreate", {runs, at(later, What::Delete, {.how = "Background"}),
                                   at(milliseconds(15'010), What::Create, {.how = "runs"})}));
  out.push_back(story("held by a finalizer", {shortLived, at(seconds(12), What::Pin),
                                              at(seconds(13), What::Delete, {.how = "Background"})}));
  out.push_back(story("expire under a finalizer", {shortLived, at(seconds(5), What::Pin)}));
  out.push_back(story("delete the namespace", {runs, at(later, What::DeleteNamespace)}));
  out.push_back(story("lose the pod", {runs, at(later, What::DeletePod)}));
  out.push_back(story("lose the pod before it starts", {runs, at(milliseconds(1100), What::DeletePod)}));
  for (const char* how : {"completed", "crashed", "oom", "evicted"})
    out.push_back(story(how, {runs, at(later, What::EndPod, {.how = how})}));
}

void addChanges(std::vector<Script>& out) {
  const Step runs = create("runs");
  const Step outward = create("runs", {.count = 1});
  out.push_back(story("lose every node for a while",
                      {runs, at(later, What::LoseNode, {.which = 0, .span = seconds(12)}),
                       at(later, What::LoseNode, {.which = 1, .span = seconds(12)}),
                       at(later, What::LoseNode, {.which = 2, .span = seconds(12)})}));
  out.push_back(story("open the network", {runs, at(later, What::SetEgress, {.how = "Internet"})}));
  out.push_back(story("close the network", {outward, at(later, What::SetEgress, {.how = "None"})}));
  out.push_back(story("strip the label", {outward, at(later, What::StripLabel)}));
  out.push_back(story("drop the policies", {outward, at(later, What::DropPolicies)}));
  out.push_back(story("bend the policies", {outward, at(later, What::BendPolicies)}));
  out.push_back(story("a policy is used no more", {outward, at(later, What::Delete, {.how = "Background"})},
                      {.lingers = true}));
}

void addRestarts(std::vector<Script>& out) {
  constexpr Duration rested = seconds(110);
  const Step runs = create("runs", {.restart = "OnFailure"});
  const Step crashes = at(later, What::EndPod, {.how = "crashed"});
  const Step end = at(rested, What::Repeat);
  out.push_back(story("restart after a crash", {runs, crashes, end}));
  out.push_back(story("restart what completes", {create("runs", {.restart = "Always"}),
                                                 at(later, What::EndPod, {.how = "completed"}), end}));
  out.push_back(story("restart twice", {create("crashes", {.restart = "OnFailure"}), end}));
  out.push_back(story("restart what cannot start", {create("unstartable", {.restart = "OnFailure"}), end}));
  out.push_back(story("restart what lost its pod", {runs, at(later, What::DeletePod), end}));
  out.push_back(story("restart with its workspace",
                      {create("runs", {.count = lastingWish(), .restart = "OnFailure"}), crashes, end}));
  out.push_back(story("expire before a restart",
                      {create("runs", {.span = seconds(20), .restart = "OnFailure"}), crashes, end}));
  out.push_back(story("delete before a restart",
                      {runs, crashes, at(seconds(20), What::Delete, {.how = "Background"}), end}));
  out.push_back(story("restart while the node is lost",
                      {runs, at(later, What::LoseNode, {.which = 0, .span = seconds(60)}),
                       at(later, What::LoseNode, {.which = 1, .span = seconds(60)}),
                       at(later, What::LoseNode, {.which = 2, .span = seconds(60)}),
                       at(seconds(16), What::DeletePod), at(seconds(130), What::Repeat)}));
}

// What can go wrong at each write of the operator, and at each change.
constexpr const char* atWrite[] = {"crashBefore", "crashAfter"};
constexpr const char* atChange[] = {"crash", "gap", "lag", "stale"};

Script disturbed(Script script, What what, int place, const char* how) {
  script.steps.insert(script.steps.begin(), {.what = what, .count = place, .how = how});
  return script;
}

class Collector {
 public:
  explicit Collector(int share) : share_(share) {}

  // Where an end is that of OTHER's run, it is found out only if it is needed.
  void add(const Script& story, What what, int place, const char* how, const std::string* end,
           const Script* other = nullptr) {
    if (next_++ % share_ != 0) return;
    const char* of = what == What::AtWrite ? " at write " : " at change ";
    found_.push_back({.name = story.name + of + std::to_string(place) + ": " + how,
                      .script = disturbed(story, what, place, how),
                      .end = end != nullptr ? *end : run(*other).end});
  }
  std::vector<Trial> take() { return std::move(found_); }

 private:
  int share_;
  int next_ = 0;
  std::vector<Trial> found_;
};

}  // namespace

// The pool has been filled by then.
constexpr Duration filled = seconds(8);

Step take(Step more = {}) {
  more.what = What::Create;
  if (more.at == Duration{}) more.at = filled;
  more.how = "pool";
  return more;
}

void addPools(std::vector<Script>& out) {
  const Setup cold{.pool = 1, .idle = 1};
  const Setup wait{.pool = 2, .idle = 1};
  const auto add = [&](std::string name, std::vector<Step> steps, const Setup& setup) {
    out.push_back(story(std::move(name), std::move(steps), setup));
  };
  add("fill a pool", {at(early, What::Repeat)}, {.pool = 1, .idle = 2});
  add("take a pod", {take()}, cold);
  add("take a pod and expire", {take({.span = seconds(20)})}, cold);
  add("take a pod and be deleted", {take(), at(seconds(20), What::Delete, {.how = "Background"})}, cold);
  add("take a pod that opens", {take({.count = 1})}, cold);
  add("take a pod from an empty pool", {take({.at = milliseconds(100)})}, cold);
  add("wait for a pod", {take({.at = milliseconds(100)})}, wait);
  add("wait for the second pod", {take(), take({.which = 2})}, wait);
  add("start from a template", {at(early, What::Create, {.how = "template"})}, cold);
  add("edit the template", {take(), at(later, What::EditTemplate, {.how = "team/runs"})}, cold);
  add("restart from a pool",
      {take({.restart = "OnFailure"}), at(seconds(40), What::EndPod, {.how = "crashed"}),
       at(seconds(130), What::Repeat)},
      cold);
  add("scale up", {at(filled, What::ScalePool, {.count = 3})}, cold);
  add("scale down", {at(filled, What::ScalePool, {.count = 1})}, {.pool = 1, .idle = 3});
}

void addHolds(std::vector<Script>& out) {
  const Setup one{.pool = 1, .idle = 1, .agents = true, .hold = true};
  // So that one waits on the node of the snapshot.
  const Setup many{.pool = 1, .idle = 4, .agents = true, .hold = true};
  const auto add = [&](std::string name, std::vector<Step> steps, const Setup& setup) {
    out.push_back(story(std::move(name), std::move(steps), setup));
  };
  // The Sandbox that is created again where the disturbance says so is the one that continues.
  const Step saved = create("runs", {.which = 2});
  const Step save = at(filled, What::TakeSnapshot, {.which = 2});
  const Step fork = take({.at = later, .count = continueWish()});
  add("hold a pool", {at(early, What::Repeat)}, one);
  add("begin in a held pod", {take()}, one);
  add("begin in a held pod, and expire", {take({.span = seconds(20)})}, one);
  add("go on from a snapshot in a held pod", {saved, save, fork}, many);
  add("go on from a snapshot in a held pod, and again after a crash",
      {saved, save, take({.at = later, .count = continueWish(), .restart = "OnFailure"}),
       at(seconds(40), What::EndPod, {.how = "crashed"}), at(seconds(130), What::Repeat)},
      many);
  add("go on from a snapshot without a pool",
      {saved, save, at(later, What::Create, {.count = continueWish(), .how = "runs"})}, {.agents = true});
  add("hold no more", {at(filled, What::ScalePool, {.how = "release"})}, one);
}

// There is a golden snapshot by then, unless its builder did not get warm.
constexpr Duration saved = seconds(25);

void addGoldens(std::vector<Script>& out) {
  const Setup golden{.pool = 1, .idle = 0, .agents = true, .golden = true};
  const Setup held{.pool = 1, .idle = 4, .agents = true, .hold = true, .golden = true};
  const auto add = [&](std::string name, std::vector<Step> steps, const Setup& setup) {
    out.push_back(story(std::move(name), std::move(steps), setup));
  };
  const Step start = at(saved, What::Create, {.how = "template"});
  const auto spoil = [](Duration when, const char* how) {
    return at(when, What::DropSnapshot, {.span = seconds(10), .how = how});
  };
  add("make a golden snapshot", {at(early, What::Repeat)}, golden);
  add("begin from a golden snapshot", {start}, golden);
  add("begin from a golden snapshot, and again after a crash",
      {at(saved, What::Create, {.how = "template", .restart = "OnFailure"}),
       at(seconds(70), What::EndPod, {.how = "crashed"}), at(seconds(160), What::Repeat)},
      golden);
  add("begin from a golden snapshot in a held pod", {take({.at = saved})}, held);
  add("edit a template with a golden snapshot",
      {start, at(seconds(28), What::EditTemplate, {.how = "team/runs"}),
       at(seconds(50), What::Create, {.which = 2, .how = "template"})},
      golden);
  add("want no golden snapshot any more", {start, at(seconds(30), What::EditTemplate, {.how = "cold"})},
      golden);
  add("lose a golden snapshot", {spoil(saved, "corrupt"), at(seconds(27), What::Create, {.how = "template"})},
      golden);
  add("delete a golden snapshot", {spoil(saved, "deleted"), start}, golden);
  add("change a builder", {spoil(seconds(4), "changed"), start}, golden);
  add("delete a template with a golden snapshot",
      {at(saved, What::DropTemplate, {.span = seconds(10), .how = "Background"})}, golden);
}

void addQuotas(std::vector<Script>& out) {
  const auto add = [&](std::string name, std::vector<Step> steps, const Setup& setup) {
    out.push_back(story(std::move(name), std::move(steps), setup));
  };
  const Step second = at(seconds(3), What::Create, {.which = 2, .how = "runs"});
  const Setup one{.quota = 1};
  add("start under a quota", {create("runs"), second}, {.quota = 2});
  add("wait for a place", {create("runs"), second}, one);
  add("get a place", {create("runs", {.span = seconds(20)}), second}, one);
  add("get a place that is deleted", {create("runs"), second, at(later, What::Delete, {.how = "Background"})},
      one);
  add("raise the quota", {create("runs"), second, at(later, What::EditQuota, {.count = 2})}, one);
  // Not before the room of one that was recreated meanwhile is free again.
  constexpr Duration settled = seconds(40);
  add("lower the quota", {create("runs"), second, at(settled, What::EditQuota, {.count = 1})}, {.quota = 2});
  add("delete the quota", {create("runs"), second, at(later, What::EditQuota, {.how = "delete"})}, one);
  add("two in a minute",
      {create("runs"), second, at(seconds(5), What::Create, {.which = 4, .how = "runs"}),
       at(seconds(130), What::Repeat)},
      {.quota = 5, .perMinute = 2});
  const Step crashes = at(later, What::EndPod, {.how = "crashed"});
  add("restart under a quota",
      {create("runs", {.restart = "OnFailure"}), crashes, at(seconds(110), What::Repeat)},
      {.quota = 1, .perMinute = 1});
  add("wait for a place to be restarted in",
      {create("runs", {.restart = "OnFailure"}),
       at(seconds(3), What::Create, {.which = 2, .span = seconds(60), .how = "runs"}),
       at(settled, What::EndPod, {.how = "crashed"}), at(seconds(180), What::Repeat)},
      one);
  add("fill a pool under a quota", {at(early, What::Repeat)}, {.pool = 1, .idle = 2, .quota = 1});
  add("take a pod under a quota", {take()}, {.pool = 1, .idle = 1, .quota = 1});
  add("guards stand behind the quota", {create("runs"), second}, {.tailored = 1, .quota = 1});
}

std::vector<Script> stories() {
  std::vector<Script> all;
  addStarts(all);
  addPauses(all);
  addSuspends(all);
  addKept(all);
  addEnds(all);
  addChanges(all);
  addPools(all);
  addHolds(all);
  addGoldens(all);
  addRestarts(all);
  addQuotas(all);
  return all;
}

std::vector<Trial> trials(int share) {
  Collector out(share);
  for (const Script& story : stories()) {
    const Outcome undisturbed = run(story);
    for (int write = 1; write <= undisturbed.writes; ++write) {
      for (const char* how : atWrite) out.add(story, What::AtWrite, write, how, &undisturbed.end);
    }
    for (int change = 1; change <= undisturbed.changes; ++change) {
      for (const char* how : atChange) out.add(story, What::AtChange, change, how, &undisturbed.end);
      // The object is deleted and created again: seen by the watches, or not.
      const Script seen = disturbed(story, What::AtChange, change, "swap");
      out.add(story, What::AtChange, change, "swapUnseen", nullptr, &seen);
    }
  }
  return out.take();
}

std::optional<std::string> judge(const Trial& trial) {
  const Outcome outcome = run(trial.script);
  if (outcome.violation) return trial.name + ": " + *outcome.violation;
  if (outcome.end == trial.end) return std::nullopt;
  return trial.name + " ends as\n" + outcome.end + "and not as\n" + trial.end;
}

}  // namespace cloister::sim
