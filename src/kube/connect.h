// The Transport to an API server, with who we are put on every request.
#pragma once

#include <memory>

#include "kube/config.h"
#include "net/http.h"

namespace cloister::kube {

// Reads the files that CONFIG names; no connection is made yet. CLOCK must outlive the transport.
// InvalidInput names the file or certificate that is of no use.
//
// Rotated files and expired credentials are followed while it runs. After a 401 a request is sent once more
// if a newer token can be had: nothing was carried out. A program that gives credentials has 30 s of its own,
// besides the request's deadline.
Result<std::unique_ptr<net::Transport>> connect(boost::asio::any_io_executor executor, Clock& clock,
                                                ClientConfig config);

}  // namespace cloister::kube
