#include "node/store/web_identity.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "base/time.h"
#include "base/utf8.h"
#include "node/store/answers.h"
#include "node/store/xml.h"

namespace cloister::store {
namespace {

// Bytes of what the service says that are told on.
constexpr size_t longestWords = 256;
constexpr Duration longestAhead = std::chrono::minutes(10);
// After an attempt that failed, while the former credentials are still good.
constexpr Duration pause = seconds(30);

struct Known {
  std::string_view code;
  Errc errc;
  std::string_view help;
};

constexpr std::string_view trust =
    "it does not give the role to this token; let the role trust the service account of cloister-node, and "
    "name that role (snapshots.store.webIdentity.roleARN)";
constexpr std::string_view issuer =
    "it does not know the token's issuer or audience; make this cluster an identity provider of it, and name "
    "its audience (snapshots.store.webIdentity.audience)";

constexpr std::array known{
    Known{"AccessDenied", Errc::Forbidden, trust},
    Known{"IDPRejectedClaim", Errc::Forbidden, trust},
    Known{"InvalidIdentityToken", Errc::Unauthorized, issuer},
    Known{"ExpiredTokenException", Errc::Unauthorized,
          "the token has expired for it; set this node's clock and its own by NTP"},
    Known{"ExpiredToken", Errc::Unauthorized,
          "the token has expired for it; set this node's clock and its own by NTP"},
    Known{"IDPCommunicationError", Errc::Unavailable,
          "it cannot reach this cluster's issuer for its keys; let it be reached from there"},
    Known{"RegionDisabledException", Errc::InvalidInput,
          "it is off in this region; switch it on in the account, or name another endpoint "
          "(snapshots.store.webIdentity.endpoint)"},
    Known{"Throttling", Errc::TooManyRequests, "it asks for fewer requests"},
};

const Xml* childOf(const Xml* parent, std::string_view name) {
  if (parent == nullptr) return nullptr;
  const auto found = std::ranges::find(parent->children, name, &Xml::name);
  return found == parent->children.end() ? nullptr : &*found;
}

// Never NotFound: to whoever logs in for it, that would be the word on an object of the bucket.
Errc classOfRefusal(int status) {
  const Errc found = classOf(status);
  return found == Errc::NotFound ? Errc::InvalidInput : found;
}

// AWS wraps the error; others answer as S3 does.
Error refusalOf(const net::Response& response) {
  const auto root = parseXml(response.body);
  const Xml* error = root ? childOf(&*root, "Error") : nullptr;
  if (root && root->name == "Error") error = &*root;
  if (error == nullptr) {
    return {.code = classOfRefusal(response.status),
            .message = "it answered with the status " + std::to_string(response.status) +
                       ": is it a Security Token Service (snapshots.store.webIdentity.endpoint)?"};
  }
  const std::string code = validUtf8((*error)["Code"], longestWords);
  const std::string said = code + ": " + validUtf8((*error)["Message"], longestWords);
  const auto found = std::ranges::find(known, code, &Known::code);
  if (found == known.end())
    return {.code = classOfRefusal(response.status), .message = "it says " + said, .reason = code};
  return {.code = found->errc, .message = std::string(found->help) + " (" + said + ")", .reason = code};
}

}  // namespace

net::Request assumeRole(std::string_view role, std::string_view token) {
  std::string body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=cloister-node";
  if (!role.empty()) body += "&RoleArn=" + percentEncode(role, false);
  body += "&WebIdentityToken=" + percentEncode(token, false);
  net::Request out{
      .method = "POST",
      .headers = {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "text/xml"}}};
  out.body = std::move(body);
  return out;
}

Result<Lease> parseLease(const net::Response& response) {
  if (response.status < 200 || response.status >= 300) return fail(refusalOf(response));
  const auto root = parseXml(response.body);
  if (!root) return fail(root.error());
  const Xml* given = childOf(childOf(&*root, "AssumeRoleWithWebIdentityResult"), "Credentials");
  if (root->name != "AssumeRoleWithWebIdentityResponse" || given == nullptr) {
    return fail(Errc::Protocol,
                "its answer has no credentials: is it a Security Token Service "
                "(snapshots.store.webIdentity.endpoint)?");
  }
  Lease out{.credentials = {.accessKey = std::string((*given)["AccessKeyId"]),
                            .secretKey = std::string((*given)["SecretAccessKey"]),
                            .sessionToken = std::string((*given)["SessionToken"])},
            .expires = {}};
  const auto expires = parseTime((*given)["Expiration"]);
  if (!expires || out.credentials.accessKey.empty() || out.credentials.secretKey.empty() ||
      out.credentials.sessionToken.empty())
    return fail(Errc::Protocol, "its answer lacks a part of the credentials");
  out.expires = *expires;
  return out;
}

Time renewalOf(const Lease& lease, Time now) {
  return lease.expires - std::min<Duration>(longestAhead, (lease.expires - now) / 2);
}

Task<Result<Credentials>> WebIdentity::login() {
  const Time now = clock_.now();
  if (lease_ && now < renewal_) co_return lease_->credentials;
  auto next = co_await ask();
  if (next) {
    lease_ = std::move(*next);
    renewal_ = renewalOf(*lease_, now);
    co_return lease_->credentials;
  }
  if (!lease_ || lease_->expires <= clock_.now()) co_return fail(next.error());
  log::warn("the store's credentials were not renewed, and are good for a while",
            {{"until", formatTime(lease_->expires)}, {"reason", next.error().message}});
  renewal_ = std::min(clock_.now() + pause, lease_->expires);
  co_return lease_->credentials;
}

Task<Result<Lease>> WebIdentity::ask() {
  auto token = token_();
  if (!token) co_return failWith("the token for the store's credentials", token.error());
  auto answer = co_await transport_.exchange(assumeRole(role_, *token));
  if (!answer)
    co_return failWith("the service that gives the store's credentials cannot be reached", answer.error());
  auto lease = parseLease(*answer);
  if (!lease) co_return failWith("the service that gives the store's credentials", lease.error());
  if (lease->expires <= clock_.now()) {
    co_return fail(Errc::Unauthorized,
                   "the store's credentials had expired when they were given; set this node's clock and the "
                   "service's by NTP");
  }
  co_return lease;
}

}  // namespace cloister::store
