// What a Sandbox's status should say. Pure.
#pragma once

#include "operator/sandbox/pause.h"

namespace cloister::sandbox {

struct StatusInput {
  const api::Sandbox& sandbox;
  const Resolved& resolved;
  const api::Pod* pod = nullptr;  // its own, if there is one
  const Diagnosis& diagnosis;
  std::optional<Time> startedAt;
  Standstill standstill = {};
  Time expiresAt;
  std::optional<Duration> quotaLifetime = {};
  std::optional<api::StartLatency> latency;
  bool frozen = false;  // what is resolved is not what runs
};

// The present status brought up to date. Equal to the present one when nothing changed.
api::SandboxStatus statusFor(const StatusInput& input, Time now);

// What SANDBOX's status tells of its end.
Diagnosis toldEnd(const api::Sandbox& sandbox);

// POD has been Ready, or has run without being seen so.
bool hasRun(const api::Sandbox& sandbox, const api::Pod& pod);

// The sandbox's first Ready: as recorded, else as the pod tells it; of one that ended before it was seen
// Ready, when it began to run; not before the Sandbox was created. Survives restarts of the operator.
std::optional<Time> firstReady(const api::Sandbox& sandbox, const api::Pod* pod);

}  // namespace cloister::sandbox
