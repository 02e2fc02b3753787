// Whether somebody may have a pod now, as the namespace's SandboxQuota stands in the API, and what they are
// told if not. Pure.
#pragma once

#include "operator/quota/book.h"

namespace cloister::quota {

// A Sandbox must have been granted REQUEST before it is carried out; else it costs QUOTA nothing.
bool countsForSandbox(const api::SandboxQuota& quota, const Request& request);
// ... a pool.
bool countsForPool(const api::SandboxQuota& quota);

// GRANT lets its owner carry REQUEST out.
bool covers(const api::QuotaGrant& grant, const Request& request);
bool isGranted(const api::SandboxQuota& quota, const std::string& uid, const Request& request);
// Anything at all, even if it was taken back, to the Sandbox or pool with UID.
bool holdsGrant(const api::SandboxQuota& quota, const std::string& uid);

// What is in the way and what to do, without a number that changes all the time. ANSWER absent: it has not
// been answered yet.
std::string explain(const api::SandboxQuota& quota, const std::optional<Answer>& answer);

}  // namespace cloister::quota
