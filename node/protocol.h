// What cloister-runsc asks cloister-node before it starts a container, and what it is told: one line of JSON
// each way, over one connection to a Unix socket of root's. Pure.
#pragma once

#include <string>
#include <string_view>

#include "json/codec.h"

namespace cloister::node {

// Of a line, its end included. Longer ones are an error on both sides.
inline constexpr size_t longestLine = 64 << 10;

enum class ContainerKind { sandbox, container };  // as CRI has it: the pod's root container, or one in it
BOOST_DESCRIBE_ENUM(ContainerKind, sandbox, container)

// Create: the pod's root container is about to be created, and Start tells with which runsc: no other one can
// restore it later. Restore: the sandbox is created with the files of a snapshot, and started as any other.
// Start: its `start` waits for the answer. Wait: that was told Hold, and answered; now the
// answer tells how it begins, once its pod was taken. It may be Hold again: then it asks again. Begun: it
// runs; Start means that this is known now.
enum class StartStage { Start, Wait, Begun, Create };
BOOST_DESCRIBE_ENUM(StartStage, Start, Wait, Begun, Create)

struct StartRequest {
  std::string container;  // runsc's id
  ContainerKind kind = ContainerKind::sandbox;
  std::string bundle;  // the folder with its config.json
  std::string podNamespace;
  std::string podName;
  std::string podUID;
  StartStage stage = StartStage::Start;
  // With stage Start: the folder of the snapshot whose files its sandbox was created with; empty: of none.
  std::string files = {};
  bool operator==(const StartRequest&) const = default;
};
BOOST_DESCRIBE_STRUCT(StartRequest, (),
                      (container, kind, bundle, podNamespace, podName, podUID, stage, files))

enum class StartAction { Start, Restore, Refuse, Hold };
BOOST_DESCRIBE_ENUM(StartAction, Start, Restore, Refuse, Hold)

struct StartAnswer {
  StartAction action = StartAction::Refuse;
  std::string image;     // with Restore: the folder of the snapshot, an absolute path
  std::string message;   // with Refuse: for people, what is wrong and what to do
  bool unknown = false;  // with Refuse: nobody could find out whether it may start, or what with
  std::string runsc =
      {};  // with Start or Restore of stage Create: the one to use, an absolute path; empty: the node's own
  bool operator==(const StartAnswer&) const = default;
};
BOOST_DESCRIBE_STRUCT(StartAnswer, (), (action, image, message, unknown, runsc))

inline StartAnswer refuse(std::string message) {
  return {.action = StartAction::Refuse, .image = {}, .message = std::move(message)};
}

std::string toLine(const StartRequest& request);
std::string toLine(const StartAnswer& answer);
// LINE with or without its end. InvalidInput names the member at fault.
Result<StartRequest> parseRequest(std::string_view line);
Result<StartAnswer> parseAnswer(std::string_view line);

}  // namespace cloister::node
