// The heart of the quota controller: who may have a pod, from what is seen of one namespace. Pure.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "operator/quota/book.h"
#include "operator/quota/ledger.h"

namespace cloister::quota {

// Up to which resourceVersion the watches have told everything.
struct Seen {
  uint64_t pods = 0;
  uint64_t sandboxes = 0;
  uint64_t pools = 0;
};

// What the condition Guarded says.
struct Guarding {
  bool holds = true;
  std::string_view reason;
  std::string message;
};

// Everything a plan rests on. Pointers are to immutable objects of the stores.
struct Observed {
  std::shared_ptr<const api::SandboxQuota> quota;
  std::vector<std::shared_ptr<const api::Pod>> pods = {};  // of ours, in the namespace
  int sandboxCount = 0;
  std::vector<Asker> sandboxes = {};  // that wait for a pod, in no order; none twice
  std::vector<Asker> pools = {};      // that were looked at
  std::set<std::string> gone = {};    // uids of owners of grants that are gone or have ended
  // By when whoever had begun to make the pod of a promise that was taken back has made it, by its name.
  std::map<std::string, Time> settled = {};
  // Names of such pods that the API server itself said it does not have.
  std::set<std::string> absent = {};
  // Promises that went moments ago, and whose pods are not seen any more: before one went, another process
  // may have made its pod once more. They are counted, and asked for: what the API server does not have is
  // doubted no more.
  std::vector<api::QuotaGrant> doubted = {};
  Seen seen = {};    // up to which versions the watches have told everything
  Seen newest = {};  // of what they told, the newest
  Hours hours = {};  // until now
  Guarding guarding = {};
};

struct Plan {
  // To be written, if it differs from the present one.
  std::optional<api::SandboxQuotaStatus> status = {};
  bool urgent = false;  // ... now: somebody waits for it, or
  bool drops = false;   // ... soon: it has a promise less, whose pod's end would else look like none ever was
  // For all that wait, by uid; who is not there has all that it wants. None: not
  // all is known yet.
  std::optional<std::map<std::string, Answer>> answers = {};
  std::optional<Time> again = {};  // look again then, even if nothing changes
  // That their owners may want no more, who looked at older pods: they are to look again.
  std::vector<api::QuotaGrant> unclear = {};
  // Names of pods, no more than mostAsked, whose promises were taken back and are settled, or are doubted:
  // these are to go, if the API server has no such pod. They are counted until it has been asked.
  std::vector<std::string> ask = {};
};

Plan plan(const Observed& observed, Time now);

// The hours' ledger alone is written no more often than this.
inline constexpr Duration hoursPeriod = std::chrono::minutes(1);
inline constexpr size_t mostAsked = 100;
// Another process, which may believe that it leads as well, learns within this time that a promise was taken
// back, and ends what it had begun by it.
inline constexpr Duration settlePeriod = seconds(10);
// How soon to look again while the watches are behind what is known otherwise.
inline constexpr Duration catchUpPeriod = seconds(1);

}  // namespace cloister::quota
