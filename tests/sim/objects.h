// What objects say, for those who judge a simulated cluster.
#pragma once

#include "operator/policy/profile.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

bool isLeaving(const json::value& object);
// "namespace/name"
std::string keyOf(const json::value& object);
// The label's value, or empty.
std::string labelOf(const json::value& object, std::string_view label);
// The annotation's value, or empty.
std::string annotationOf(const json::value& object, std::string_view annotation);
// POD lives, and its node says that its sandbox stands still, as POD asks for.
bool isFrozen(const json::value& pod);
// Its sandbox makes no step, whoever asked for that and whoever wants it to go on by now.
bool isStopped(const json::value& pod);
// By its desiredState.
bool isToSuspend(const json::value& sandbox);
// POD was made to wait without having begun (api::holdAnnotation).
bool isMadeToBeHeld(const json::value& pod);
// Somebody can use POD: it is Ready, and if it was made to be held it waits in its pool, or has begun since.
bool isUsable(const json::value& pod);
// Since when POD has been Ready, or, if it was made to be held, has begun; none: it is, or has, not.
std::optional<Time> usableSince(const json::value& pod);
// The user's SandboxSnapshot that SANDBOX is to continue from, or empty.
std::string restoresFrom(const json::value& sandbox);
// SANDBOX is to be kept at its end.
bool isKept(const json::value& sandbox);
// Only our own service account can write these labels: without them a pod is somebody else's.
bool isOurs(const json::value& pod);
// Such a one that is in a pool.
bool isIdle(const json::value& pod);
// A pod whose network profile's policy is POLICY, which is in its namespace.
bool reliesOn(const json::value& pod, const std::string& policy);
// POD's number among its Sandbox's, and the one that SANDBOX's status is about; 0: the first.
int64_t restartOf(const json::value& pod);
int64_t numberOf(const json::value& sandbox);
// FIELD of the condition TYPE, or empty.
std::string conditionOf(const json::value& object, std::string_view type, std::string_view field);
// The number at PATH, or 0.
int64_t integer(const json::value& object, std::string_view path);
// Of a pod or a Sandbox: its phase is final, or the pod's container has ended.
bool hasEnded(const json::value& object);

// The Sandbox that controls POD, or null.
test::Object ownerOf(const test::ApiServer& server, const json::value& pod);
std::vector<test::Object> podsOf(const test::ApiServer& server, const json::value& sandbox);
// The value of resources.memory in a spec that the operator cannot read, and whether it is there.
inline constexpr std::string_view garbled = "plenty";
bool isGarbled(const json::value& sandbox);
// The ControllerRevision that it is pinned to is gone.
bool lacksRevision(const test::ApiServer& server, const json::value& sandbox);
// For how long it stood still, as told.
Duration pausedFor(const json::value& sandbox);
// Deliberately not operator/sandbox/expiry.cc: this is what its documentation promises.
Time expiryOf(const test::ApiServer& server, const Config& config, const json::value& sandbox);
// Somebody's clock has shown that the end of SANDBOX, at EXPIRY, had come: its status tells.
bool wasOver(const json::value& sandbox, Time expiry);

}  // namespace cloister::sim
