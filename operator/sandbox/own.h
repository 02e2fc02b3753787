// Which of the pods that carry a Sandbox's label are its own. Pure.
//
// A Sandbox has one pod at a time, and may have several in its life: each restart and each resume brings
// another, which says by its label which number it has (api::podNumber). What has an earlier one is a former
// pod: it goes.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

using Pods = std::vector<std::shared_ptr<const api::Pod>>;

// POD belongs to this very Sandbox.
bool controls(const api::Sandbox& sandbox, const api::Pod& pod);

// Of the number that the status tells, and not a second one of it: made from a view of the time before the
// first one ran, by a request that was carried out late or by another operator. Null: there is none.
std::shared_ptr<const api::Pod> ownPod(const Observed& observed);

// Of the number that the status tells, beside the one that ran or ended, or that was held and is named: that
// one may begin.
Pods secondPods(const Observed& observed);
// Before anything ran: by now the status may name one of these instead, should the named one be lost.
bool doubtsSecond(const Observed& observed);
// The status of SANDBOX, of which nothing ran, names another than POD, which may be a pool's that was held.
bool namesAnother(const api::Sandbox& sandbox, const api::Pod& pod);

// Of earlier numbers; once the API server has confirmed the Sandbox, of all others.
Pods formerPods(const Observed& observed);

// A pod is there of a number that this view of the Sandbox does not know: the view is old.
bool isOutrun(const Observed& observed);

// Pods that carry the label without being this Sandbox's: of a deleted namesake, or set free to escape their
// expiry. Not those on their way out.
Pods strays(const Observed& observed);

// Its node will not tell its end any more: it was to have ended by NOW, and its node is not Ready, or gone.
// Should that return, its kubelet kills what it finds deleted.
bool isLost(const Observed& observed, const api::Pod& pod, Time now);

}  // namespace cloister::sandbox
