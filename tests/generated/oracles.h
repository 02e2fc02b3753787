// What must be so of a Sandbox whose spec was generated. Pure: what is wrong, or an empty text.
#pragma once

#include "tests/generated/schema.h"
#include "tests/generated/world.h"

namespace cloister::generated {

// What a user sees of one Sandbox; null for what is not there.
struct View {
  Object sandbox;
  Object pod;
  Object policy;  // the one that its network profile names
  json::value spec;
};

// A condition of a Sandbox or a pod, and a field of it; null and empty when it is not there.
const json::value* findCondition(const json::value& object, std::string_view type);
std::string conditionOf(const json::value& object, std::string_view type, std::string_view field);

// Whether the operator can read it at all: with the CRD's schema in force it always can.
bool isReadable(const json::value& spec);
// Its last word on the spec is Accepted=True.
bool isAccepted(const View& view);
// The part of a spec that a pod keeps from its creation on.
json::value fixedPart(const json::value& spec);

// How the present generation is not answered yet, or wrongly: expired Sandboxes are gone, others are ready or
// say why not.
std::string unsettled(const View& view);
// What the real API server says to SPEC, whose property at PATH was changed: it refuses what the schema does,
// its refusals are the schema's or a rule's and name the property or one beside it, and what it takes the
// operator can read.
std::string misjudged(const Answer& answer, const Schema& schema, const std::string& path,
                      const json::value& spec);
// The pod is what the spec says, property by property. Needs a pod.
std::string unreflected(const View& view);

// Whatever the spec says: the pod is marked as ours, is given nothing of the node, and takes no orders for
// its runtime from its owner. Needs a Sandbox and its pod.
std::string unfenced(const View& view);

// What must be the same for equal specs, whatever way led there: the operator's word on the spec, and with
// WHOLE all of the status and the pod too, names and times aside.
std::string essence(const View& view, bool whole);

}  // namespace cloister::generated
