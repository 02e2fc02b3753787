// Containers that are held: their `start` was answered, and they have not begun. A file in the bundle says
// so. As long as it is there, somebody who holds its lock is about to let the container begin (keep.h); that
// of a pod's root container has no lock, since it begins with another one.
#pragma once

#include <string>
#include <sys/types.h>

#include "base/result.h"

namespace cloister::node {

// A descriptor of its own, or none (-1).
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int get() const { return number_; }

 private:
  int number_;
};

// Notes that the container of BUNDLE is held. The lock goes with the descriptor, and those of children.
Result<Descriptor> hold(const std::string& bundle);
bool isHeld(const std::string& bundle);
// Waits for the lock of the container of BUNDLE, if it is held. It has it as long as the descriptor is there.
Descriptor waitForTurn(const std::string& bundle);
void letGo(const std::string& bundle);

// Notes that the start of the container of BUNDLE becomes a restore. False: it could not be noted.
bool noteRestore(const std::string& bundle);
bool isRestored(const std::string& bundle);

// The process of the sandbox that the container of BUNDLE is in, as `runsc create` has noted it; 0: unknown.
pid_t sandboxOf(const std::string& bundle);
// A descriptor that can be read from once that process has ended; none when it has.
Descriptor watchSandbox(const std::string& bundle);
void endSandbox(const std::string& bundle);

// Returns when the container of BUNDLE is not held any more; it is not when its sandbox has ended. With
// HASKEEPER it ends the sandbox when nobody is there any more who would let it begin.
void awaitBegin(const std::string& bundle, bool hasKeeper);

}  // namespace cloister::node
