#pragma once

#include "node/protocol.h"

namespace cloister::node {

// Asks cloister-node at the Unix socket PATH. While nobody listens there it tries again, until PATIENCE is
// over; whoever listens has ANSWERPATIENCE from the start to answer. Unavailable: nobody listens; Timeout: no
// answer, or the descriptor STOP (-1: none) can be read from; Protocol: a wrong one; InvalidInput: no such
// PATH can be.
Result<StartAnswer> ask(const std::string& path, const StartRequest& request, Duration patience,
                        Duration answerPatience, int stop = -1);

}  // namespace cloister::node
