// Reads each kept snapshot whole again, once a day, slowly: what a disk forgets is found before anything
// continues from it.
#pragma once

#include <functional>
#include <map>

#include "base/clock.h"
#include "node/agent/vault.h"

namespace cloister::node {

// Since the last reading of a snapshot, or since the agent has begun.
constexpr Duration scrubPeriod = std::chrono::hours(24);
// No more than this is read in a second: some TiB a day, and a fraction of what a disk gives.
constexpr int64_t scrubBytesPerSecond = int64_t(32) << 20;
constexpr size_t scrubBlock = size_t(4) << 20;

struct Due {
  SnapshotId id;
  Instant at;
};
// Which of KEPT is to be read next: one that was never read at once, else that which was read longest ago.
// None when nothing is kept. Pure.
std::optional<Due> nextScrub(const std::vector<SnapshotId>& kept,
                             const std::map<SnapshotId, Instant>& lastRead, Instant now);

class Scrubber {
 public:
  struct Surroundings {
    Clock& clock;
    Files& files;
    Vault& vault;
    boost::asio::any_io_executor disk;
    // What is wrong with the files of ID; they are condemned already.
    std::function<void(const SnapshotId& id, const std::string& why)> report;
  };
  explicit Scrubber(Surroundings with) : with_(std::move(with)) {}

  // Until it is cancelled.
  Task<void> run();
  // What is wrong with the files of KEPT, if anything. An error when they cannot be read, which proves
  // nothing.
  Task<Result<std::optional<std::string>>> examine(Kept kept);

 private:
  Task<void> readOne(SnapshotId id);
  Task<Result<FileSum>> sumSlowly(std::string path);

  Surroundings with_;
  std::map<SnapshotId, Instant> lastRead_;
};

}  // namespace cloister::node
