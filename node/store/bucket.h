// A client of S3-compatible object storage: one bucket of one endpoint. Every operation but begin() may be
// repeated, and is, with growing pauses, when the endpoint is away or overloaded (see Bucket::Options).
#pragma once

#include <functional>

#include "net/url.h"
#include "node/store/answers.h"
#include "node/store/sigv4.h"

namespace cloister::store {

struct Place {
  net::BaseUrl endpoint;  // without a path
  std::string bucket;
  std::string region = "us-east-1";
  // https://BUCKET.ENDPOINT/KEY in place of https://ENDPOINT/BUCKET/KEY
  bool virtualHost = false;
  bool operator==(const Place&) const = default;
};

// Credentials that READ has at once, as a Bucket asks for them.
std::function<Task<Result<Credentials>>()> atOnce(std::function<Result<Credentials>()> read);

// Where requests go. InvalidInput when the bucket's name cannot be part of a host's or of a path.
Result<net::BaseUrl> urlOf(const Place& place);

class Bucket {
 public:
  struct Options {
    Duration deadline = std::chrono::minutes(2);  // of each try
    unsigned tries = 4;
    Duration pause = milliseconds(500);  // after the first one; twice as long after each other one
  };
  using Login = std::function<Task<Result<Credentials>>()>;  // asked for each request

  // TRANSPORT goes to urlOf(PLACE).
  Bucket(net::Transport& transport, Clock& clock, Place place, Login login, Options options)
      : transport_(transport),
        clock_(clock),
        place_(std::move(place)),
        login_(std::move(login)),
        options_(options) {}

  // Replaces what is there.
  Task<Result<void>> put(std::string key, std::string body);
  // LENGTH bytes from OFFSET on, or as many as there are, none past its end. NotFound when there is no such
  // object.
  Task<Result<std::string>> get(std::string key, int64_t offset, int64_t length);
  // Its size in bytes; none when there is no such object.
  Task<Result<std::optional<int64_t>>> size(std::string key);
  // All whose key begins with PREFIX, in order.
  Task<Result<std::vector<Object>>> list(std::string prefix);
  // What is below PREFIX, which ends with a slash, up to the next slash and with it, each once, in order.
  Task<Result<std::vector<std::string>>> folders(std::string prefix);
  // One that is not there is no error.
  Task<Result<void>> remove(std::string key);

  // Uploads in parts. All that were begun for keys that begin with PREFIX:
  Task<Result<std::vector<Upload>>> uploads(std::string prefix);
  // Tried once: an answer that was lost would leave an upload behind. The next attempt finds it by uploads().
  Task<Result<Upload>> begin(std::string key);
  // Of 5 MiB at least, but for the last one. Replaces the part of this number.
  Task<Result<Part>> putPart(Upload upload, int number, std::string body);
  Task<Result<std::vector<Part>>> parts(Upload upload);
  // The object is there then, as a whole.
  Task<Result<void>> complete(Upload upload, std::vector<Part> parts);
  // One that is not there is no error.
  Task<Result<void>> abort(Upload upload);

  const Place& place() const { return place_; }

 private:
  Task<Result<net::Response>> call(net::Request request, std::string key, Query query);
  Task<Result<net::Response>> callTimes(unsigned tries, net::Request request, std::string key, Query query);
  Task<Result<net::Response>> once(net::Request request);
  template <class T>
  Task<Result<std::vector<T>>> pages(std::string key, Query query, Result<Page<T>> (*parse)(std::string_view),
                                     std::string next, std::string nextAside);

  net::Transport& transport_;
  Clock& clock_;
  Place place_;
  Login login_;
  Options options_;
};

}  // namespace cloister::store
