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

// Whether the operator can read it at all: with the CRD's schema in force it always can.
bool isReadable(const json::value& spec);
// Its last word on the spec is Accepted=True.
bool isAccepted(const View& view);
// The part of a spec that a pod keeps from its creation on.
json::value fixedPart(const json::value& spec);

// How the present generation is not answered yet, or wrongly: expired Sandboxes are gone, others are ready or
// say why not.
std::string unsettled(const View& view);
// A refusal by the API server is the schema's or a rule's, and names the property at PATH, or one beside it.
std::string unclear(const Answer& refusal, const std::string& path);
// The pod is what the spec says, property by property.
std::string unreflected(const View& view);

// What must be the same for equal specs, whatever way led there: the operator's word on the spec, and with
// WHOLE all of the status and the pod too, names and times aside.
std::string essence(const View& view, bool whole);

}  // namespace cloister::generated
