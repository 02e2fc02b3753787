#include "kube/client.h"

#include "kube/lines.h"
#include "kube/request.h"
#include "kube/status.h"

namespace cloister::kube {
namespace {

class StreamWatch final : public Watch {
 public:
  explicit StreamWatch(std::unique_ptr<net::BodyStream> stream) : stream_(std::move(stream)) {}

  Task<Result<WatchEvent>> next(Duration idle) override {
    for (;;) {
      if (const auto line = lines_.next()) co_return readEvent(*line);
      auto piece = co_await stream_->read(idle);
      if (!piece) co_return fail(piece.error());
      if (auto added = lines_.add(*piece); !added) co_return fail(added.error());
    }
  }

 private:
  std::unique_ptr<net::BodyStream> stream_;
  Lines lines_;
};

}  // namespace

Task<Result<json::value>> Client::get(Resource resource, ObjectKey key) {
  co_return co_await call("get", resource, getRequest(resource, key));
}

Task<Result<ListPage>> Client::list(Resource resource, std::string namespace_, ListOptions options) {
  auto response = co_await exchange("list", resource, listRequest(resource, namespace_, options));
  if (!response) co_return fail(response.error());
  co_return readPage(*response);
}

Task<Result<std::unique_ptr<Watch>>> Client::watch(Resource resource, std::string namespace_,
                                                   WatchOptions options) {
  const Instant begun = clock_.instant();
  auto opened = co_await transport_.open(watchRequest(resource, namespace_, options));
  record("watch", resource, opened ? opened->head.status : 0, begun);
  if (!opened) co_return fail(opened.error());
  if (!opened->stream) co_return fail(readFailure(opened->head));
  co_return std::make_unique<StreamWatch>(std::move(opened->stream));
}

Task<Result<json::value>> Client::create(Resource resource, std::string namespace_, json::value object) {
  co_return co_await call("create", resource, createRequest(resource, namespace_, object));
}

Task<Result<json::value>> Client::replace(Resource resource, ObjectKey key, json::value object,
                                          std::string subresource) {
  co_return co_await call("update", resource, replaceRequest(resource, key, object, subresource));
}

Task<Result<json::value>> Client::patch(Resource resource, ObjectKey key, json::value body,
                                        PatchOptions options) {
  co_return co_await call("patch", resource, patchRequest(resource, key, body, options));
}

Task<Result<json::value>> Client::remove(Resource resource, ObjectKey key, DeleteOptions options) {
  co_return co_await call("delete", resource, deleteRequest(resource, key, options));
}

Task<Result<json::value>> Client::call(std::string_view verb, Resource resource, net::Request request) {
  auto response = co_await exchange(verb, resource, std::move(request));
  if (!response) co_return fail(response.error());
  co_return readObject(*response);
}

Task<Result<net::Response>> Client::exchange(std::string_view verb, Resource resource, net::Request request) {
  const Instant begun = clock_.instant();
  auto response = co_await transport_.exchange(std::move(request));
  record(verb, resource, response ? response->status : 0, begun);
  co_return response;
}

void Client::record(std::string_view verb, const Resource& resource, int status, Instant begun) {
  if (observer_) observer_({verb, resource.plural, status, clock_.instant() - begun});
}

}  // namespace cloister::kube
