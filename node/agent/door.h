// Where cloister-runsc asks: a Unix socket of root's.
#pragma once

#include <functional>

#include <boost/asio/local/stream_protocol.hpp>

#include "base/task_group.h"
#include "node/protocol.h"

namespace cloister::node {

class Door {
 public:
  using Handler = std::function<Task<StartAnswer>(StartRequest)>;
  struct Limits {
    size_t connections = 1024;       // more are closed at once; each container that is held has one
    Duration deadline = seconds(5);  // to send the question, and to take the answer
  };

  // Takes the place of what is at PATH, whose folder is made if need be, and 0700 from now on. Internal when
  // it cannot.
  static Result<std::unique_ptr<Door>> open(boost::asio::any_io_executor executor, Clock& clock,
                                            const std::string& path, Handler handler, Limits limits);

  // Serves until it is cancelled, and closes every connection then.
  Task<void> run();

 private:
  using Acceptor = boost::asio::local::stream_protocol::acceptor;
  using Socket = boost::asio::local::stream_protocol::socket;

  Door(Acceptor acceptor, Clock& clock, Handler handler, Limits limits);

  Task<void> serve(Socket socket);

  Acceptor acceptor_;
  Clock& clock_;
  Handler handler_;
  Limits limits_;
  TaskGroup connections_;
};

}  // namespace cloister::node
