// Credentials that expire, for a token of the cluster's: AssumeRoleWithWebIdentity of the Security Token
// Service, as AWS, MinIO, Ceph and others have it
// (docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html).
#pragma once

#include <functional>
#include <optional>

#include "base/clock.h"
#include "net/http.h"
#include "node/store/sigv4.h"

namespace cloister::store {

// Credentials until a time.
struct Lease {
  Credentials credentials;
  Time expires;
  bool operator==(const Lease&) const = default;
};

// Asks for ROLE (an ARN; empty where the service finds it by the token) with TOKEN. Pure.
net::Request assumeRole(std::string_view role, std::string_view token);
// What it answers. Errors tell what to do; those of class Unavailable and TooManyRequests pass. Pure.
Result<Lease> parseLease(const net::Response& response);
// When what was given at NOW is to be replaced: while there is time for some attempts. Pure.
Time renewalOf(const Lease& lease, Time now);

class WebIdentity {
 public:
  using Token = std::function<Result<std::string>()>;  // asked each time: the kubelet replaces it

  // TRANSPORT goes to the service.
  WebIdentity(net::Transport& transport, Clock& clock, std::string role, Token token)
      : transport_(transport), clock_(clock), role_(std::move(role)), token_(std::move(token)) {}

  // Those that it has, as long as they are good; new ones are asked for before they expire.
  Task<Result<Credentials>> login();

 private:
  Task<Result<Lease>> ask();

  net::Transport& transport_;
  Clock& clock_;
  std::string role_;
  Token token_;
  std::optional<Lease> lease_;
  Time renewal_ = {};  // of lease_
};

}  // namespace cloister::store
