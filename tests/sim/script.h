// What happens to one simulated cluster, and when: what users do, what nodes do, what goes wrong. A script
// and its seed determine a run to the last detail; a failing one is printed, shortened and kept as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/codec.h"

namespace cloister::sim {

// Users', with WHICH numbering Sandboxes:
//   Create (HOW: the image, which tells what becomes of the pod, images.h, or "pool", "template": from those
//   of its namespace; COUNT: what else is asked for, wishes.h; SPAN: the ttl, none for the default; RESTART:
//   its restartPolicy), SetTtl, SetEgress (HOW), SetState (HOW: a desiredState), SetSchedule (SPAN: how often
//   it is saved, not at all with none, and when the faults end; COUNT: how many of those stay), SetOnExpiry
//   (HOW), Pin (a finalizer, until the faults end), Delete (HOW: the propagation), DeletePod (HOW: force),
//   StripLabel (the network label off the pod), DropPolicies, BendPolicies (HOW: types, rules; of the
//   Sandbox's namespace), DeleteNamespace, Squat (a stranger's pod takes the name of the Sandbox's pod),
//   Garble (for SPAN the spec says what the operator cannot read), SquatPolicy (for SPAN a stranger's
//   NetworkPolicy has the name of the default-deny), Tamper (with the status; HOW: bare, unknown, forgetful,
//   pool: bare, of the pool), EditQuota (COUNT: how many may run; HOW: delete, or else cpu,
//   memory, disk, hours, pods: COUNT of that, with none any; garbled: it cannot be read for SPAN), EditLease
//   (HOW: deleted, bare, taken), Stranger (some pod), SquatVolume (for SPAN a stranger's volume has the name
//   of the Sandbox's; HOW: owned, by something, or not), TakeSnapshot (of it, by the name u and COUNT;
//   SPAN: its ttl), DropSnapshot (of that name; or HOW: what there is
//   of golden ones is deleted or corrupt; or of their builders: builder, deleted; changed; pod, it ends;
//   squatted, deleted, and for SPAN a stranger's has the name), PinPod (a finalizer on its pod, until the
//   faults end).
// Of the Sandbox's namespace: ScalePool (COUNT; or HOW: hold, release, whether its pods
//   wait without having begun), EditTemplate (HOW: the image; golden, with COUNT one or another, or cold:
//   whether it has golden snapshots), TurnPool, TurnTemplate (for
//   SPAN; COUNT: how, see ways.h), DropPool, DropTemplate (HOW: the propagation; made again after SPAN),
//   SquatSlot (a stranger's pod takes the name of the pool's slot COUNT), Forge (HOW: revision, with odd
//   COUNT of the template, or a pod in the pool's slot HOW that looks like the pool's; COUNT: without owner,
//   also without pool, of a Job, of another pool)).
// Nodes': EndPod (HOW: an End, see images.h), LoseNode (for SPAN), Cordon (for SPAN).
// The API server's: Quota (of the Sandbox's namespace; HOW: exceeded, failed), NoRuntimeClass, Refuse (HOW:
//   forbidden, invalid, unknown): pods are refused for SPAN, with "deletion" the end of Sandboxes instead;
//   Compact (all history is forgotten).
// The network's: Fail (the next COUNT requests; HOW: a Fate, see network.h), Outage (for SPAN), CutWatches,
//   LagWatches (events of kind HOW come SPAN later, for COUNT seconds), Repeat (watches tell old events
//   again).
// The operator's, with WHICH numbering replicas: Crash, AtWrite (the COUNTth of its writes from now; HOW:
//   crashBefore, crashAfter), AtChange (the COUNTth of any object from now, whoever makes it; HOW: crash;
//   gap, watches end there and miss what comes next; lag; stale, it crashes and then lists what was before;
//   swap, Sandbox 0 is deleted and created again; swapUnseen, in a gap), Pause (for SPAN: the process stands
//   still), NoLease (its requests for the Lease alone are refused for SPAN), Handover (it ends in an orderly
//   way).
// Clocks': Jump (all wall clocks, by SPAN; HOW: forward, back), Skew (from now on replica WHICH's wall clock
//   is off by SPAN; HOW: ahead, behind).
BOOST_DEFINE_FIXED_ENUM_CLASS(What, int, Create, SetTtl, SetEgress, SetState, SetOnExpiry, SetSchedule, Pin,
                              Delete, DeletePod, StripLabel, DropPolicies, BendPolicies, DeleteNamespace,
                              Squat, Garble, SquatPolicy, Tamper, EditQuota, EditLease, Stranger, SquatVolume,
                              TakeSnapshot, DropSnapshot, PinPod, ScalePool, EditTemplate, TurnPool,
                              TurnTemplate, DropPool, DropTemplate, SquatSlot, Forge, EndPod, LoseNode,
                              Cordon, Quota, NoRuntimeClass, Refuse, Compact, Fail, Outage, CutWatches,
                              LagWatches, Repeat, Crash, AtWrite, AtChange, Pause, NoLease, Handover, Jump,
                              Skew)

struct Step {
  Duration at = {};
  What what = What::Create;
  int which = 0;
  int count = 0;
  Duration span = {};
  std::string how = {};
  std::string restart = {};
  bool operator==(const Step&) const = default;
};
BOOST_DESCRIBE_STRUCT(Step, (), (at, what, which, count, span, how, restart))

struct Setup {
  int replicas = 1;
  bool election = true;  // without it every replica believes that it leads
  int workers = 4;
  int page = 500;  // objects on a page of a list
  bool namespaced = false;
  int tailored = 0;  // 1, 2: the administrator has set what can be set, see wishes.h
  int pool = 0;      // 1..: each namespace has a template and a pool; its whenEmpty: Cold, Wait, Fail
  int poolWay = 0;   // what else they say, see ways.h
  int templateWay = 0;
  int idle = 2;          // pods that the pool holds
  int quota = 0;         // how many may run in each namespace; 0: there is no SandboxQuota
  int perMinute = 0;     // with a quota, how many may start in a minute; 0: any number
  bool agents = false;   // each node has one, which stops, resumes, saves and holds sandboxes
  bool hold = false;     // with agents, the pool's pods wait without having begun
  bool golden = false;   // with agents, the templates have golden snapshots
  bool lingers = false;  // it is watched on, until unused network policies have gone
  bool operator==(const Setup&) const = default;
};
BOOST_DESCRIBE_STRUCT(Setup, (),
                      (replicas, election, workers, page, namespaced, tailored, pool, poolWay, templateWay,
                       idle, quota, perMinute, agents, hold, golden, lingers))

struct Script {
  std::string name;
  uint64_t seed = 0;  // of all that no step says: how long things take
  Setup setup;
  std::vector<Step> steps;  // by time
  bool operator==(const Script&) const = default;
};
BOOST_DESCRIBE_STRUCT(Script, (), (name, seed, setup, steps))

// "12.5s Crash which=1"
std::string toString(const Step& step);

}  // namespace cloister::sim
