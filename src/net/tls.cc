#include "net/tls.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

namespace cloister::net {
namespace {

namespace ssl = boost::asio::ssl;

std::unexpected<Error> unusable(std::string_view what, const boost::system::error_code& error) {
  return fail(Errc::InvalidInput, std::string(what) + " cannot be used: " + error.message());
}

Result<void> trust(ssl::context& context, const TlsOptions& options) {
  context.set_verify_mode(options.verify ? ssl::verify_peer : ssl::verify_none);
  boost::system::error_code error;
  if (options.caPem.empty()) {
    context.set_default_verify_paths(error);
    if (error) return unusable("the system's certificate store", error);
    return {};
  }
  context.add_certificate_authority(boost::asio::buffer(options.caPem), error);
  if (error) return unusable("the certificate authority", error);
  return {};
}

Result<void> identify(ssl::context& context, const TlsOptions& options) {
  if (options.certificatePem.empty() && options.keyPem.empty()) return {};
  boost::system::error_code error;
  context.use_certificate_chain(boost::asio::buffer(options.certificatePem), error);
  if (error) return unusable("the client certificate", error);
  // Without this OpenSSL asks for the password of an encrypted key on the terminal.
  context.set_password_callback([](size_t, ssl::context::password_purpose) { return std::string(); });
  context.use_private_key(boost::asio::buffer(options.keyPem), ssl::context::pem, error);
  if (error) return unusable("the client key", error);
  return {};
}

}  // namespace

Result<std::shared_ptr<const Tls>> makeTls(const TlsOptions& options) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  if (auto trusted = trust(*context, options); !trusted) return fail(trusted.error());
  if (auto identified = identify(*context, options); !identified) return fail(identified.error());
  return std::make_shared<const Tls>(std::move(context), options.serverName, options.verify);
}

}  // namespace cloister::net
