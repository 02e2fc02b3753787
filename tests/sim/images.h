// What becomes of a pod: its image tells, as far as the script's steps do not.
#pragma once

#include <span>
#include <string_view>

#include "json/codec.h"

namespace cloister::sim {

struct Image {
  std::string_view name;  // after the last slash of the whole name, before its digest
  bool starts = true;     // else it stays in the state WAITING
  std::string_view waiting = "ContainerCreating";
  std::string_view words = {};  // that come with WAITING
  // The Event that the node records meanwhile, if any.
  std::string_view eventType = {};
  std::string_view eventReason = {};
  std::string_view eventMessage = {};
  std::string_view end = {};  // an End, some time after its start; empty: it runs on
};

std::span<const Image> images();
// The pod's; one that runs for ever when the name is none of ours.
const Image& imageOf(const json::value& pod);
// What the kubelet tells of it: a name that is for this one alone, and that a pod may have as its image.
std::string imageIdOf(const json::value& pod);

// How a pod can end.
struct End {
  std::string_view how;
  std::string_view phase;
  int exitCode;
  std::string_view reason;           // of the container's end
  std::string_view words = {};       // its last
  bool neverRan = false;             // the container could not even be started
  std::string_view disruption = {};  // who ended it, if the pod itself did not
};

// Null when there is none of that name.
const End* findEnd(std::string_view how);

}  // namespace cloister::sim
