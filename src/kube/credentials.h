// Keeps who we are and whom we trust up to date: files that rotate, and credentials from a program that
// expire.
#pragma once

#include <list>

#include "kube/exec_credential.h"
#include "net/tls.h"

namespace cloister::kube {

class Credentials {
 public:
  Credentials(boost::asio::any_io_executor executor, Clock& clock, ClientConfig config);

  // Reads the files of the configuration. InvalidInput names the one that is of no use, and changes nothing.
  Result<void> readFiles();
  // Before each request. Files are read again after a minute at the latest (a failure is logged and the old
  // content stays), and the program is run when its credential has expired. Errc::Unavailable when it gives
  // none.
  Task<Result<void>> refresh();
  // The server answered 401 to TOKEN. True when another answer may be had after refresh().
  bool reject(const std::string& token);

  const std::string& token() const {
    return printed_ && !printed_->token.empty() ? printed_->token : files_.token;
  }
  net::TlsOptions tls() const;

 private:
  class Running;

  Task<Result<void>> refreshExec();
  bool isFresh() const;
  Task<void> waitForOther();

  boost::asio::any_io_executor executor_;
  Clock& clock_;
  ClientConfig config_;
  std::string ca_;
  Identity files_;
  Instant readAgain_ = {};
  std::optional<Identity> printed_;
  bool running_ = false;
  std::list<Timer*> waiting_;  // for the program that is running
};

}  // namespace cloister::kube
